import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, it } from "node:test";
import { Election } from "@herald/layer2/election";
import type { IpAddress } from "@herald/shared/ip/address";
import { Ownership } from "./ownership.ts";

// MetalLB's vector: iris2 precedes iris1 for 10.20.30.1.
const vip = "10.20.30.1" as IpAddress;
const other = "10.20.30.2" as IpAddress;
const MINUTE = 60_000;

function start(self: string, failBackMs = 5 * MINUTE) {
  const claims = new Map<IpAddress, Map<string, number>>();
  const election = new Election((text) => hash("sha256", text, "buffer"));
  const view = {
    claimantsOf: (address: IpAddress) => claims.get(address) ?? new Map<string, number>(),
    setUse: () => {},
  };
  const ownership = new Ownership(self, { failBackMs, vacantMs: 1_000 }, election, view);
  ownership.setCounting(true);
  return {
    ownership,
    claim: (speaker: string, epoch: number, address = vip) =>
      claims.set(address, (claims.get(address) ?? new Map()).set(speaker, epoch)),
    unclaim: (speaker: string, address = vip) => claims.get(address)?.delete(speaker),
    ownerAt: (now: number, candidates: readonly string[] = ["iris1", "iris2"], addresses = [vip]) =>
      ownership.ownerOf(
        { address: vip, addresses, candidates: new Set(candidates), weights: new Map() },
        now,
      ),
    /** With iris1 preferred. */
    preferredAt: (now: number, candidates: readonly string[] = ["iris1", "iris2"]) =>
      ownership.ownerOf(
        {
          address: vip,
          addresses: [vip],
          candidates: new Set(candidates),
          weights: new Map([["iris1", 5]]),
        },
        now,
      ),
  };
}

describe("Ownership", () => {
  it("goes by the hash where nobody holds an address", () => {
    assert.equal(start("iris1").ownerAt(0), "iris2");
    assert.equal(start("iris2").ownerAt(0), "iris2");
    assert.equal(start("iris1").ownerAt(0, []), undefined);
  });

  it("leaves an address with whoever holds it, and takes it back after a time of quiet", () => {
    const { ownership, claim, ownerAt } = start("iris2");
    claim("iris1", 7);
    assert.equal(ownerAt(1_000), "iris1");
    assert.equal(ownership.nextWake(), 1_000 + 5 * MINUTE);
    assert.deepEqual(ownership.wake(5 * MINUTE), []);
    assert.equal(ownerAt(5 * MINUTE), "iris1");
    assert.deepEqual(ownership.wake(1_000 + 5 * MINUTE), [vip]);
    assert.equal(ownerAt(1_000 + 5 * MINUTE), "iris2");
    assert.equal(ownership.nextWake(), undefined);
  });

  it("prefers before the hash where nobody holds an address, and takes back for that what another holds", () => {
    assert.equal(start("iris2").preferredAt(0), "iris1");
    const { claim, preferredAt } = start("iris1");
    claim("iris2", 7);
    assert.equal(preferredAt(0), "iris2");
    assert.equal(preferredAt(5 * MINUTE), "iris1");
  });

  it("waits for all that are preferred when nobody takes an address", () => {
    const { preferredAt } = start("iris9"); // which iris2 precedes
    const all = ["iris1", "iris2", "iris9"];
    assert.equal(preferredAt(0, all), "iris1");
    assert.equal(preferredAt(1_999, all), "iris1");
    assert.equal(preferredAt(2_000, all), "iris9");
  });

  it("begins to wait anew when another holds it, or when the hash said otherwise meanwhile", () => {
    const { claim, unclaim, ownerAt } = start("iris2");
    const all = ["iris1", "iris2", "iris9"];
    claim("iris1", 7);
    ownerAt(0, all);
    unclaim("iris1");
    claim("iris9", 8);
    assert.equal(ownerAt(5 * MINUTE, all), "iris9");
    assert.equal(ownerAt(6 * MINUTE, ["iris1", "iris9"]), "iris9"); // this node was no candidate
    assert.equal(ownerAt(7 * MINUTE, all), "iris9");
    assert.equal(ownerAt(11 * MINUTE, all), "iris9");
    assert.equal(ownerAt(12 * MINUTE, all), "iris2");
  });

  it("takes back at once when asked to, and only what the hash would give it", () => {
    const { ownership, claim, ownerAt } = start("iris2", Number.POSITIVE_INFINITY);
    claim("iris1", 7);
    ownerAt(0);
    assert.equal(ownership.nextWake(), undefined);
    ownership.askBack();
    assert.equal(ownerAt(1), "iris2");
    const loser = start("iris1");
    loser.claim("iris2", 7);
    loser.ownerAt(0);
    loser.ownership.askBack();
    assert.equal(loser.ownerAt(1), "iris2");
  });

  it("takes back at once with no time to wait, as MetalLB does", () => {
    const { claim, ownerAt } = start("iris2", 0);
    claim("iris1", 7);
    assert.equal(ownerAt(0), "iris2");
  });

  it("keeps what it holds, whatever the hash says", () => {
    const { claim, ownerAt } = start("iris1");
    claim("iris1", 7);
    assert.equal(ownerAt(0), "iris1");
    assert.equal(ownerAt(9 * MINUTE), "iris1");
  });

  it("follows the newest claim, of equal ones that of the greater name", () => {
    const { claim, ownerAt } = start("iris1");
    claim("iris1", 7);
    claim("iris2", 8);
    assert.equal(ownerAt(0), "iris2");
    claim("iris1", 8);
    assert.equal(ownerAt(0), "iris2");
    claim("iris1", 9);
    assert.equal(ownerAt(0), "iris1");
  });

  it("goes by the newest claim of any of the addresses that belong together", () => {
    const { claim, ownerAt } = start("iris1");
    claim("iris2", 7);
    claim("iris1", 8, other);
    assert.equal(ownerAt(0, ["iris1", "iris2"], [vip, other]), "iris1");
    claim("iris2", 9);
    assert.equal(ownerAt(0, ["iris1", "iris2"], [vip, other]), "iris2");
  });

  it("gives nothing for the claim of a node that can own nothing", () => {
    const { claim, ownerAt } = start("iris1");
    claim("iris2", 7);
    assert.equal(ownerAt(0, ["iris1"]), "iris1");
  });

  it("goes by the hash alone, at once, while some speaker does not claim", () => {
    const { ownership, claim, ownerAt } = start("iris2");
    claim("iris1", 7);
    assert.equal(ownership.setCounting(false), true);
    assert.equal(ownership.setCounting(false), false);
    assert.equal(ownerAt(0), "iris2");
    assert.equal(ownership.nextWake(), undefined);
  });

  it("takes what nobody claims after those before it have had their time", () => {
    const names = ["n1", "n2", "n3", "n4"];
    const election = new Election((text) => hash("sha256", text, "buffer"));
    const taken = names.map((self) => {
      const { ownership, ownerAt } = start(self);
      assert.equal(ownerAt(0, names), election.ownerOf(vip, names));
      for (let now = 0; ; now = ownership.nextWake() ?? 0) {
        ownership.wake(now);
        if (ownerAt(now, names) === self) return now;
      }
    });
    assert.deepEqual(
      taken,
      names.map((self) => 1_000 * election.placeOf(vip, names, self)),
    );
    assert.deepEqual(taken.toSorted(), [0, 1_000, 2_000, 3_000]);
  });

  it("keeps its turn until somebody claims: it may have to ask first whether the address is free", () => {
    const { claim, unclaim, ownerAt } = start("iris1");
    assert.deepEqual([ownerAt(0), ownerAt(999)], ["iris2", "iris2"]);
    assert.deepEqual([ownerAt(1_000), ownerAt(1_001)], ["iris1", "iris1"]);
    claim("iris1", 7);
    assert.equal(ownerAt(1_500), "iris1");
    unclaim("iris1");
    assert.equal(ownerAt(1_501), "iris2", "it has had it");
  });

  it("waits for nothing of what is gone, nor for ever for what it is not asked about", () => {
    const { ownership, claim, ownerAt } = start("iris2");
    claim("iris1", 7);
    ownerAt(0);
    ownership.forget(vip);
    assert.equal(ownership.nextWake(), undefined);
    ownerAt(0);
    assert.deepEqual(ownership.wake(5 * MINUTE), [vip]);
    assert.equal(ownership.nextWake(), undefined);
  });
});
