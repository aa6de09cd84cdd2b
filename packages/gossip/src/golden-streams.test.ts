import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import type { Framing } from "./framing.ts";
import { encodeStream, StreamDecoder, type StreamSide } from "./stream.ts";
import { MEMBERLIST_LIMITS } from "./stream-message.ts";
import { recordedFraming, recordedStream } from "./testdata/recorded.ts";
import { RECORDING, type Vector } from "./testdata/vectors.ts";

const streams = RECORDING.vectors.filter(({ transport }) => transport === "tcp");

describe("recorded streams", () => {
  it("are all there", () => assert.equal(streams.length, 110));

  for (const vector of streams) {
    const { id, shape, decoded } = vector;
    const bytes = parseHex(vector.hex);
    const around = senderFraming(vector);
    const sender: StreamSide = vector.direction.includes("server") ? "listener" : "dialler";
    const expected = { message: recordedStream(decoded), refused: [] };

    it(`${id}, ${shape}, says what was recorded`, () => {
      assert.deepEqual(new StreamDecoder(sender, around, MEMBERLIST_LIMITS).push(bytes), expected);
    });
    it(`${id}, ${shape}, says it without waiting for the end, octet by octet`, () => {
      const decoder = new StreamDecoder(sender, around, MEMBERLIST_LIMITS);
      const pieces = [...bytes.subarray(0, 2_000)].map((octet) => Uint8Array.of(octet));
      const rest = bytes.subarray(2_000);
      const said = [...pieces, ...(rest.length > 0 ? [rest] : [])].map((piece) => decoder.push(piece));
      assert.deepEqual(said, [...said.slice(1).map(() => undefined), expected]);
    });
    it(`${id}, ${shape}, comes out octet for octet`, () => {
      assert.deepEqual(encodeStream(expected.message, sender, around), bytes);
    });
  }

  it("in the clear are refused where encryption is wanted, in words a real node has, too", () => {
    const [clear, reply] = streams.filter(({ scenario }) => scenario === "err-over-tcp");
    assert.ok(clear !== undefined && reply !== undefined);
    assert.throws(
      () => new StreamDecoder("dialler", recordedFraming(clear), MEMBERLIST_LIMITS).push(parseHex(clear.hex)),
      new DecodeError("unauthenticated", "stream", "not encrypted"),
    );
    const heard = new StreamDecoder("listener", recordedFraming(reply), MEMBERLIST_LIMITS).push(
      parseHex(reply.hex),
    );
    assert.deepEqual(heard?.message, {
      type: "error",
      text: "encryption is configured but remote state is not encrypted",
    });
  });
});

/** Not every sender of a scenario was set up like the nodes it spoke to. */
function senderFraming(vector: Vector): Framing {
  const around = recordedFraming(vector);
  return {
    ...around,
    compress: vector.shape.includes("compress"),
    encryption: vector.decoded.encryption === undefined ? undefined : around.encryption,
  };
}
