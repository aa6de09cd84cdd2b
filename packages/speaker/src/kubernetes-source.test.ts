import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { elapse } from "@herald/k8s/elapse";
import { FakeApi } from "@herald/k8s/fake";
import {
  configMapsPath,
  endpointSlicesPath,
  nodesPath,
  objectPath,
  podsPath,
  secretsPath,
  servicesPath,
} from "@herald/k8s/paths";
import { customPath, ServedKinds } from "@herald/k8s/served-kinds";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { CONFIG_KINDS } from "./config-source.ts";
import type { Change } from "./kubernetes-protocol.ts";
import { followKubernetes, whereUsable } from "./kubernetes-source.ts";

const NAMESPACE = "metallb-system";
const LABELS = { app: "speaker" };
const NODE = `${nodesPath()}/node-1`;
const POD = `${podsPath(NAMESPACE)}/speaker-1`;
const CONFIG = `${configMapsPath(NAMESPACE)}/config`;
const SERVICE = `${servicesPath("default")}/web`;
const SLICE = `${endpointSlicesPath("default")}/web-1`;

const pod = (ready: boolean): object => ({
  metadata: { labels: LABELS },
  spec: { nodeName: "node-1" },
  status: { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
});
const configMap = (config: string): object => ({ data: { config } });
const loadBalancer = {
  spec: { type: "LoadBalancer" },
  status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
};
const slice = {
  metadata: { labels: { "kubernetes.io/service-name": "web" } },
  endpoints: [
    { addresses: ["10.0.0.1"], nodeName: "node-1", conditions: { ready: true } },
    { addresses: ["10.0.0.2"], nodeName: "node-1", conditions: { ready: true } },
    { addresses: ["10.0.0.3"], nodeName: "node-2", conditions: { ready: false } },
  ],
};

async function world(
  speakerLabels: string,
  objects: Readonly<Record<string, object>>,
  prepare: (api: FakeApi) => void = () => {},
) {
  const clock = new VirtualClock();
  const api = new FakeApi({ clock });
  prepare(api);
  const judged: (readonly string[])[] = [];
  const heard: unknown[] = [];
  for (const [path, object] of Object.entries(objects)) api.put(path, object);
  const changes: Change[] = [];
  let latest: readonly Change[] = [];
  const stop = new AbortController();
  const options = {
    kubeconfig: "",
    namespace: NAMESPACE,
    configName: "config",
    speakerLabels,
    nodeName: "node-1",
    podName: "",
  };
  const ports = {
    client: api,
    clock,
    random: new SeededRandom(1),
    put: (change: Change) => changes.push(change),
    judged: (mistakes: readonly string[]) => judged.push(mistakes),
    notice: (...what: readonly unknown[]) => heard.push(what),
  };
  const served = new ServedKinds({ client: api, clock, random: ports.random, wanted: CONFIG_KINDS });
  const run = Promise.all([served.run(stop.signal), followKubernetes(options, served, ports, stop.signal)]);
  await elapse(clock, 100);
  return {
    api,
    judged,
    heard,
    /** Lets it happen; what came of it, in short. */
    after: async (happening: () => void = () => {}, ms = 100): Promise<readonly string[]> => {
      happening();
      await elapse(clock, ms);
      latest = changes.splice(0);
      return latest.map(inShort);
    },
    /** The same at length. */
    changes: () => latest,
    end: async () => {
      stop.abort();
      await run;
      assert.equal(api.openWatches, 0);
    },
  };
}

function inShort(change: Change): string {
  switch (change.type) {
    case "service":
      return `service ${change.service.key} ${change.service.ingress.map(({ ip }) => ip).join()}`;
    case "endpoints":
      return `endpoints ${change.key} ${change.endpoints
        .map(({ nodeName, ready }) => `${nodeName}${ready ? "+" : "-"}`)
        .join()}`;
    case "node":
      return `node ${change.name} ${change.node.speakerReady ? "ready" : "not ready"}`;
    case "config":
      return `config ${change.config.pools.map(({ name }) => name).join()}`;
    case "config-refused":
      return `config-refused ${change.mistakes.length === 0 ? change.message : change.mistakes[0]?.line}`;
    case "service-gone":
      return `service-gone ${change.key}`;
    case "node-gone":
      return `node-gone ${change.name}`;
    case "speakers":
      return `speakers ${change.addresses.join()}`;
    case "synced":
    case "sessions":
      return change.type;
  }
}

describe("what the speaker follows", () => {
  it("is put out small, and synced comes last", async () => {
    const { after, end } = await world("app=speaker", {
      [NODE]: {},
      [POD]: pod(true),
      [CONFIG]: configMap("address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/24]}]"),
      [SERVICE]: loadBalancer,
      [`${servicesPath("default")}/inner`]: { spec: { type: "ClusterIP" } },
      [SLICE]: slice,
    });
    const seen = await after();
    assert.equal(seen.at(-1), "synced");
    assert.deepEqual(
      [...new Set(seen.slice(0, -1))].filter((line) => line !== "node node-1 not ready").sort(),
      [
        "config a",
        "endpoints default/web node-1+,node-1+,node-2-",
        "node node-1 ready",
        "service default/web 192.0.2.1",
      ],
    );
    await end();
  });

  it("says before synced that there is no configuration", async () => {
    const { after, end } = await world("app=speaker", {});
    assert.deepEqual(await after(), [`config-refused there is no ConfigMap ${NAMESPACE}/config`, "synced"]);
    await end();
  });

  it("has a node follow the readiness of its speaker's pod", async () => {
    const { after, api, end } = await world("app=speaker", { [NODE]: {}, [POD]: pod(true) });
    await after();
    assert.deepEqual(await after(() => api.put(POD, pod(false))), ["node node-1 not ready"]);
    assert.deepEqual(await after(() => api.put(POD, pod(true))), ["node node-1 ready"]);
    assert.deepEqual(await after(() => api.remove(POD)), ["node node-1 not ready"]);
    assert.deepEqual(await after(() => api.remove(NODE)), ["node-gone node-1"]);
    await end();
  });

  it("says nothing of a node's heartbeats, and everything that decides", async () => {
    const NONE = { "herald.io/drain": "", "herald.io/fail-back": "" }; // what is put is merged into what is there
    const node = (
      change: object,
      spec: object = { unschedulable: false, taints: [] },
      ready = "True",
      heartbeat = "2026-01-01T00:00:00Z",
    ) => ({
      metadata: { labels: { zone: "a" }, annotations: NONE, ...change },
      spec,
      status: { conditions: [{ type: "Ready", status: ready, lastHeartbeatTime: heartbeat }] },
    });
    const { after, changes, api, end } = await world("", { [NODE]: node({}) });
    await after();
    const news = async (object: object): Promise<readonly object[]> => {
      api.put(NODE, object);
      await after();
      return changes().map((change) => (change.type === "node" ? change.node : change));
    };
    const quiet = {
      labels: { zone: "a" },
      networkUnavailable: false,
      ready: true,
      cordoned: false,
      outOfService: false,
      deleting: false,
      drain: "",
      failBack: "",
      speakerReady: true,
    };
    assert.deepEqual(await news(node({}, undefined, "True", "2026-01-01T00:05:00Z")), []);
    const annotations = { "herald.io/drain": "new disk", "herald.io/fail-back": "now" };
    assert.deepEqual(await news(node({ annotations })), [{ ...quiet, drain: "new disk", failBack: "now" }]);
    const taints = [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }];
    assert.deepEqual(await news(node({}, { unschedulable: true, taints })), [
      { ...quiet, cordoned: true, outOfService: true },
    ]);
    assert.deepEqual(await news(node({})), [quiet]);
    assert.deepEqual(await news(node({}, undefined, "Unknown")), [{ ...quiet, ready: false }]);
    assert.deepEqual(await news(node({}, undefined, "Unknown", "2026-01-01T00:10:00Z")), []);
    assert.deepEqual(await news(node({})), [quiet]);
    await end();
  });

  it("tells where speakers are, ready or not, and who is on the way out no more", async () => {
    const at = (ip: string, ready: boolean, metadata = {}): object => ({
      ...pod(ready),
      metadata: { labels: LABELS, ...metadata },
      status: { podIPs: [{ ip }], conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
    });
    const other = `${podsPath(NAMESPACE)}/speaker-2`;
    const { after, api, end } = await world("app=speaker", { [POD]: at("192.168.1.11", true) });
    assert.ok((await after()).includes("speakers 192.168.1.11"));
    assert.deepEqual(await after(() => api.put(other, at("192.168.1.12", false))), [
      "speakers 192.168.1.11,192.168.1.12",
    ]);
    const leaving = { deletionTimestamp: "2026-01-01T00:00:00Z" };
    const news = await after(() => api.put(POD, at("192.168.1.11", true, leaving)));
    assert.equal(news.at(-1), "speakers 192.168.1.12");
    await end();
  });

  it("takes every node for ready without labels of speakers", async () => {
    const { after, end } = await world("", { [NODE]: {} });
    assert.ok((await after()).includes("node node-1 ready"));
    await end();
  });

  it("gives the lines of a refused configuration, and the next good one", async () => {
    const { after, api, end } = await world("", { [CONFIG]: configMap("address-pools: []") });
    await after();
    assert.deepEqual(await after(() => api.put(CONFIG, configMap("address-pools: []\nnonsense: 1"))), [
      "config-refused 2",
    ]);
    assert.deepEqual(await after(() => api.put(CONFIG, configMap("address-pools: []"))), ["config "]);
    assert.deepEqual(await after(() => api.remove(CONFIG)), [
      `config-refused there is no ConfigMap ${NAMESPACE}/config`,
    ]);
    await end();
  });

  const SERVED = {
    "/apis/metallb.io/v1beta1": { resources: CONFIG_KINDS.map(({ plural: name }) => ({ name })) },
  };
  const customObject = (index: 0 | 1 | 3, name: string): string =>
    `${customPath(CONFIG_KINDS[index], NAMESPACE)}/${name}`;
  const poolOf = (...addresses: string[]): object => ({ spec: { addresses } });

  it("reads objects of metallb.io beside the ConfigMap, a burst of them once", async () => {
    const { after, api, changes, end } = await world("", {
      ...SERVED,
      [CONFIG]: configMap("address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/24]}]"),
      [customObject(0, "b")]: poolOf("198.51.100.0/24"),
    });
    assert.deepEqual((await after()).slice(-2), ["config a,b", "synced"]);
    const made = await after(() => {
      api.put(customObject(1, "all"), { spec: { nodeSelectors: [{ matchLabels: { zone: "a" } }] } });
      api.put(customObject(0, "c"), poolOf("203.0.113.0/24"));
    });
    assert.deepEqual(made, ["config a,b,c"]);
    const advertisements = changes().flatMap((change) =>
      change.type === "config" ? change.config.l2Advertisements.map(({ name, pools }) => [name, pools]) : [],
    );
    assert.deepEqual(advertisements, [
      ["configmap/a", ["a"]],
      ["all", ["b", "c"]],
    ]);
    await end();
  });

  it("takes a router alone for a configuration: it may be met before there are addresses", async () => {
    const { after, api, changes, end } = await world("", {
      ...SERVED,
      "/apis/metallb.io/v1beta2": SERVED["/apis/metallb.io/v1beta1"],
    });
    assert.deepEqual(await after(), [
      `config-refused there is no ConfigMap ${NAMESPACE}/config, no IPAddressPool and no BGPPeer`,
      "synced",
    ]);
    const spec = { myASN: 64_512, peerASN: 64_513, peerAddress: "192.0.2.254" };
    assert.deepEqual(await after(() => api.put(customObject(3, "tor"), { spec })), ["config "]);
    assert.deepEqual(
      changes().flatMap((change) =>
        change.type === "config" ? change.config.peers.map(({ name }) => name) : [],
      ),
      ["tor"],
    );
    await end();
  });

  it("refuses a part of the objects by kind, name and field, and keeps the last good of it", async () => {
    const { after, api, changes, end } = await world("", {
      ...SERVED,
      [customObject(0, "b")]: poolOf("198.51.100.0/24"),
      [customObject(1, "all")]: { spec: {} },
    });
    assert.deepEqual((await after()).slice(-2), ["config b", "synced"]);
    const bad = await after(() => api.put(customObject(0, "c"), poolOf("198.51.100.7/32")));
    assert.deepEqual(bad, ["config-refused 0"]);
    assert.match(JSON.stringify(changes()), /IPAddressPool c: spec\.addresses\[0\]/);
    const more = await after(() => api.put(customObject(1, "all"), { spec: { interfaces: ["eth1"] } }));
    assert.deepEqual(more, ["config b", "config-refused 0"]);
    assert.deepEqual(await after(() => api.remove(customObject(0, "c"))), ["config b"]);
    await end();
  });

  it("takes up kinds that are installed later, and says nothing of them until then", async () => {
    const { after, api, end } = await world("", {});
    assert.deepEqual(await after(), [`config-refused there is no ConfigMap ${NAMESPACE}/config`, "synced"]);
    assert.deepEqual(await after(() => {}, 120_000), []);
    const installed = await after(() => {
      for (const [path, object] of Object.entries(SERVED)) api.put(path, object);
      api.put(customObject(0, "b"), poolOf("198.51.100.0/24"));
    }, 40_000);
    assert.deepEqual(installed, ["config b"]);
    await end();
  });

  it("goes on without a kind that gives no answer for half a minute, and says so", async () => {
    const broken = new ApiError(500, "InternalError", "conversion failed");
    const some = {
      ...SERVED,
      [customObject(0, "b")]: poolOf("198.51.100.0/24"),
      [customObject(1, "all")]: {},
    };
    const { after, changes, end, judged } = await world("", some, (api) => {
      api.failNext(12, broken, ({ method, path }) => method === "LIST" && path.endsWith("/l2advertisements"));
    });
    assert.deepEqual(await after(() => {}, 25_000), []);
    assert.deepEqual(await after(() => {}, 10_000), ["config b", "config-refused 0", "synced"]);
    const why = "l2advertisements: cannot be read: InternalError: conversion failed";
    assert.ok(changes().some((change) => change.type === "config-refused" && change.message === why));
    assert.deepEqual(judged.at(-1), [why]);
    assert.deepEqual(await after(() => {}, 300_000), ["config b"]);
    assert.deepEqual(judged.at(-1), []);
    await end();
  });

  it("takes passwords from the Secrets that peers name, reads no other, and says none of them", async () => {
    const secret = (password: string, type = "kubernetes.io/basic-auth"): object => ({
      type,
      data: { password: Buffer.from(password).toString("base64") },
    });
    const peer = (address: string, name: string): object => ({
      spec: { myASN: 1, peerASN: 2, peerAddress: address, passwordSecret: { name } },
    });
    const secretAt = (name: string): string => objectPath(secretsPath(NAMESPACE), name);
    const { after, api, changes, end, heard, judged } = await world("", {
      ...SERVED,
      "/apis/metallb.io/v1beta2": SERVED["/apis/metallb.io/v1beta1"],
      [customObject(3, "east")]: peer("192.0.2.1", "east"),
      [customObject(3, "west")]: peer("192.0.2.2", "west"),
      [customObject(0, "b")]: poolOf("198.51.100.0/24"),
      [secretAt("east")]: secret("sesame"),
      [secretAt("memberlist")]: secret("the key of the gossip"),
    });
    const passwords = () =>
      changes().flatMap((change) =>
        change.type === "config"
          ? change.config.peers.map(({ name, password = "-" }) => `${name}: ${password}`)
          : [],
      );
    assert.deepEqual(await after(), ["config b", "config-refused 0", "synced"]);
    assert.deepEqual(passwords(), ["east: sesame", "west: -"]);
    assert.deepEqual(judged.at(-1), [
      'BGPPeer west: spec.passwordSecret.name: there is no Secret "west" yet',
    ]);
    await after(() => api.put(secretAt("west"), secret("sesame", "Opaque")));
    assert.deepEqual(judged.at(-1), [
      'BGPPeer west: spec.passwordSecret.name: Secret "west" is of type Opaque, want kubernetes.io/basic-auth',
    ]);
    await after(() => api.put(secretAt("west"), secret("sesame")));
    assert.deepEqual([passwords(), judged.at(-1)], [["east: sesame", "west: sesame"], []]);
    const { openWatches } = api;
    await after(() => {
      api.put(customObject(3, "west"), peer("192.0.2.2", "east"));
      api.remove(secretAt("west"));
    });
    assert.equal(api.openWatches, openWatches - 1, "what nobody names any more is not followed");
    await after(() => api.put(secretAt("east"), secret("open")));
    assert.deepEqual([passwords(), judged.at(-1)], [["east: open", "west: open"], []]);
    assert.ok(!JSON.stringify([judged, heard]).match(/sesame|open|gossip/));
    await end();
  });

  it("asks for no Secret by a name that none can have, and waits for none", async () => {
    const spec = { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1", passwordSecret: { name: "a=b" } };
    const some = {
      ...SERVED,
      "/apis/metallb.io/v1beta2": SERVED["/apis/metallb.io/v1beta1"],
      [customObject(3, "tor")]: { spec },
      [customObject(0, "b")]: poolOf("198.51.100.0/24"),
    };
    const { after, api, end, judged } = await world("", some);
    assert.deepEqual(await after(), ["config b", "config-refused 0", "synced"]);
    assert.deepEqual(judged.at(-1), ['BGPPeer tor: spec.passwordSecret.name: no Secret can be called "a=b"']);
    assert.ok(api.requests.every(({ path }) => path !== secretsPath(NAMESPACE)));
    await end();
  });

  it("says which Secret it may not read, and leaves out that peer alone", async () => {
    const forbidden = new ApiError(403, "Forbidden", 'secrets "tor" is forbidden');
    const spec = { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1", passwordSecret: { name: "tor" } };
    const some = {
      ...SERVED,
      "/apis/metallb.io/v1beta2": SERVED["/apis/metallb.io/v1beta1"],
      [customObject(3, "tor")]: { spec },
      [customObject(0, "b")]: poolOf("198.51.100.0/24"),
    };
    const { after, end, judged } = await world("", some, (api) =>
      api.failNext(1_000, forbidden, ({ path }) => path === secretsPath(NAMESPACE)),
    );
    assert.deepEqual(await after(() => {}, 5_000), ["config b", "config-refused 0", "synced"]);
    const place = "BGPPeer tor: spec.passwordSecret.name";
    assert.deepEqual(judged.at(-1), [
      `${place}: Secret "tor" cannot be read: Forbidden: secrets "tor" is forbidden`,
    ]);
    await end();
  });

  it("loses a Service that stops being a load balancer", async () => {
    const { after, api, end } = await world("", { [SERVICE]: loadBalancer });
    await after();
    assert.deepEqual(await after(() => api.put(SERVICE, { spec: { type: "ClusterIP" } })), [
      "service-gone default/web",
    ]);
    await end();
  });

  it("loses the endpoints of a slice that goes", async () => {
    const { after, api, end } = await world("", { [SLICE]: slice });
    await after();
    assert.deepEqual(await after(() => api.remove(SLICE)), ["endpoints default/web "]);
    await end();
  });

  it("stays as it was while the API server is away", async () => {
    const { after, api, end } = await world("", { [NODE]: {}, [SERVICE]: loadBalancer });
    await after();
    assert.deepEqual(await after(() => api.setReachable(false)), []);
    await end();
  });
});

describe("whereUsable", () => {
  const endpoint = (nodeName: string | undefined, address: string, ready: boolean, serving: boolean) => ({
    nodeName,
    addresses: address === "" ? [] : [address],
    ready,
    serving,
  });

  it("counts what serves while it ends, and keeps one entry for each other node", () => {
    const usable = (nodeName: string | undefined, is: boolean) => endpoint(nodeName, "", is, is);
    assert.deepEqual(
      whereUsable(
        [
          endpoint("node-1", "10.0.0.1", true, true),
          endpoint("node-1", "10.0.0.2", true, false),
          endpoint("node-2", "10.0.0.3", false, true),
          endpoint("node-2", "10.0.0.4", false, false),
          endpoint(undefined, "10.0.0.5", true, true),
        ],
        "self",
      ),
      [usable("node-1", true), usable("node-2", true), usable("node-2", false), usable(undefined, true)],
    );
  });

  it("keeps each endpoint of its own node that is usable, once, with the address that traffic goes to", () => {
    const ready = endpoint("self", "10.0.0.1", true, true);
    const ending = endpoint("self", "fd00::1", false, true);
    const down = endpoint("self", "10.0.0.2", false, false);
    const twice = { ...ready, addresses: ["10.0.0.1", "10.0.0.9"] };
    assert.deepEqual(whereUsable([ready, twice, ending, down, down], "self"), [
      ready,
      ending,
      endpoint("self", "", false, false),
    ]);
  });
});
