import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "@herald/shared/config/load";
import { countChanges, wouldDo } from "./observe.ts";
import { service } from "./testing/views.ts";

const CONFIG = loadConfig(`
address-pools:
- {name: small, protocol: layer2, addresses: [192.0.2.0/31]}
- {name: asked, protocol: layer2, addresses: [192.0.3.0/31], auto-assign: false}
`);
const OPTIONS = { lbClass: "", sharingAcrossNamespaces: false };
const has = (...ips: string[]) => ({ ingress: ips.map((ip) => ({ ip })) });
const wants = (ip: string) => ({ annotations: { "metallb.io/loadBalancerIPs": ip } });

describe("what the controller would do", () => {
  it("is told of every Service that it would serve, the oldest first", () => {
    const all = wouldDo(
      CONFIG,
      [
        service({ key: "default/new", createdAtMs: 5 }),
        service({ key: "default/stays", createdAtMs: 1, ...has("192.0.2.1") }),
        service({ key: "default/outside", createdAtMs: 2, ...has("198.51.100.1") }),
        service({ key: "default/late", createdAtMs: 6 }),
        service({ key: "default/moves", createdAtMs: 3, ...has("192.0.3.1"), ...wants("192.0.3.0") }),
        service({ key: "default/taken", createdAtMs: 4, ...has("192.0.2.1"), ...wants("192.0.2.1") }),
        service({ key: "default/inside", type: "ClusterIP" }),
        service({ key: "default/other", loadBalancerClass: "x/y", ...has("192.0.2.0") }),
      ],
      OPTIONS,
    );
    assert.deepEqual(
      all.map(({ service: key, outcome, has: before, would, reason }) => [
        key,
        outcome,
        before,
        would,
        reason,
      ]),
      [
        ["default/stays", "keeps", ["192.0.2.1"], ["192.0.2.1"], "Allocated"],
        ["default/outside", "changes", ["198.51.100.1"], ["192.0.2.0"], "Allocated"],
        ["default/moves", "changes", ["192.0.3.1"], ["192.0.3.0"], "Allocated"],
        ["default/taken", "loses", ["192.0.2.1"], [], "AddressInUse"],
        ["default/new", "waits", [], [], "PoolExhausted"],
        ["default/late", "waits", [], [], "PoolExhausted"],
      ],
    );
    assert.deepEqual(countChanges(all), { addresses: 4, lost: 3 });
  });

  it("has a reason wherever it is not simply as before", () => {
    const [kept, waits] = wouldDo(
      CONFIG,
      [
        service({ key: "default/a", ...has("192.0.2.0") }),
        service({ key: "default/b", ...wants("192.0.2.0") }),
      ],
      OPTIONS,
    );
    assert.equal(kept?.why, "");
    assert.match(waits?.why ?? "", /192\.0\.2\.0.*default\/a/);
  });

  it("is nothing while no configuration is in force", () => {
    assert.deepEqual(
      wouldDo(undefined, [service(has("192.0.2.1")), service({ key: "default/b" })], OPTIONS),
      [
        {
          service: "default/b",
          outcome: "waits",
          has: [],
          would: [],
          reason: "",
          why: "",
        },
        {
          service: "default/web",
          outcome: "keeps",
          has: ["192.0.2.1"],
          would: ["192.0.2.1"],
          reason: "",
          why: "",
        },
      ],
    );
  });

  it("leaves alone what may be of a pool that is refused", () => {
    const views = [service(has("198.51.100.1")), service({ key: "default/b" })];
    const all = wouldDo({ ...CONFIG, unjudged: [] }, views, OPTIONS);
    assert.deepEqual(
      all.map(({ service: key, outcome, reason }) => [key, outcome, reason]),
      [
        ["default/b", "gains", "Allocated"],
        ["default/web", "keeps", "Unjudged"],
      ],
    );
  });

  it("gives addresses of both families where one is lacking", () => {
    const config = loadConfig(
      `address-pools: [{name: both, protocol: layer2, addresses: [192.0.2.0/31, "2001:db8::/127"]}]`,
    );
    const view = service({
      ...has("192.0.2.1"),
      clusterIps: ["10.96.0.1", "fd00:96::1"] as never,
      ipFamilies: [4, 6],
      ipFamilyPolicy: "PreferDualStack",
    });
    const [{ outcome, would } = {}] = wouldDo(config, [view], OPTIONS);
    assert.deepEqual([outcome, would], ["gains", ["192.0.2.1", "2001:db8::"]]);
  });
});
