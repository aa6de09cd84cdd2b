import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sampleService } from "../allocator/samples.ts";
import { servedBy } from "./serving.ts";

describe("load balancer classes", () => {
  for (const { lbClass, loadBalancerClass, served } of [
    { lbClass: "", loadBalancerClass: undefined, served: true },
    { lbClass: "", loadBalancerClass: "herald", served: false },
    { lbClass: "herald", loadBalancerClass: undefined, served: false },
    { lbClass: "herald", loadBalancerClass: "herald", served: true },
    { lbClass: "herald", loadBalancerClass: "other", served: false },
  ]) {
    const whose = loadBalancerClass === undefined ? "without a class" : `of class ${loadBalancerClass}`;
    it(`${served ? "serves" : "leaves alone"} a Service ${whose} under --lb-class="${lbClass}"`, () => {
      assert.equal(servedBy(sampleService("a", { loadBalancerClass }), lbClass), served);
    });
  }
});
