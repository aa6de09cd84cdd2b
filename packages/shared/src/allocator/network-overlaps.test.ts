import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { networkOverlaps } from "./network-overlaps.ts";
import { readPoolRules } from "./pool-rules.ts";
import { samplePool } from "./samples.ts";

const networks = [
  ["the Service network", "10.96.0.0/12"],
  ['the pod network of node "a"', "10.244.1.0/24"],
  ['an address of node "a"', "192.168.1.10/32"],
  ["the Service network", "fd00:96::/108"],
].map(([what = "", text = ""]) => {
  const [range] = samplePool("x", [text]).ranges;
  assert.ok(range);
  return { what, range };
});

function messages(addresses: readonly string[], exclude = ""): readonly string[] {
  const { rules } = readPoolRules({ "herald.io/exclude": exclude });
  return networkOverlaps([samplePool("p", addresses, { rules })], networks).map(({ message }) =>
    message.replace(". Exclude these addresses: annotation herald.io/exclude", ""),
  );
}

describe("overlaps of pools with the cluster's own networks", () => {
  it("are named, each once", () =>
    assert.deepEqual(messages(["10.244.1.255-10.244.2.9", "192.168.1.0/24", "fd00:96::1:0/112"]), [
      '"10.244.1.255-10.244.2.9" overlaps the pod network of node "a" (10.244.1.0/24); ' +
        '"192.168.1.0/24" overlaps an address of node "a" (192.168.1.10/32); ' +
        '"fd00:96::1:0/112" overlaps the Service network (fd00:96::/108)',
    ]));

  it("are judged exactly: what only comes close is none", () =>
    assert.deepEqual(
      messages(["10.95.255.0-10.95.255.255", "10.112.0.0/16", "192.168.1.11-192.168.1.20", "fd00:97::/108"]),
      [],
    ));

  it("are none where the pool excludes the addresses", () =>
    assert.deepEqual(messages(["192.168.1.0/24"], "192.168.1.10"), []));

  it("are counted where there are too many to name", () => {
    const addresses = Array.from({ length: 9 }, (_, index) => `10.96.${index}.0/24`);
    assert.match(messages(addresses)[0] ?? "", /"10\.96\.4\.0\/24" overlaps .*; and 4 more$/);
  });
});
