import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { Config } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import type { ServiceKey } from "@herald/shared/service/view";
import { ObservedNode } from "./observe.ts";
import { fit, on, service } from "./planner-fixture.ts";

const CONFIG = loadConfig(`
peers:
- {my-asn: 64512, peer-asn: 64600, peer-address: 192.0.2.1}
address-pools:
- {name: near, protocol: layer2, addresses: [10.20.30.0/24]}
- {name: far, protocol: bgp, addresses: [10.20.31.0/24]}
`);

function node(name: string, config: Config = CONFIG): ObservedNode {
  const made = new ObservedNode({
    node: name,
    plan: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
    digest: (text) => createHash("sha256").update(text).digest(),
  });
  for (const each of ["iris1", "iris2"]) made.take({ type: "node", name: each, node: fit });
  made.take({ type: "config", config });
  for (const view of [
    service("one", ["10.20.30.1"]),
    service("routed", ["10.20.31.1"]),
    service("waits", []),
    service("dark", ["10.20.30.2"]),
  ]) {
    made.take({ type: "service", service: view });
    if (view.uid !== "dark") made.take({ type: "endpoints", key: view.key, endpoints: on("iris1", "iris2") });
  }
  made.setInterfaces(new Set(["eth0"]));
  return made;
}

describe("a node that observes", () => {
  // By MetalLB's own hash iris2 comes before iris1 for 10.20.30.1.
  it("would announce what MetalLB's speaker of the node does, and says who else would", () => {
    assert.deepEqual(node("iris1").decide(), [
      { service: "default/dark", layer2: [], reason: "noEndpoints", owner: undefined, peers: [] },
      { service: "default/one", layer2: [], reason: "notOwner", owner: "iris2", peers: [] },
      {
        service: "default/routed",
        layer2: [],
        reason: "noMatchingAdvertisement",
        owner: undefined,
        peers: ["configmap/peer1"],
      },
    ]);
    const [, one] = node("iris2").decide();
    assert.deepEqual(one, {
      service: "default/one",
      layer2: ["10.20.30.1"],
      reason: undefined,
      owner: undefined,
      peers: [],
    });
  });

  it("goes by what changes: a node that is gone, a Service that is, interfaces that go down", () => {
    const iris1 = node("iris1");
    const reasonOf = () => iris1.decide().find(({ service: key }) => key === "default/one")?.reason;
    iris1.take({ type: "node-gone", name: "iris2" });
    assert.equal(reasonOf(), undefined);
    iris1.setInterfaces(new Set());
    assert.equal(reasonOf(), "noInterface");
    iris1.take({ type: "service-gone", key: "default/one" as ServiceKey });
    assert.deepEqual(
      iris1.decide().map(({ service: key }) => key),
      ["default/dark", "default/routed"],
    );
  });

  it("knows when it has seen everything", () => {
    const iris1 = node("iris1");
    assert.equal(iris1.synced, false);
    iris1.take({ type: "synced" });
    assert.equal(iris1.synced, true);
  });
});
