import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import { ClaimBook, type ClaimEffect } from "./claim-book.ts";
import { encodeClaimMessage } from "./claim-codec.ts";
import { type Change, type News, WEAKEST } from "./claim-messages.ts";

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
    meet("b");
  });
  const meet = (name: string) => book.handle({ type: "member", name, isAlive: true }, 0);

  it("makes a claim the weakest when told to, and a newer one than ever when it claims again", () => {
    const wallMs = 1_700_000_000_000;
    book.handle({ type: "weaken", address: VIP }, 0);
    assert.equal(book.epochOf(VIP), undefined, "what is not claimed is not");
    book.handle({ type: "claim", address: VIP, wallMs }, 0);
    book.handle({ type: "weaken", address: VIP }, 0);
    assert.equal(book.epochOf(VIP), WEAKEST);
    book.handle({ type: "claim", address: VIP, wallMs }, 0);
    assert.equal(book.epochOf(VIP), wallMs + 1);
  });

  it("knows that others had an address, unless whoever answered last left it to a stranger", () => {
    const known: boolean[] = [];
    const look = () => known.push(book.wereOthers(VIP));
    book.handle({ type: "claim", address: VIP, wallMs: LIFE }, 0);
    book.setUse(VIP, true);
    look();
    meet("c");
    tell(newsOf("c"));
    look();
    tell(newsOf("b", [{ address: VIP, epoch: WEAKEST }]));
    look();
    book.handle({ type: "weaken", address: VIP }, 0);
    book.handle({ type: "member", name: "c", isAlive: false }, 0);
    look();
    book.handle({ type: "claim", address: VIP, wallMs: LIFE }, 0);
    book.handle({ type: "weaken", address: VIP }, 0);
    book.handle({ type: "unclaim", address: VIP }, 0);
    look();
    meet("d");
    tell(newsOf("d"));
    look();
    assert.deepEqual(known, [false, true, true, true, false, true]);
  });

  it("passes on the news of a member once", () => {
    assert.deepEqual(relayed(tell(newsOf("b"))), [encodeClaimMessage(newsOf("b"))]);
    assert.deepEqual(tell(newsOf("b")), []);
  });

  it("keeps nothing of one that is no member, and passes nothing on", () => {
    const page = { speaker: "c", life: LIFE, version: 1, claims: [{ address: VIP, epoch: LIFE }] };
    assert.deepEqual(tell(newsOf("c")), []);
    assert.deepEqual(book.handle({ type: "state", pages: [page] }, 0), []);
    assert.deepEqual(book.handle({ type: "acked", node: "c", standing: page }, 0), []);
    assert.deepEqual(meet("c"), []);
    assert.deepEqual([book.knows(["c"]), book.claimantsOf(VIP).size], [false, 0]);
  });

  it("asks one that becomes a member for all it claims", () => {
    meet("c");
    tell(newsOf("b"));
    const want = encodeClaimMessage({ type: "want", asker: "a", life: 0, version: 0 });
    const asked = book.wake(60).filter(({ type }) => type === "tell");
    assert.deepEqual(asked, [{ type: "tell", node: "c", payload: want }]);
  });

  it("asks again after a while, each in its turn, until all is known or the member is gone", () => {
    const asked = (now: number) =>
      book.wake(now).flatMap((effect) => (effect.type === "tell" ? [effect.node] : []));
    book.handle({ type: "member", name: "c", isAlive: true }, 30);
    asked(0); // tells its own claims
    assert.deepEqual([book.nextWake(), asked(60), book.nextWake()], [60, ["b"], 90]);
    assert.deepEqual([asked(90), book.nextWake(), asked(120)], [["c"], 120, ["b"]]);
    book.handle({ type: "member", name: "c", isAlive: false }, 120);
    assert.equal(book.nextWake(), 180);
    tell(newsOf("b"));
    assert.deepEqual([book.nextWake(), asked(1_000)], [undefined, []]);
  });

  it("does not look at everybody that is being asked to know when to ask next", (t) => {
    book.wake(0);
    for (let index = 0; index < 100; index += 1) meet(`n${index}`);
    let looked = 0;
    const { values } = Map.prototype;
    t.after(() => {
      Map.prototype.values = values;
    });
    Map.prototype.values = function* (this: Map<unknown, unknown>) {
      for (const value of values.call(this)) {
        looked += 1;
        yield value;
      }
      return undefined;
    };
    assert.deepEqual([book.nextWake(), looked], [60, 0]);
  });

  it("makes no entry of late news of one that is gone", () => {
    tell(newsOf("b"));
    const gone = book.handle({ type: "member", name: "b", isAlive: false }, 0);
    assert.deepEqual(gone, [{ type: "changed", address: VIP, speaker: "b", epoch: undefined }]);
    tell(newsOf("b"));
    meet("b");
    assert.deepEqual([book.knows(["b"]), book.claimantsOf(VIP).size], [false, 0]);
  });

  it("takes news that fits no message and passes it on to nobody", () => {
    const effects = tell(newsOf("b", many(9)));
    assert.equal(effects.filter(({ type }) => type === "changed").length, 9);
    assert.deepEqual(relayed(effects), []);
  });

  it("tells one that has begun the life again that it is known to have lived what is believed of it", () => {
    tell(newsOf("b"));
    const acked = book.handle({ type: "acked", node: "b", standing: { life: LIFE, version: 0 } }, 0);
    const want = encodeClaimMessage({ type: "want", asker: "a", life: LIFE, version: 1 });
    assert.deepEqual(acked, [{ type: "tell", node: "b", payload: want }]);
  });
});
