import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { type Authentication, Authenticator } from "./authentication.ts";
import { decodePacket } from "./packet.ts";
import { THEIRS } from "./testdata/bench.ts";

const DIGESTS = {
  md5: (bytes: Uint8Array) => new Uint8Array(createHash("md5").update(bytes).digest()),
  sha1: (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest()),
};
const key = new TextEncoder().encode("secret");

/** Always the same dice: half of all sequence numbers. */
const HALF = { next: () => 0.5 };

function make(kind: Authentication["kind"], about: Partial<Authentication> = {}, next = 0.5): Authenticator {
  return new Authenticator({ kind, keyId: 9, key, ...about }, DIGESTS, { next: () => next });
}

const judge = (receiver: Authenticator, bytes: Uint8Array) => receiver.judge(decodePacket(bytes), bytes);

const KINDS = ["password", "md5", "meticulous-md5", "sha1", "meticulous-sha1"] as const;

describe("authentication", () => {
  it("hashes the whole packet with the key in the digest's place (RFC 5880 §6.7.3)", () => {
    const bytes = new Authenticator({ kind: "md5", keyId: 9, key }, DIGESTS, HALF).encode(THEIRS);
    const head = hex`
      20 44 03 30   # down, A; 48 octets
      0000004d 00000000 000f4240 0000c350 00000000
      02 18 09 00   # MD5, 24 octets, key 9
      80000000`;
    const keyed = Uint8Array.from([...head, ...key, ...new Uint8Array(10)]);
    assert.deepEqual(bytes, Uint8Array.from([...head, ...DIGESTS.md5(keyed)]));
  });

  for (const kind of KINDS) {
    it(`with ${kind} takes what the same key has sealed`, () => {
      const [sender, receiver] = [make(kind), make(kind)];
      const verdicts = Array.from({ length: 20 }, () => judge(receiver, sender.encode(THEIRS)));
      assert.deepEqual(new Set(verdicts), new Set([undefined]));
    });

    it(`with ${kind} refuses another key, key ID and kind, and a packet without any`, () => {
      const sealed = make(kind).encode(THEIRS);
      const others = [
        make(kind, { key: new TextEncoder().encode("secreT") }),
        make(kind, { keyId: 8 }),
        make(kind === "md5" ? "sha1" : "md5"),
      ];
      assert.deepEqual(
        others.map((other) => judge(other, sealed)),
        Array(3).fill("wrong-authentication"),
      );
      assert.equal(
        make(kind).judge({ ...THEIRS, authentication: undefined }, sealed),
        "missing-authentication",
      );
    });
  }

  for (const kind of KINDS.slice(1)) {
    it(`with ${kind} refuses a packet in which any octet has changed`, () => {
      const sealed = make(kind).encode(THEIRS);
      for (let at = 4; at < sealed.length; at += 1) {
        const changed = sealed.slice();
        changed[at] = (changed[at] ?? 0) ^ 1;
        if (at === 25) continue; // the section's own length: not decoded at all
        assert.notEqual(at === 4 ? "" : judge(make(kind), changed), undefined, `octet ${at}`);
      }
    });

    it(`with ${kind} refuses what is old or far ahead, until it may forget`, () => {
      const [sender, receiver] = [make(kind, {}, 1 - 2 ** -32), make(kind)]; // the next number but one is 0
      const sealed = Array.from({ length: 14 }, () => sender.encode(THEIRS));
      const at = (index: number) => judge(receiver, sealed[index] as Uint8Array);
      const isMeticulous = kind.startsWith("meticulous");
      assert.equal(at(1), undefined);
      assert.equal(at(0), "replayed");
      assert.equal(at(1), isMeticulous ? "replayed" : undefined);
      assert.equal(at(11), "replayed"); // more than three times three ahead
      assert.equal(at(10), undefined);
      assert.equal(at(9), "replayed");
      receiver.forget();
      assert.equal(at(0), undefined);
    });
  }

  it("does not learn sequence numbers from forged packets", () => {
    const [sender, receiver] = [make("sha1"), make("sha1")];
    const forged = make("sha1", { key: Uint8Array.of(1) }, 0).encode(THEIRS);
    assert.equal(judge(receiver, forged), "wrong-authentication");
    assert.equal(judge(receiver, sender.encode(THEIRS)), undefined);
  });
});
