import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { SeededRandom } from "@herald/lab/random";
import { fromOctets, type IpAddress } from "@herald/shared/ip/address";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import {
  decodeBook,
  decodeClaimMessage,
  decodeDigest,
  encodeBook,
  encodeClaimMessage,
  encodeDigest,
  encodePage,
} from "./claim-codec.ts";
import {
  type Change,
  CLAIM_LIMITS,
  type ClaimMessage,
  type News,
  type Page,
  type Want,
} from "./claim-messages.ts";

const vip = "192.0.2.10" as IpAddress;
const vip6 = "fd00::10" as IpAddress;
const news: News = {
  type: "news",
  speaker: "node-1",
  life: 0x0198_0000_0001,
  version: 9,
  from: 7,
  to: 9,
  changes: [
    { address: vip, epoch: 0x0198_0000_0203 },
    { address: vip6, epoch: undefined },
  ],
};
const newsBytes = hex`
  c1 01 03  019800000001 00000009           # news, life, version
  06 6e6f64652d31                           # node-1
  00000007 00000009 0002                    # from, to, count
  04 c000020a 019800000203                  # 192.0.2.10 claimed
  86 fd000000000000000000000000000010       # fd00::10 given up`;
const want: Want = { type: "want", life: 1, version: 2, asker: "b" };
const wantBytes = hex`c1 01 02  000000000001 00000002  01 62`;
const page: Page = { speaker: "b", life: 1, version: 2, claims: [{ address: vip, epoch: 3 }] };
const bookBytes = hex`
  c1 01 04 0001
  000000000001 00000002  01 62  0001
  04 c000020a 000000000003`;
const digestBytes = hex`c1 01 01  000000000001 00000002`;

describe("the codec of claims", () => {
  it("encodes and decodes news", () => {
    assert.deepEqual(encodeClaimMessage(news), newsBytes);
    assert.deepEqual(decodeClaimMessage(newsBytes), news);
  });

  it("encodes and decodes a question", () => {
    assert.deepEqual(encodeClaimMessage(want), wantBytes);
    assert.deepEqual(decodeClaimMessage(wantBytes), want);
  });

  it("encodes and decodes a book", () => {
    assert.deepEqual(encodeBook([encodePage(page)]), bookBytes);
    assert.deepEqual(decodeBook(bookBytes), [page]);
  });

  it("encodes and decodes a digest, which fits an ack", () => {
    assert.deepEqual(encodeDigest({ life: 1, version: 2 }), digestBytes);
    assert.deepEqual(decodeDigest(digestBytes), { life: 1, version: 2 });
    assert.ok(digestBytes.length <= 32);
  });

  const refused: {
    name: string;
    decode: (bytes: Uint8Array) => unknown;
    bytes: Uint8Array;
    error: string;
  }[] = [
    {
      name: "nothing",
      decode: decodeDigest,
      bytes: hex``,
      error: "claims.magic: truncated (need 1, have 0)",
    },
    {
      name: "another's message",
      decode: decodeClaimMessage,
      bytes: hex`00 01 03`,
      error: "claims.magic: unsupported (0, want 193)",
    },
    {
      name: "a later format",
      decode: decodeClaimMessage,
      bytes: hex`c1 02 03`,
      error: "claims.format: unsupported (2, want 1)",
    },
    {
      name: "a book as a message",
      decode: decodeClaimMessage,
      bytes: bookBytes,
      error: "claims.kind: unsupported (4, want 3)",
    },
    {
      name: "news cut off",
      decode: decodeClaimMessage,
      bytes: newsBytes.subarray(0, -1),
      error: "claims.news.change.address: truncated (need 16, have 15)",
    },
    {
      name: "news with more behind it",
      decode: decodeClaimMessage,
      bytes: Uint8Array.of(...newsBytes, 0),
      error: "claims: trailing (1 octets)",
    },
    {
      name: "news of a range that runs backwards",
      decode: decodeClaimMessage,
      bytes: encodeClaimMessage({ ...news, from: 8, to: 7 }),
      error: "claims.news.from: invalid (8, past 7)",
    },
    {
      name: "news from the future of its speaker",
      decode: decodeClaimMessage,
      bytes: encodeClaimMessage({ ...news, version: 8 }),
      error: "claims.news.to: invalid (past 8)",
    },
    {
      name: "an address of no family",
      decode: decodeClaimMessage,
      bytes: newsBytes.with(30, 5),
      error: "claims.news.change.kind: unsupported (5)",
    },
    {
      name: "a name that is none",
      decode: decodeClaimMessage,
      bytes: wantBytes.with(-1, 0x0a),
      error: "claims.want.asker: invalid (no host name)",
    },
    {
      name: "an empty name",
      decode: decodeClaimMessage,
      bytes: wantBytes.slice(0, -1).with(-1, 0),
      error: "claims.want.asker: invalid (empty)",
    },
    {
      name: "an epoch nobody could count on from",
      decode: decodeBook,
      bytes: bookBytes.with(-6, 0xff),
      error: `claims.page.claim.epoch: oversized (${0xff * 2 ** 40 + 3}, at most ${CLAIM_LIMITS.epoch})`,
    },
    {
      name: "a page with a claim given up",
      decode: decodeBook,
      bytes: bookBytes.slice(0, -6).with(-5, 0x84),
      error: "claims.page.claim.kind: invalid (given up)",
    },
  ];
  for (const { name, decode, bytes, error } of refused) {
    it(`refuses ${name}`, () => assert.throws(() => decode(bytes), { name: "DecodeError", message: error }));
  }
});

const u48 = fc.integer({ min: 0, max: CLAIM_LIMITS.life });
const name = fc.stringMatching(/^[a-z0-9.-]{1,255}$/);
const address = fc
  .oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 }))
  .map(fromOctets);
const change: fc.Arbitrary<Change> = fc.record(
  { address, epoch: fc.option(u48, { nil: undefined }) },
  { noNullPrototype: true },
);
const message: fc.Arbitrary<ClaimMessage> = fc.oneof(
  fc
    .tuple(u48, name, fc.uniqueArray(fc.nat(), { minLength: 3, maxLength: 3 }), fc.array(change))
    .map(([life, speaker, [...versions], changes]): News => {
      const [from = 0, to = 0, version = 0] = versions.sort((a, b) => a - b);
      return { type: "news", life, version, speaker, from, to, changes };
    }),
  fc
    .tuple(u48, fc.nat(), name)
    .map(([life, version, asker]): Want => ({ type: "want", life, version, asker })),
);
const pages: fc.Arbitrary<Page[]> = fc.array(
  fc.tuple(u48, fc.nat(), name, fc.array(fc.tuple(address, u48))).map(([life, version, speaker, claims]) => ({
    life,
    version,
    speaker,
    claims: claims.map(([each, epoch]) => ({ address: each, epoch })),
  })),
);

describe("the codec of claims, whatever comes", () => {
  it("reads what it wrote", () => {
    fc.assert(
      fc.property(message, (sent) => assert.deepEqual(decodeClaimMessage(encodeClaimMessage(sent)), sent)),
    );
    fc.assert(
      fc.property(pages, (sent) => assert.deepEqual(decodeBook(encodeBook(sent.map(encodePage))), sent)),
    );
  });

  it("makes something of any bytes or refuses them", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), survive), { numRuns: 5_000 });
  });

  it("makes something of what was changed on its way or refuses it", () => {
    const random = new SeededRandom(5);
    const samples = [newsBytes, wantBytes, bookBytes, digestBytes];
    for (let round = 0; round < 20_000; round += 1) {
      const bytes = Uint8Array.from(samples[round % samples.length] as Uint8Array);
      for (let changes = 1 + Math.floor(random.next() * 4); changes > 0; changes -= 1) {
        bytes[Math.floor(random.next() * bytes.length)] = Math.floor(random.next() * 256);
      }
      survive(bytes.subarray(0, Math.ceil(random.next() * 1.5 * bytes.length)));
    }
  });
});

function survive(bytes: Uint8Array): void {
  for (const decode of [decodeDigest, decodeClaimMessage, decodeBook]) {
    try {
      decode(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }
}
