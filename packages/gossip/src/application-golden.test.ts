import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHex } from "@herald/lab/hex";
import { decodeDatagram, encodeDatagram } from "./datagram.ts";
import type { SwimEffect } from "./effect.ts";
import { encodeMessage } from "./message-codec.ts";
import { StreamDecoder } from "./stream.ts";
import { MEMBERLIST_LIMITS } from "./stream-message.ts";
import { recordedFraming } from "./testdata/recorded.ts";
import { RECORDING, type Vector } from "./testdata/vectors.ts";
import { Bench, C, ping, sends } from "./testing/bench.ts";

/** What an application of ours hears of it, as text. */
function heardFrom(vector: Vector): readonly string[] {
  const bench = new Bench([]);
  const bytes = parseHex(vector.hex);
  const around = recordedFraming(vector);
  if (vector.transport === "udp") return texts(bench.hear(C, ...decodeDatagram(bytes, around).messages));
  const received = new StreamDecoder("dialler", around, MEMBERLIST_LIMITS).push(bytes);
  assert.ok(received !== undefined);
  return texts(bench.core.handle({ type: "stream-request", stream: 1, message: received.message }, 0));
}

function texts(effects: readonly SwimEffect[]): readonly string[] {
  return effects.flatMap((effect) => {
    if (effect.type === "told") return [`told ${text(effect.payload)}`];
    return effect.type === "state" ? [`state ${text(effect.userState)}`] : [];
  });
}

const text = (octets: Uint8Array) => String.fromCharCode(...octets);

describe("what applications of real nodes said", () => {
  const recorded: Readonly<Record<string, readonly string[]>> = {
    "user-messages-005": ["told best-effort"],
    "user-messages-006": ["told reliable"],
    "user-messages-007": ["told to-address"],
    "user-messages-008": ["told user-bcast-1", "told user-bcast-2"],
    "labelled-encrypted-aes256-compressed-021": ["told hello-stream"],
    "user-messages-001": ["state state-of-b"],
  };
  for (const [id, heard] of Object.entries(recorded)) {
    it(`is heard from ${id}`, () => assert.deepEqual(heardFrom(vectorOf(id)), heard));
  }
});

describe("an ack with a payload", () => {
  const acks = RECORDING.vectors.filter(
    ({ shape, decoded }) => shape === "ackResp" && decoded.message.fields?.["Payload"] === "010203fa",
  );

  it("was recorded with every length of its sequence", () => assert.equal(acks.length, 7));

  for (const vector of acks) {
    it(`is ours octet for octet as a real node's: ${vector.id}`, () => {
      const bench = new Bench([]);
      bench.core.handle({ type: "ack-payload", payload: new Uint8Array([1, 2, 3, 0xfa]) }, 0);
      const [[, answer] = assert.fail()] = sends(
        bench.hear(C, ping(vector.decoded.message.fields?.["SeqNo"] as number, "us")),
      );
      const bytes = encodeDatagram(answer.map(encodeMessage), { crc: false }, recordedFraming(vector));
      assert.deepEqual(bytes, parseHex(vector.hex));
    });
  }
});

function vectorOf(id: string): Vector {
  return RECORDING.vectors.find((vector) => vector.id === id) ?? assert.fail(id);
}
