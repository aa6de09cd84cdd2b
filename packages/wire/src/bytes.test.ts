import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { DecodeError, expectField, Reader, Writer } from "./bytes.ts";

describe("Reader", () => {
  it("reads fields one after the other", () => {
    const r = new Reader(hex`01 0203 fffefdfc 0a0b 0c`);
    assert.deepEqual(
      [r.u8("a"), r.u16("b"), r.u32("c"), r.bytes(2, "d"), r.rest()],
      [1, 0x203, 0xfffefdfc, hex`0a0b`, hex`0c`],
    );
  });

  const short = [
    {
      name: "an octet",
      read: (r: Reader) => r.u8("f"),
      error: "f: truncated (need 1, have 0)",
      bytes: hex``,
    },
    {
      name: "16 bits",
      read: (r: Reader) => r.u16("f"),
      error: "f: truncated (need 2, have 1)",
      bytes: hex`01`,
    },
    {
      name: "32 bits",
      read: (r: Reader) => r.u32("f"),
      error: "f: truncated (need 4, have 3)",
      bytes: hex`010203`,
    },
    {
      name: "octets",
      read: (r: Reader) => r.bytes(6, "f"),
      error: "f: truncated (need 6, have 5)",
      bytes: hex`0102030405`,
    },
  ];
  for (const { name, read, error, bytes } of short) {
    it(`refuses to read ${name} where there is less`, () => {
      assert.throws(() => read(new Reader(bytes)), {
        name: "DecodeError",
        reason: "truncated",
        field: "f",
        message: error,
      });
    });
  }

  it("gives views, not copies", () => {
    const bytes = hex`0102`;
    const view = new Reader(bytes).bytes(2, "f");
    bytes[0] = 9;
    assert.deepEqual(view, hex`0902`);
  });
});

describe("Writer", () => {
  it("writes fields one after the other over whatever was there", () => {
    const into = new Uint8Array(9).fill(0xa5);
    assert.deepEqual(
      new Writer(into).u8(1).u16(0x203).u32(0xfffefdfc).bytes(hex`0a0b`).finish(),
      hex`01 0203 fffefdfc 0a0b`,
    );
  });
  it("throws rather than write past the end", () => {
    assert.throws(
      () => new Writer(new Uint8Array(3)).u16(1).u16(2),
      new RangeError("no room for 2 octets at 2 of 3"),
    );
  });
  it("throws when octets were left unwritten", () => {
    assert.throws(
      () => new Writer(new Uint8Array(3)).u16(1).finish(),
      new RangeError("1 octets were not written"),
    );
  });
});

describe("expectField", () => {
  it("accepts the wanted value", () => expectField("f", 6, 6));
  it("refuses any other and says both", () => {
    assert.throws(() => expectField("f", 5, 6), new DecodeError("unsupported", "f", "5, want 6"));
  });
});
