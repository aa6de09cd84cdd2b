import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import type { BgpAdvertisementConfig } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import { Registry } from "prom-client";
import { BgpPlan } from "./bgp-plan.ts";
import { BgpReporter } from "./bgp-reporter.ts";
import type { HoldingWord } from "./kubernetes-protocol.ts";
import { createSpeakerMetrics } from "./metrics.ts";
import { config, fit, on, service } from "./planner-fixture.ts";

const { peers } = loadConfig(`
peers:
- {peer-address: 192.0.2.1, peer-asn: 64512, my-asn: 64512}
- {peer-address: 192.0.2.2, peer-asn: 64513, my-asn: 64512}`);
const options = { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined };
const advertisement = (name: string, localPref: number): BgpAdvertisementConfig => ({
  name,
  pools: ["default"],
  nodeSelectors: [],
  serviceSelectors: [],
  peers: [],
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref,
  communities: [],
});

describe("what is said of advertisements that disagree", () => {
  const lines: string[] = [];
  const registry = new Registry();
  const log = createLog({ level: "warn", program: "test", write: (line) => lines.push(line) });
  const metrics = createSpeakerMetrics(registry);
  const ports = { log, metrics, recordEvent: () => {}, sayHolding: () => {} };
  const plan = new BgpPlan({ self: "iris1", options });
  const reporter = new BgpReporter("iris1", ports);
  plan.setNodes(new Map([["iris1", fit]]));
  plan.configure({
    pools: config.pools,
    bgpAdvertisements: [advertisement("high", 300), advertisement("low", 100)],
    peers,
  });
  const serve = (...hosts: readonly number[]): void => {
    for (const host of hosts) {
      const view = service(`web${host}`, [`10.20.30.${host}`]);
      plan.setService(view);
      plan.setEndpoints(view.key, on("iris1"));
    }
    for (const _ of plan.work());
  };
  const said = (): readonly object[] => {
    const words = lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>);
    return words.map(({ msg, peer, prefix, told, others }) => ({ msg, peer, prefix, told, others }));
  };
  const word = (prefix: string, others: number) => ({
    msg: "BGP advertisements disagree",
    peer: peers[0]?.name,
    prefix,
    told: 300,
    others,
  });

  it("is one line for a kind and peer, however many prefixes there are and however often it is begun", async () => {
    serve(1, 2, 3);
    const slices = reporter.planned(plan);
    for (let news = 0; news < 4; news += 1) slices.next(); // and given up in the middle
    assert.deepEqual(said(), []);
    assert.equal([...reporter.planned(plan)].length, 3);
    assert.deepEqual(said(), [word("10.20.30.1/32", 2)]);
    assert.match(await registry.metrics(), /reason="localPrefConflict"\} 3\n/);
  });

  it("is what is new alone, and nothing where nothing is", () => {
    for (const _ of reporter.planned(plan));
    serve(4);
    for (const _ of reporter.planned(plan));
    assert.deepEqual(said(), [word("10.20.30.4/32", 0)]);
  });
});

describe("what is said of a Service", () => {
  it("is nothing as long as no router takes its family, though it counts as MetalLB counts it", async () => {
    const said: string[] = [];
    const registry = new Registry();
    const write = (line: string): void => {
      const { msg, addresses } = JSON.parse(line) as { msg: string; addresses: readonly string[] };
      said.push(`${msg} ${addresses}`);
    };
    const sayHolding = (word: HoldingWord): void =>
      void said.push(`${word.type} ${word.type === "here" ? word.names : ""}`);
    const reporter = new BgpReporter("iris1", {
      log: createLog({ level: "info", program: "test", write }),
      metrics: createSpeakerMetrics(registry),
      recordEvent: ({ reason }) => said.push(reason),
      sayHolding,
    });
    const plan = new BgpPlan({ self: "iris1", options });
    const web = service("web", ["fd00::7"]);
    plan.setNodes(new Map([["iris1", fit]]));
    plan.setService(web);
    plan.setEndpoints(web.key, on("iris1"));
    const heard = (dualStackAddressFamily: boolean): readonly string[] => {
      const both = peers.map((peer) => ({ ...peer, dualStackAddressFamily }));
      plan.configure({ pools: config.pools, bgpAdvertisements: [advertisement("a", 100)], peers: both });
      for (const _ of plan.work());
      for (const _ of reporter.planned(plan));
      return said.splice(0);
    };
    const names = peers.map(({ name }) => name);
    assert.deepEqual(heard(false), []);
    assert.match(await registry.metrics(), /^metallb_speaker_announced\{.*ip="fd00::7"\} 1$/m);
    assert.deepEqual(heard(true), ["announcing fd00::7", "nodeAssigned", `here ${names}`]);
    assert.deepEqual(heard(false), ["withdrawn fd00::7", "gone "]);
  });
});
