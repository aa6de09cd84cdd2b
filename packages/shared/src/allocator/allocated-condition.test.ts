import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALLOCATION_REASONS } from "../errors.ts";
import { ALLOCATED_REASONS, allocatedCondition } from "./allocated-condition.ts";
import { converge } from "./converge.ts";
import { allocatorOf, ip, type SampleService, samplePool, sampleService } from "./samples.ts";

const full = samplePool("full", ["10.0.0.0/32"]);
const six = samplePool("six", ["fd00::/126"]);

function conditionOf(options: SampleService, ...pools: ReturnType<typeof samplePool>[]) {
  const allocator = allocatorOf(...pools);
  if (pools.length > 0) allocator.hold(sampleService("first"));
  const condition = allocatedCondition(converge(sampleService("web", options), allocator));
  return condition && `${condition.status} ${condition.reason}: ${condition.message}`;
}

describe("the condition herald.io/Allocated", () => {
  it("says which addresses, and of which pool", () => {
    const pool = samplePool("p", ["10.0.0.0/29", "fd00::/125"]);
    assert.equal(conditionOf({ stack: "46" }, pool), 'True Allocated: 10.0.0.1 and fd00:: of pool "p"');
  });

  it("says what a Service that prefers two addresses lacks", () =>
    assert.equal(
      conditionOf({ stack: "46", ipFamilyPolicy: "PreferDualStack" }, samplePool("p", ["10.0.0.0/29"])),
      'True Allocated: 10.0.0.1 of pool "p"; the pool has none of the other family to give',
    ));

  it("says of each pool why not, and what to change", () =>
    assert.equal(
      conditionOf({}, full, six),
      'False PoolExhausted: no available IPs: pool "full" has no free IPv4 address; pool "six" has no IPv4 addresses. To change that, add addresses to a pool, or delete a Service that needs none.',
    ));

  it("names five pools and counts the others", () => {
    const pools = Array.from({ length: 12 }, (_, index) => samplePool(`p${index}`, [`fd00:${index}::/64`]));
    assert.match(
      conditionOf({ stack: "4" }, full, ...pools) ?? "",
      /pool "p3" has no IPv4 addresses; and 8 more pools\. To change that/,
    );
  });

  it("says what is wrong with a request", () =>
    assert.equal(
      conditionOf(ip("10.0.0.0"), full),
      "False AddressInUse: 10.0.0.0 is in use by shop/first. To change that, ask for another address, or give both Services the same annotation allow-shared-ip.",
    ));

  it("is none where no address is wanted", () =>
    assert.equal(conditionOf({ type: "ClusterIP" }, full), undefined));

  it("has a sentence for every reason", () => {
    assert.equal(Object.keys(ALLOCATED_REASONS).length, Object.keys(ALLOCATION_REASONS).length + 3);
    assert.equal(ALLOCATED_REASONS["PoolExhausted"], ALLOCATION_REASONS["pool-exhausted"]);
  });
});
