import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { allocatedCondition } from "./allocated-condition.ts";
import { converge } from "./converge.ts";
import { allocatorOf, ip, type SampleService, samplePool, sampleService } from "./samples.ts";

const full = samplePool("full", ["10.0.0.0/32"]);
const asking = (pool: string): SampleService => ({ annotations: { "metallb.io/address-pool": pool } });
const SEE = 'refused, as the ConfigurationState "controller" says';
const ALSO = `; some of what is written of pools is ${SEE}`;

function told(refused: readonly string[] | undefined, options: SampleService, pools = [full]): string {
  const allocator = allocatorOf(...pools);
  if (pools.length > 0) allocator.hold(sampleService("first"));
  const { reason, message } =
    allocatedCondition(converge(sampleService("web", options), allocator, refused)) ?? {};
  return `${reason}: ${message?.replace(/ To change that.*/, "")}`;
}

const SENTENCES: readonly [
  what: string,
  refused: readonly string[] | undefined,
  options: SampleService,
  sentence: string,
][] = [
  [
    "a pool that is refused",
    ["q"],
    asking("q"),
    `PoolRefused: the Service asks for pool "q", which is ${SEE}.`,
  ],
  [
    "a pool that nobody wrote",
    ["q"],
    asking("fulll"),
    `UnknownPool: the Service asks for pool "fulll", which does not exist, but "full" does${ALSO}.`,
  ],
  [
    "a pool that is full",
    ["q"],
    {},
    `PoolExhausted: no available IPs: pool "full" has no free IPv4 address${ALSO}.`,
  ],
  [
    "a full pool of a refused ConfigMap",
    [],
    {},
    `PoolExhausted: no available IPs: pool "full" has no free IPv4 address${ALSO}.`,
  ],
  ["an address of no pool", ["q"], ip("192.0.2.1"), `AddressNotInPool: no pool gives out 192.0.2.1${ALSO}.`],
  ["an address that somebody has", ["q"], ip("10.0.0.0"), "AddressInUse: 10.0.0.0 is in use by shop/first."],
  [
    "a full pool where nothing is refused",
    undefined,
    {},
    'PoolExhausted: no available IPs: pool "full" has no free IPv4 address.',
  ],
];

describe("beside pools that are refused a Service is told", () => {
  for (const [what, refused, options, sentence] of SENTENCES) {
    it(`of ${what}`, () => assert.equal(told(refused, options), sentence));
  }

  it("that none is in force", () => {
    const names = (count: number) => Array.from({ length: count }, (_, index) => `p${index}`);
    assert.deepEqual(
      [0, 1, 2, 7].map((count) => told(names(count), {}, [])),
      [
        `NoPools: no pools are configured${ALSO}.`,
        `PoolRefused: no pool is in force: pool "p0" is ${SEE}.`,
        `PoolRefused: no pool is in force: pools "p0", "p1" are ${SEE}.`,
        `PoolRefused: no pool is in force: pools "p0", "p1", "p2", "p3", "p4", 2 more are ${SEE}.`,
      ],
    );
  });

  it("what to do about it", () => {
    const condition = allocatedCondition(
      converge(sampleService("web", asking("q")), allocatorOf(full), ["q"]),
    );
    assert.match(condition?.message ?? "", / To change that, mend what is refused\.$/);
  });
});
