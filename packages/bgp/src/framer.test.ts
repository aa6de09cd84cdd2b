import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import fc from "fast-check";
import { Framer } from "./framer.ts";
import { frame, MAX_EXTENDED_OCTETS } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import { MessageError } from "./message-error.ts";
import { notification } from "./notification.ts";

const keepalive = hex`
  ffffffffffffffffffffffffffffffff 0013 04`;

/** Feeds all, then takes out what there is. */
function framesOf(chunks: readonly Uint8Array[], framer = new Framer()) {
  const frames = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let next = framer.next(); next !== undefined; next = framer.next()) frames.push(next);
  }
  return frames;
}

describe("the framer", () => {
  it("finds a KEEPALIVE, which is a header alone", () => {
    assert.deepEqual(framesOf([keepalive]), [{ type: 4, body: new Uint8Array(0) }]);
  });

  it("finds the same messages wherever the stream is cut", () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 4, maxLength: 40 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(bodies, fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }), (all, sizes) => {
        const stream = Uint8Array.from(all.flatMap((body) => [...frame(MESSAGE_TYPE.update, body)]));
        const chunks: Uint8Array[] = [];
        for (let at = 0, turn = 0; at < stream.length; turn += 1) {
          const size = sizes[turn % sizes.length] as number;
          chunks.push(stream.subarray(at, at + size));
          at += size;
        }
        assert.deepEqual(
          framesOf(chunks),
          all.map((body) => ({ type: MESSAGE_TYPE.update, body })),
        );
      }),
    );
  });

  const refused = [
    {
      name: "a marker that is none, at its first octet",
      bytes: hex`47`,
      error: "header.marker: invalid (octet 0 is 71)",
      answer: notification(1, 1),
    },
    {
      name: "a length shorter than the header",
      bytes: hex`ffffffffffffffffffffffffffffffff 0012 04`,
      error: "header.length: invalid (18, want 19 to 19)",
      answer: notification(1, 2, hex`0012`),
    },
    {
      name: "a KEEPALIVE with something in it",
      bytes: hex`ffffffffffffffffffffffffffffffff 0014 04 00`,
      error: "header.length: invalid (20, want 19 to 19)",
      answer: notification(1, 2, hex`0014`),
    },
    {
      name: "an OPEN that is too short",
      bytes: hex`ffffffffffffffffffffffffffffffff 001c 01`,
      error: "header.length: invalid (28, want 29 to 4096)",
      answer: notification(1, 2, hex`001c`),
    },
    {
      name: "an UPDATE longer than 4,096 octets, before it has come",
      bytes: hex`ffffffffffffffffffffffffffffffff 1001 02`,
      error: "header.length: invalid (4097, want 23 to 4096)",
      answer: notification(1, 2, hex`1001`),
    },
    {
      name: "a type that nobody knows",
      bytes: hex`ffffffffffffffffffffffffffffffff 0013 06`,
      error: "header.type: unsupported (6)",
      answer: notification(1, 3, hex`06`),
    },
  ];
  for (const { name, bytes, error, answer } of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => framesOf([bytes]),
        (thrown) => {
          assert.ok(thrown instanceof MessageError);
          assert.equal(thrown.message, error);
          assert.deepEqual(thrown.notification, answer);
          return true;
        },
      );
    });
  }

  it("takes long UPDATEs once it is told to, but no long OPEN", () => {
    const framer = new Framer();
    framer.allow(MAX_EXTENDED_OCTETS);
    const long = frame(MESSAGE_TYPE.update, new Uint8Array(60_000));
    assert.deepEqual(
      framesOf([long], framer).map(({ body }) => body.length),
      [60_000],
    );
    assert.throws(() => framesOf([frame(MESSAGE_TYPE.open, new Uint8Array(5_000))], framer), {
      message: "header.length: invalid (5019, want 29 to 4096)",
    });
  });
});
