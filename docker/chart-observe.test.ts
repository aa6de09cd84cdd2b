import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { container, one, render } from "./rendered-chart.ts";

interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

describe("chart: observing only", () => {
  const objects = render({ observeOnly: true, controller: { replicas: 2 } });

  it("gives no program the right to write anything", () => {
    const roles = objects.filter(({ kind }) => kind === "Role" || kind === "ClusterRole");
    assert.equal(roles.length, 4);
    const verbs = roles.flatMap(({ rules }) => (rules as readonly Rule[]).flatMap((rule) => rule.verbs));
    assert.deepEqual([...new Set(verbs)].sort(), ["list", "watch"]);
    const resources = roles.flatMap(({ rules }) =>
      (rules as readonly Rule[]).flatMap((rule) => rule.resources),
    );
    assert.ok(!resources.includes("secrets"));
  });

  it("has nobody ask it about objects, and refuses none", () => {
    const kinds = objects.map(({ kind }) => kind as string);
    assert.deepEqual(
      kinds.filter((kind) => /Webhook|AdmissionPolicy|Secret/.test(kind)),
      [],
    );
  });

  it("tells both programs, gives them no key of the gossip, and speakers no capability", () => {
    const controller = container(objects, "Deployment", "herald-controller");
    const speaker = container(objects, "DaemonSet", "herald-speaker");
    for (const { args, env, securityContext, volumeMounts } of [controller, speaker]) {
      assert.ok(args.includes("--observe-only"), args.join(" "));
      const names = (env as readonly { name: string }[]).map(({ name }) => name);
      assert.deepEqual(
        names.filter((name) => /ML_(SECRET|BIND)/.test(name)),
        [],
      );
      assert.deepEqual([securityContext.capabilities, volumeMounts], [{ drop: ["ALL"] }, undefined]);
    }
  });

  it("is not what it does by default", () => {
    const usual = render();
    for (const [kind, name] of [
      ["Deployment", "herald-controller"],
      ["DaemonSet", "herald-speaker"],
    ] as const) {
      assert.ok(!container(usual, kind, name).args.includes("--observe-only"));
    }
    assert.deepEqual(container(usual, "DaemonSet", "herald-speaker").securityContext.capabilities.add, [
      "NET_RAW",
    ]);
  });
});

describe("chart: speakers of MetalLB's among ours", () => {
  it("looks for speakers by labels that are given", () => {
    const mlLabels = "app=metallb,component=speaker";
    const { env } = container(
      render({ speaker: { memberlist: { mlLabels } } }),
      "DaemonSet",
      "herald-speaker",
    );
    const found = (env as readonly { name: string; value?: string }[]).find(
      ({ name }) => name === "METALLB_ML_LABELS",
    );
    assert.equal(found?.value, mlLabels);
  });

  it("shares no node with one of MetalLB's: both have the port of the gossip, unless they do not gossip", () => {
    const portsOf = (values: object): readonly unknown[] =>
      container(render(values), "DaemonSet", "herald-speaker").ports;
    const monitoring = { name: "monitoring", containerPort: 7472 };
    assert.deepEqual(portsOf({ speaker: { memberlist: { mlBindPort: 7947 } } }), [
      monitoring,
      { name: "memberlist-tcp", containerPort: 7947, protocol: "TCP" },
      { name: "memberlist-udp", containerPort: 7947, protocol: "UDP" },
    ]);
    for (const silent of [{ observeOnly: true }, { speaker: { memberlist: { enabled: false } } }]) {
      assert.deepEqual(portsOf(silent), [monitoring]);
    }
  });

  it("runs on the nodes that are given", () => {
    const { spec } = one(
      render({ speaker: { nodeSelector: { "herald.io/speaker": "herald" } } }),
      "DaemonSet",
      "herald-speaker",
    );
    assert.equal(spec.template.spec.nodeSelector["herald.io/speaker"], "herald");
  });
});
