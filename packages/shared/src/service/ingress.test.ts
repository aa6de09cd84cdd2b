import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sampleService } from "../allocator/samples.ts";
import type { IpAddress } from "../ip/address.ts";
import { ingressAddresses, ingressShows } from "./ingress.ts";

describe("addresses in a status", () => {
  it("are read in canonical form, without host names and other text", () => {
    const ingress = [{ hostname: "a.example" }, { ip: "FD00:0::1" }, { ip: "nonsense" }, { ip: "10.0.0.1" }];
    assert.deepEqual(ingressAddresses(sampleService("a", { ingress })), ["fd00::1", "10.0.0.1"]);
  });

  for (const { name, ingress, shows } of [
    { name: "the same in the same order", ingress: [{ ip: "10.0.0.1" }, { ip: "FD00::1" }], shows: true },
    {
      name: "an ipMode that the API server added (MetalLB defect 2)",
      ingress: [modern("10.0.0.1"), modern("fd00::1")],
      shows: true,
    },
    { name: "another order", ingress: [{ ip: "fd00::1" }, { ip: "10.0.0.1" }], shows: false },
    { name: "one too few", ingress: [{ ip: "10.0.0.1" }], shows: false },
    {
      name: "a host name besides",
      ingress: [{ ip: "10.0.0.1" }, { ip: "fd00::1", hostname: "a.example" }],
      shows: false,
    },
    { name: "a host name instead", ingress: [{ ip: "10.0.0.1" }, { hostname: "a.example" }], shows: false },
  ]) {
    it(`${shows ? "need no change" : "are to be written"} where the status has ${name}`, () => {
      const addresses = ["10.0.0.1", "fd00::1"] as IpAddress[];
      assert.equal(ingressShows(sampleService("a", { ingress }), addresses), shows);
    });
  }
});

/** An entry as an API server of today returns it. */
function modern(ip: string): { ip: string; ipMode: string } {
  return { ip, ipMode: "VIP" };
}
