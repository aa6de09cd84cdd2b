import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EndpointView, isUsable, nodesWithUsableEndpoints } from "./endpoints.ts";

function endpoint(nodeName: string | undefined, ready: boolean, serving: boolean): EndpointView {
  return { nodeName, addresses: ["10.244.0.1"], ready, serving };
}

describe("usable endpoints", () => {
  for (const { name, ready, serving, usable } of [
    { name: "one that is ready", ready: true, serving: true, usable: true },
    { name: "one that is going away but still serves", ready: false, serving: true, usable: true },
    { name: "one published before it serves", ready: true, serving: false, usable: true },
    { name: "one that neither is ready nor serves", ready: false, serving: false, usable: false },
  ]) {
    it(`${usable ? "include" : "leave out"} ${name}`, () => {
      assert.equal(isUsable(endpoint("iris1", ready, serving)), usable);
    });
  }

  it("count for the node that hosts them, whatever its other endpoints are like", () => {
    const nodes = nodesWithUsableEndpoints([
      endpoint("iris1", true, true),
      endpoint("iris1", false, false),
      endpoint("iris2", false, false),
      endpoint("iris3", false, true),
      endpoint(undefined, true, true),
    ]);
    assert.deepEqual(nodes, new Set(["iris1", "iris3"]));
  });
});
