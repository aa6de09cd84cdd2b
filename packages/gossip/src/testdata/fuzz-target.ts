import assert from "node:assert/strict";
import type { FuzzTarget } from "@herald/lab/fuzz";
import { parseHex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import { decodeDatagram, encodeDatagram } from "../datagram.ts";
import { type Framing, framing } from "../framing.ts";
import { decodeMessage, encodeMessage } from "../message-codec.ts";
import { encodeStream, StreamDecoder } from "../stream.ts";
import { RECORDING, type Vector } from "./vectors.ts";

const CLEAR = framing({ label: "", encryption: undefined, compress: false });
const LIMITS = { octets: 2 ** 20, inflatedOctets: 2 ** 21, nodes: 10_000 };
const LONGEST_OCTETS = 2_000;

/** Datagrams and streams as they are inside of what is encrypted, behind an octet that is even for a datagram. */
export const GOSSIP_FUZZ: FuzzTarget = {
  name: "gossip",
  samples: RECORDING.vectors
    .map(({ transport, decoded, hex }) =>
      Uint8Array.of(transport === "udp" ? 0 : 1, ...parseHex(decoded.encryption?.plaintext ?? hex)),
    )
    .filter(({ length }) => length < LONGEST_OCTETS),
  judge: (input, thorough) => {
    const transport = (input[0] ?? 0) % 2 === 0 ? "udp" : "tcp";
    return judgeGossip(transport, input.subarray(1), CLEAR, thorough);
  },
};

/** Whatever is taken comes back the same when it is sent again. */
export function judgeGossip(
  transport: Vector["transport"],
  bytes: Uint8Array,
  around: Framing,
  thorough: boolean,
): "taken" | "refused" {
  try {
    if (transport === "udp") sendDatagramOn(bytes, around, thorough);
    else sendStreamOn(bytes, around, thorough);
    return "taken";
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return "refused";
  }
}

function sendDatagramOn(bytes: Uint8Array, around: Framing, thorough: boolean): void {
  const { messages } = decodeDatagram(bytes, around);
  if (!thorough) return;
  const parts = messages.slice(0, 255).map(encodeMessage);
  assert.deepEqual(parts.map(decodeMessage), messages.slice(0, 255));
  if (parts.length > 0 && around.encryption === undefined) encodeDatagram(parts, { crc: true }, around);
}

function sendStreamOn(bytes: Uint8Array, around: Framing, thorough: boolean): void {
  const heard = new StreamDecoder("dialler", around, LIMITS);
  const received = heard.push(bytes);
  if (received === undefined) {
    heard.end();
    assert.fail("neither complete nor cut off");
  }
  if (!thorough) return;
  const again = encodeStream(received.message, "dialler", CLEAR);
  assert.deepEqual(new StreamDecoder("dialler", CLEAR, LIMITS).push(again)?.message, received.message);
}
