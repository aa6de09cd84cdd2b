import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { compress } from "./compression.ts";
import { type Framing, framing } from "./framing.ts";
import { keyRing } from "./key-ring.ts";
import { FULL_VERSIONS, type NodeRecord, type PushPull } from "./message.ts";
import type { Encryption } from "./sealed.ts";
import { encodeStream, StreamDecoder, type StreamSide } from "./stream.ts";
import { encodeStreamMessage, type ReceivedStream, type StreamLimits } from "./stream-message.ts";
import { STREAM_MESSAGE } from "./testdata/arbitraries.ts";
import { NODE_SEALER } from "./testdata/node-sealer.ts";

const LIMITS: StreamLimits = { octets: 100_000, inflatedOctets: 200_000, nodes: 1_000 };
const CLEAR = framing({ label: "", encryption: undefined, compress: false });
const LABELLED = framing({ label: "east", encryption: undefined, compress: false });
const SEALED = sealed({});

const RECORD: NodeRecord = {
  node: "a",
  endpoint: { address: hex`c0000201`, port: 7946 },
  meta: hex`0102`,
  incarnation: 3,
  state: "suspect",
  versions: FULL_VERSIONS,
};
const TABLE: PushPull = { type: "push-pull", join: true, nodes: [RECORD, RECORD], userState: hex`0a0b` };

function sealed(changes: Partial<Encryption>, label = ""): Framing {
  const encryption: Encryption = {
    ring: keyRing(new Uint8Array(32).fill(1)),
    sealer: NODE_SEALER,
    nonces: { next: () => new Uint8Array(12) },
    version: 1,
    verifyIncoming: true,
    verifyOutgoing: true,
    ...changes,
  };
  return framing({ label, encryption, compress: false });
}

function hear(bytes: Uint8Array, around = CLEAR, sender: StreamSide = "dialler"): ReceivedStream | undefined {
  return new StreamDecoder(sender, around, LIMITS).push(bytes);
}

/** A table whose records are the given octets. */
function table(count: number, ...records: Uint8Array[]): Uint8Array {
  const header = hex`83 a4 4a6f696e c2 a5 4e6f646573`;
  const rest = hex`ac 5573657253746174654c656e 00`;
  return Uint8Array.of(
    6,
    ...header,
    0xd1,
    count >> 8,
    count,
    ...rest,
    ...records.flatMap((record) => [...record]),
  );
}

/** A table's record as octets. */
function recordBytes(record: NodeRecord): Uint8Array {
  const none = { ...TABLE, userState: new Uint8Array(0) };
  const empty = encodeStreamMessage({ ...none, nodes: [] });
  return encodeStreamMessage({ ...none, nodes: [record] }).subarray(empty.length);
}

describe("a stream", () => {
  const framings = fc
    .record({
      label: fc.constantFrom("", "east"),
      key: fc.constantFrom(0, 16, 32),
      version: fc.constantFrom(0 as const, 1 as const),
      compress: fc.boolean(),
    })
    .map(({ label, key, version, compress: compressing }) => {
      const around = sealed({ ring: keyRing(new Uint8Array(key || 32)), version }, label);
      return { ...around, compress: compressing, encryption: key === 0 ? undefined : around.encryption };
    });

  it("brings what was put in, however it is wrapped and cut into pieces", () => {
    const sides = fc.constantFrom("dialler" as const, "listener" as const);
    const cuts = fc.array(fc.nat(400), { maxLength: 5 });
    fc.assert(
      fc.property(STREAM_MESSAGE, framings, sides, cuts, (message, around, sender, lengths) => {
        let rest = encodeStream(message, sender, around);
        const decoder = new StreamDecoder(sender, around, LIMITS);
        const said = lengths.map((length) => {
          const piece = rest.subarray(0, length);
          rest = rest.subarray(length);
          return decoder.push(piece);
        });
        said.push(decoder.push(rest));
        assert.deepEqual(
          said.filter((one) => one !== undefined),
          [{ message, refused: [] }],
        );
      }),
      { numRuns: 300 },
    );
  });

  it("says everything once", () => {
    const decoder = new StreamDecoder("dialler", CLEAR, LIMITS);
    assert.deepEqual(decoder.push(encodeStream(TABLE, "dialler", CLEAR)), { message: TABLE, refused: [] });
    assert.equal(decoder.push(hex`00`), undefined);
    decoder.end();
  });

  it("has a label in front of what the dialler says, and not of the answer", () => {
    const around = sealed({}, "east");
    assert.deepEqual([...encodeStream(TABLE, "dialler", around).subarray(0, 7)], [...hex`f4 04 65617374 0a`]);
    assert.equal(encodeStream(TABLE, "listener", around)[0], 10);
    assert.equal(encodeStream(TABLE, "listener", LABELLED)[0], 6);
  });

  it("is compressed even where it grows by it, as memberlist's are", () => {
    const ack = encodeStream({ type: "ack", sequence: 1, payload: hex`` }, "listener", {
      ...CLEAR,
      compress: true,
    });
    assert.equal(ack[0], 9);
    assert.ok(ack.length > 18);
  });

  it("is accepted in the clear while a cluster moves to encryption", () => {
    const moving = sealed({ verifyIncoming: false, verifyOutgoing: false });
    const bytes = encodeStream(TABLE, "dialler", moving);
    assert.deepEqual(bytes, encodeStreamMessage(TABLE));
    assert.deepEqual(hear(bytes, moving)?.message, TABLE);
    assert.deepEqual(hear(encodeStream(TABLE, "dialler", SEALED), moving)?.message, TABLE);
  });

  it("leaves out records that are rubbish and keeps the others", () => {
    const good = recordBytes(RECORD);
    const bytes = table(
      5,
      good,
      good.with(-7, 0xc0).subarray(0, -6),
      hex`81 a5 5374617465 04`,
      hex`c3`,
      good,
    );
    const { message, refused = [] } = hear(bytes) ?? {};
    assert.deepEqual(message, { type: "push-pull", join: false, nodes: [RECORD, RECORD], userState: hex`` });
    assert.deepEqual(
      refused.map((error) => error.message),
      [
        "record.Vsn: invalid (0 octets, want 6)",
        "record.State: invalid (4, want 0 to 3)",
        "record: invalid (0xc3, want a map)",
      ],
    );
  });

  it("has the states of memberlist", () => {
    const nodes = (["alive", "suspect", "dead", "left"] as const).map((state) => ({ ...RECORD, state }));
    const bytes = encodeStreamMessage({ ...TABLE, nodes });
    const states = nodes.map(
      (_, index) => bytes[Buffer.from(bytes).indexOf("State", nthRecord(bytes, index)) + 5],
    );
    assert.deepEqual(states, [0, 1, 2, 3]);
  });
});

/** Where a record begins: at the name of its first key. */
function nthRecord(bytes: Uint8Array, index: number): number {
  let at = 0;
  for (let left = index; left >= 0; left -= 1) at = Buffer.from(bytes).indexOf("Addr", at + 1);
  return at;
}

describe("a stream is refused", () => {
  const long = new Uint8Array(70_000);
  const refused: readonly {
    name: string;
    bytes: Uint8Array;
    around?: Framing;
    sender?: StreamSide;
    error: string;
  }[] = [
    { name: "with a type no stream has", bytes: hex`04 80`, error: "stream.type: unsupported (4)" },
    {
      name: "compressed twice",
      bytes: compress(compress(hex`02 80`)),
      error: "stream.type: unsupported (9)",
    },
    {
      name: "compressed out of nothing",
      bytes: compress(hex``),
      error: "stream.type: truncated (need 1, have 0)",
    },
    {
      name: "cut off inside compression",
      bytes: compress(hex`02 81`),
      error: "ack: truncated (need 1, have 0)",
    },
    {
      name: "unpacking to more than allowed",
      bytes: compress(new Uint8Array(200_001)),
      error: "compress.Buf: oversized (unpacks to more than 200000 octets)",
    },
    {
      name: "in the clear where encryption is wanted",
      bytes: hex`02 80`,
      around: SEALED,
      error: "stream: unauthenticated (not encrypted)",
    },
    {
      name: "encrypted where there are no keys",
      bytes: encodeStream(TABLE, "dialler", SEALED),
      error: "stream: unsupported (encrypted, no keys)",
    },
    {
      name: "encrypted under another label",
      bytes: encodeStream(TABLE, "listener", sealed({}, "west")),
      around: sealed({}, "east"),
      sender: "listener",
      error: "sealed.tag: unauthenticated (none of 1 keys fits)",
    },
    {
      name: "encrypted around nothing",
      bytes: Uint8Array.of(...hex`0a 00000000`),
      around: SEALED,
      error: "sealed.version: truncated (need 1, have 0)",
    },
    {
      name: "announcing more than allowed",
      bytes: hex`0a 000186a1`,
      around: SEALED,
      error: "stream.length: oversized (100001, at most 100000)",
    },
    {
      name: "with another label",
      bytes: hex`f4 04 77657374`,
      around: LABELLED,
      error: 'label: unsupported ("west", want "east")',
    },
    {
      name: "without a label where there is one",
      bytes: hex`02`,
      around: LABELLED,
      error: 'label: unsupported ("", want "east")',
    },
    {
      name: "with a label in front of an answer",
      bytes: hex`f4 04 65617374 02 80`,
      around: LABELLED,
      sender: "listener",
      error: "stream.type: unsupported (244)",
    },
    {
      name: "with fewer than no records",
      bytes: hex`06 81 a5 4e6f646573 ff`,
      error: "push-pull.Nodes: invalid (-1, want 0 to 1048576)",
    },
    {
      name: "with 2^40 records",
      bytes: hex`06 81 a5 4e6f646573 d3 00000100 00000000`,
      error: "push-pull.Nodes: invalid (1099511627776, want 0 to 1048576)",
    },
    {
      name: "with more records than allowed",
      bytes: table(1_001),
      error: "push-pull.Nodes: oversized (1001, at most 1000)",
    },
    {
      name: "with more than 64 records that are rubbish",
      bytes: table(100, ...Array.from({ length: 100 }, () => hex`c3`)),
      error: "record: invalid (0xc3, want a map)",
    },
    {
      name: "with a record nobody finds the end of",
      bytes: table(1, hex`c1`),
      error: "record: invalid (0xc1, want MessagePack)",
    },
    {
      name: "waiting for a record of more than 64 KiB",
      bytes: table(1, Uint8Array.of(0x81, 0xa1, 0x61, 0xdb, 0, 2, 0, 0, ...long)),
      error: "record: oversized (not there after 65536 octets)",
    },
    {
      name: "past what may arrive at all",
      bytes: new Uint8Array(200_000),
      error: "stream: oversized (more than 165536 octets)",
    },
  ];
  for (const { name, bytes, around = CLEAR, sender = "dialler", error } of refused) {
    it(name, () => {
      assert.throws(() => hear(bytes, around, sender), { name: "DecodeError", message: error });
    });
  }

  const framings = [
    { name: "in the clear", around: CLEAR },
    { name: "labelled", around: LABELLED },
    { name: "compressed", around: { ...CLEAR, compress: true } },
    { name: "encrypted", around: SEALED },
  ];
  for (const { name, around } of framings) {
    it(`when it ends too early, ${name}, and not before it ends`, () => {
      const bytes = encodeStream(TABLE, "dialler", around);
      for (let length = 0; length < bytes.length; length += 1) {
        const decoder = new StreamDecoder("dialler", around, LIMITS);
        assert.equal(decoder.push(bytes.subarray(0, length)), undefined);
        assert.throws(
          () => decoder.end(),
          (error) => error instanceof DecodeError && error.reason === "truncated",
        );
      }
    });
  }
});
