import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHex } from "@herald/lab/hex";
import { SeededRandom } from "@herald/lab/random";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { decodeDatagram, encodeDatagram } from "./datagram.ts";
import { type Framing, framing } from "./framing.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import { encodeStream, StreamDecoder } from "./stream.ts";
import { recordedFraming } from "./testdata/recorded.ts";
import { RECORDING, type Vector } from "./testdata/vectors.ts";

const CLEAR = framing({ label: "", encryption: undefined, compress: false });
const LIMITS = { octets: 2 ** 20, inflatedOctets: 2 ** 21, nodes: 10_000 };

const { vectors } = RECORDING;

/** Bytes to begin with: what was sent, and what was inside what was encrypted. */
interface Sample {
  readonly transport: Vector["transport"];
  readonly bytes: Uint8Array;
  readonly around: Framing;
}

const sent: readonly Sample[] = vectors.map((vector) => ({
  transport: vector.transport,
  bytes: parseHex(vector.hex),
  around: recordedFraming(vector),
}));
const inside: readonly Sample[] = vectors
  .map(({ transport, decoded, hex }) => ({
    transport,
    bytes: parseHex(decoded.encryption?.plaintext ?? hex),
    around: CLEAR,
  }))
  .filter(({ bytes }) => bytes.length < 2_000);

describe("the codec under rubbish", () => {
  it("refuses recordings that are cut off anywhere, or takes what is left", () => {
    const oneOfEachShape = new Map(vectors.map(({ shape }, index) => [shape, index])).values();
    for (const index of oneOfEachShape) {
      const sample = sent[index] as Sample;
      const { length } = sample.bytes;
      for (let end = 0; end < Math.min(length, 700); end += 1) {
        survive({ ...sample, bytes: sample.bytes.subarray(0, end) });
      }
    }
  });

  it("refuses encrypted recordings in which one bit changed", () => {
    const sealed = sent.filter(
      ({ around, transport }) => around.encryption !== undefined && transport === "udp",
    );
    for (const { bytes, around } of sealed.filter((_, index) => index % 10 === 0)) {
      const version = around.labelHeader.length; // the one octet that encryption does not cover
      for (let bit = 0; bit < 8 * bytes.length; bit += 3) {
        const at = bit >> 3;
        const changed = bytes.with(at, (bytes[at] as number) ^ (1 << (bit & 7)));
        if (at === version) survive({ transport: "udp", bytes: changed, around });
        else assert.throws(() => decodeDatagram(changed, around), DecodeError);
      }
    }
  });

  it("gives a value or a DecodeError for 100,000 recordings with something changed", () => {
    const random = new SeededRandom(572);
    const outcomes = { taken: 0, refused: 0 };
    for (let run = 0; run < 100_000; run += 1) {
      const sample = inside[Math.floor(random.next() * inside.length)] as Sample;
      outcomes[survive({ ...sample, bytes: mutated(sample.bytes, random) })] += 1;
    }
    // Why: were nearly all refused at the first octet, nothing would have been tried.
    assert.ok(outcomes.taken > 10_000 && outcomes.refused > 10_000, JSON.stringify(outcomes));
  });

  it("gives a value or a DecodeError for any octets", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: "max" }), fc.nat(13), (octets, type) => {
        for (const transport of ["udp", "tcp"] as const) {
          survive({ transport, bytes: octets, around: CLEAR });
          survive({ transport, bytes: Uint8Array.of(type, ...octets), around: CLEAR });
        }
      }),
      { numRuns: 5_000 },
    );
  });
});

/** Whatever is taken comes back the same when it is sent again. */
function survive({ transport, bytes, around }: Sample): "taken" | "refused" {
  try {
    if (transport === "udp") sendDatagramOn(bytes, around);
    else sendStreamOn(bytes, around);
    return "taken";
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return "refused";
  }
}

function sendDatagramOn(bytes: Uint8Array, around: Framing): void {
  const { messages } = decodeDatagram(bytes, around);
  const parts = messages.slice(0, 255).map(encodeMessage);
  assert.deepEqual(parts.map(decodeMessage), messages.slice(0, 255));
  if (parts.length > 0 && around.encryption === undefined) encodeDatagram(parts, { crc: true }, around);
}

function sendStreamOn(bytes: Uint8Array, around: Framing): void {
  const heard = new StreamDecoder("dialler", around, LIMITS);
  const received = heard.push(bytes);
  if (received === undefined) {
    heard.end();
    assert.fail("neither complete nor cut off");
  }
  const again = encodeStream(received.message, "dialler", CLEAR);
  assert.deepEqual(new StreamDecoder("dialler", CLEAR, LIMITS).push(again)?.message, received.message);
}

/** One to four changes. */
function mutated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const octets = [...bytes];
  for (let left = 1 + below(4, random); left > 0; left -= 1) {
    const at = below(octets.length + 1, random);
    CHANGES[below(CHANGES.length, random)]?.(octets, at, random);
  }
  return Uint8Array.from(octets);
}

const CHANGES: readonly ((octets: number[], at: number, random: SeededRandom) => void)[] = [
  function flipBit(octets, at, random) {
    octets[at] = (octets[at] ?? 0) ^ (1 << below(8, random));
  },
  function setOctet(octets, at, random) {
    octets[at] = below(256, random);
  },
  function leaveOut(octets, at, random) {
    octets.splice(at, below(8, random));
  },
  function double(octets, at, random) {
    octets.splice(at, 0, ...octets.slice(at, at + below(8, random)));
  },
  function move(octets, at, random) {
    octets.splice(below(octets.length, random), 0, ...octets.splice(at, below(8, random)));
  },
  function cutOff(octets, at, random) {
    if (below(4, random) === 0) octets.length = Math.min(octets.length, at);
  },
];

function below(end: number, random: SeededRandom): number {
  return Math.floor(random.next() * end);
}
