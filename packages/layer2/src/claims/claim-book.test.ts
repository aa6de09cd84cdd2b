import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import { ClaimBook, type ClaimEffect } from "./claim-book.ts";
import { encodeClaimMessage } from "./claim-codec.ts";
import type { Change, News } from "./claim-messages.ts";

const VIP = "192.0.2.1" as IpAddress;
const LIFE = 1_000_000;

const newsOf = (speaker: string, changes: readonly Change[] = [{ address: VIP, epoch: LIFE }]): News => ({
  type: "news",
  speaker,
  life: LIFE,
  version: changes.length,
  from: 0,
  to: changes.length,
  changes,
});
const many = (count: number): Change[] =>
  Array.from({ length: count }, (_, index) => ({
    address: `198.51.100.${index}` as IpAddress,
    epoch: LIFE + index,
  }));

describe("ClaimBook", () => {
  let book: ClaimBook;
  const tell = (message: News): readonly ClaimEffect[] => book.handle({ type: "told", message }, 0);
  const relayed = (effects: readonly ClaimEffect[]): readonly Uint8Array[] =>
    effects.flatMap((effect) => (effect.type === "broadcast" ? [effect.payload] : []));
  beforeEach(() => {
    book = new ClaimBook({
      self: "a",
      life: LIFE,
      payloadOctets: 100,
      bookOctets: 2_000,
      askAfterMs: 20,
      askAgainMs: 60,
    });
    book.handle({ type: "members", names: new Set(["b"]) }, 0);
  });

  it("passes on the news of a member once", () => {
    assert.deepEqual(relayed(tell(newsOf("b"))), [encodeClaimMessage(newsOf("b"))]);
    assert.deepEqual(tell(newsOf("b")), []);
  });

  it("passes on no news of one that is no member", () => {
    assert.deepEqual(tell(newsOf("c")), []);
  });

  it("takes news that fits no message and passes it on to nobody", () => {
    const effects = tell(newsOf("b", many(9)));
    assert.equal(effects.filter(({ type }) => type === "changed").length, 9);
    assert.deepEqual(relayed(effects), []);
  });
});
