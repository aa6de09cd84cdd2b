import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "../ip/address.ts";
import { strayClusterAddresses } from "./cluster-addresses.ts";
import { readPoolRules } from "./pool-rules.ts";
import { samplePool, sampleService } from "./samples.ts";

function view(name: string, createdAtMs: number, ...clusterIps: readonly string[]) {
  return { ...sampleService(name, { createdAtMs }), clusterIps: clusterIps as IpAddress[] };
}

const SERVICES = [
  view("young", 3, "10.96.0.3", "fd00:96::3"),
  view("old", 1, "10.96.0.10", "fd00:96::10"),
  view("headless", 0),
  view("elsewhere", 0, "10.112.0.1"),
];

function named(addresses: readonly string[], known: readonly string[] = [], exclude = ""): readonly string[] {
  const { rules } = readPoolRules({ "herald.io/exclude": exclude });
  const networks = known.map((text) => {
    const [range] = samplePool("x", [text]).ranges;
    assert.ok(range);
    return { what: "the network of Services", range };
  });
  return strayClusterAddresses([samplePool("p", addresses, { rules })], SERVICES, networks).map(
    ({ what, range }) => `${what} (${range.text})`,
  );
}

const OLD = "the cluster address of Service shop/old";
const YOUNG = "the cluster address of Service shop/young";

describe("cluster addresses of Services in a pool", () => {
  for (const { name, addresses, known, exclude, says } of [
    { name: "are none where no Service has one", addresses: ["192.0.2.0/24"], says: [] },
    { name: "are named by the oldest Service", addresses: ["10.96.0.0/16"], says: [`${OLD} (10.96.0.10)`] },
    {
      name: "are named in each family",
      addresses: ["10.96.0.0/29", "fd00:96::/64"],
      says: [`${YOUNG} (10.96.0.3)`, `${OLD} (fd00:96::10)`],
    },
    {
      name: "are none of this where the network of Services is known",
      addresses: ["10.96.0.0/16", "fd00:96::/64"],
      known: ["10.96.0.0/12", "fd00:96::/108"],
      says: [],
    },
    {
      name: "are those that a known network leaves out",
      addresses: ["10.96.0.0/16"],
      known: ["10.96.0.8/29"],
      says: [`${YOUNG} (10.96.0.3)`],
    },
    {
      name: "are not those that the pool excludes",
      addresses: ["10.96.0.0/16"],
      exclude: "10.96.0.10",
      says: [`${YOUNG} (10.96.0.3)`],
    },
  ] as const) {
    it(name, () => assert.deepEqual(named(addresses, known, exclude), says));
  }
});
