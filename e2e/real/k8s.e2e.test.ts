import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { systemClock } from "@herald/daemon/clock";
import { systemRandom } from "@herald/daemon/random";
import { type ApiClient, ApiError, type ApiObject, type PatchType, type WatchEvent } from "@herald/k8s/api";
import type { configMapView } from "@herald/k8s/config-map";
import type { DesiredStatus } from "@herald/k8s/desired-status";
import { createEventRecorder } from "@herald/k8s/events";
import { HttpApiClient } from "@herald/k8s/http-client";
import { kubeconfigAccess } from "@herald/k8s/kubeconfig";
import { LeaderElector } from "@herald/k8s/lease";
import { configMapsPath, leasesPath, objectPath, servicePath, serviceStatusPath } from "@herald/k8s/paths";
import { Reflector } from "@herald/k8s/reflector";
import { serviceView } from "@herald/k8s/service";
import { applyServiceCondition } from "@herald/k8s/service-condition";
import { type StatusWriteOptions, writeServiceStatus } from "@herald/k8s/service-write";
import { Transport } from "@herald/k8s/transport";
import { whenAborted } from "@herald/k8s/when-aborted";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceView } from "@herald/shared/service/view";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { clusterName, stateFolder } from "../cluster/folders.ts";
import type { Running } from "../cluster/launch.ts";
import { whyNot } from "../cluster/requirements.ts";

const skip = whyNot({ kubelets: false }) ?? false;
const NAME = `${clusterName()}-k8s`;
const API_SERVER_PORT = 6443;
/** Only for failing. */
const WITHIN_MS = 60_000;
/** A leader may stand still for most of a minute; whoever did not see that a Lease is released would wait for 90 s. */
const PATIENT = { leaseDurationMs: 90_000, renewDeadlineMs: 60_000, retryPeriodMs: 500 };
type ConfigMap = Parameters<typeof configMapView>[0];
type Service = Parameters<typeof serviceView>[0];
type Lease = ApiObject & {
  readonly spec?: { readonly holderIdentity?: string; readonly renewTime?: string };
};

/** Carries TCP from a socket file, which every namespace sees, to the API server. Killing it resets all connections. */
const RELAY = `
  const net = require("node:net");
  net.createServer((here) => {
    const there = net.connect(Number(process.argv[3]), process.argv[2]);
    here.pipe(there).pipe(here);
    for (const end of [here, there]) end.on("error", () => { here.destroy(); there.destroy(); });
  }).listen(process.argv[1], () => console.log("relaying"));
`;

let cluster: Cluster;
let relay: Running;
let client: ApiClient;
const socketPath = join(stateFolder(NAME), "relay.sock");

async function startRelay(): Promise<Running> {
  rmSync(socketPath, { force: true });
  const { ipv4 } = cluster.addressesOf("control-plane");
  const started = cluster.spawn("control-plane", [
    process.execPath,
    "-e",
    RELAY,
    socketPath,
    ipv4,
    `${API_SERVER_PORT}`,
  ]);
  await cluster.untilLog(started, "relaying", 30_000);
  return started;
}

before(async () => {
  if (skip !== false) return;
  cluster = await startCluster({ name: NAME, nodes: 1 });
  relay = await startRelay();
  const access = await kubeconfigAccess(cluster.kubeconfig, () => performance.now());
  assert.ok(access !== undefined);
  const server = { ...access.server, socketPath };
  client = new HttpApiClient(new Transport({ ...access, server }, "herald-e2e"));
});
after(async () => {
  client?.close();
  await cluster?.stop();
});

const MANY = "many";

interface Follower {
  readonly reflector: Reflector<string>;
  readonly notices: string[];
  readonly stop: () => Promise<void>;
}

/** Follows ConfigMaps of the namespace `many` by their value `v`. */
function follow(): Follower {
  const notices: string[] = [];
  const reflector: Reflector<string> = new Reflector<string>({
    client,
    path: configMapsPath(MANY),
    query: { labelSelector: "e2e=many" },
    view: (object: ApiObject & { data?: Record<string, string> }) => object.data?.["v"] ?? "",
    clock: systemClock,
    random: systemRandom,
    onChange: () => {},
    notice: (notice) => notices.push("reason" in notice ? `${notice.type} ${notice.reason}` : notice.type),
  });
  const abort = new AbortController();
  const run = reflector.run(abort.signal);
  return {
    reflector,
    notices,
    stop: async () => {
      abort.abort();
      await run;
    },
  };
}

const configMap = (name: string, v: string): object => ({
  metadata: { name, labels: { e2e: "many" } },
  data: { v },
});

/** As the API server has it, page by page. */
async function listed(): Promise<Map<string, string>> {
  const all = new Map<string, string>();
  const query = { labelSelector: "e2e=many" };
  for (let token: string | undefined, first = true; first || token !== undefined; first = false) {
    const page = await client.listPage<ConfigMap>(configMapsPath(MANY), {
      query,
      limit: 400,
      continue: token,
    });
    for (const { metadata, data } of page.items) all.set(`${MANY}/${metadata?.name}`, data?.["v"] ?? "");
    token = page.continue;
  }
  return all;
}

/** Runs the deeds, some at a time. */
async function inParallel(deeds: readonly (() => Promise<unknown>)[], atOnce = 16): Promise<void> {
  const left = [...deeds];
  const worker = async (): Promise<void> => {
    for (let deed = left.shift(); deed !== undefined; deed = left.shift()) await deed();
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Again until the API server takes it: it may be away. */
async function insist(deed: () => Promise<unknown>): Promise<void> {
  const due = performance.now() + WITHIN_MS;
  for (;;) {
    try {
      await deed();
      return;
    } catch (error) {
      if (!(error instanceof ApiError) || performance.now() > due) throw error;
      if (error.reason === "AlreadyExists" || error.status === 404) return; // the lost answer was yes
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function untilEqual(reflector: Reflector<string>): Promise<void> {
  const due = performance.now() + WITHIN_MS;
  const wanted = await listed();
  for (;;) {
    const known = new Map([...reflector.keys()].map((key) => [key, reflector.get(key) ?? "gone"]));
    if (performance.now() > due) assert.deepEqual(known, wanted);
    if (known.size === wanted.size && [...wanted].every(([key, v]) => known.get(key) === v)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

const POOL = "metallb.io/ip-allocated-from-pool";
const GOOD = { status: "True", reason: "Allocated", message: "as wanted" };
const NOTHING: DesiredStatus = { addresses: [], pool: undefined, allocated: "none" };

function addressed(address: string, pool = "default"): DesiredStatus {
  return { addresses: [address as IpAddress], pool, allocated: GOOD };
}

async function createService(name: string): Promise<ServiceView> {
  const spec = { type: "LoadBalancer", ports: [{ port: 80 }], allocateLoadBalancerNodePorts: false };
  const body = { metadata: { name }, spec };
  return serviceView(await client.create<Service>("/api/v1/namespaces/default/services", body));
}

/** Writes statuses as the controller does, and remembers by what kinds of patches. */
function statusWriter() {
  const sent: PatchType[] = [];
  const recording = new Proxy(client, {
    get: (target, name) => {
      const method = Reflect.get(target, name) as (path: string, ...rest: readonly unknown[]) => unknown;
      return (path: string, ...rest: readonly unknown[]) => {
        if (name === "patch") sent.push(rest[0] as PatchType);
        return method.call(target, path, ...rest);
      };
    },
  });
  const to = async (
    service: ServiceView,
    wanted: DesiredStatus | StatusWriteOptions["decide"],
  ): Promise<string> => {
    const decide = typeof wanted === "function" ? wanted : () => wanted;
    const fieldManager = "herald-controller";
    return (await writeServiceStatus({ client: recording, service, decide, fieldManager })).outcome;
  };
  return { to, sent };
}

/** `Type Status Reason` of each condition. */
function words({ status }: Service): readonly string[] {
  return (status?.conditions ?? []).map(
    ({ type, status: is, reason }) => `${type.replace("herald.io/", "")} ${is} ${reason}`,
  );
}

interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
}

const isOfStatus = ({ subresource }: ManagedFields): boolean => subresource === "status";
const ofWhom = ({ manager, operation }: ManagedFields): string => `${manager} ${operation}`;

describe("Kubernetes client on a real API server", { timeout: 300_000 }, () => {
  it("lists 1,200 objects in pages and misses nothing while connections are reset", { skip }, async () => {
    await client.create("/api/v1/namespaces", { metadata: { name: MANY } });
    const names = Array.from({ length: 1200 }, (_, index) => `m-${index}`);
    await inParallel(names.map((name) => () => client.create(configMapsPath(MANY), configMap(name, "0"))));
    const { reflector, notices, stop } = follow();
    await reflector.whenSynced(AbortSignal.timeout(WITHIN_MS));
    assert.equal(reflector.size, 1200);
    relay.kill("SIGKILL");
    await relay.exited;
    await cluster.kubectl(["delete", "configmap", `--namespace=${MANY}`, "m-7", "m-8"]);
    await cluster.kubectl([
      "patch",
      "configmap",
      `--namespace=${MANY}`,
      "m-9",
      "--patch",
      '{"data":{"v":"1"}}',
    ]);
    relay = await startRelay();
    await untilEqual(reflector);
    assert.deepEqual(
      notices.filter((type) => type === "listed" || type === "expired"),
      ["listed"],
    );
    await stop();
  });

  it("misses nothing while the API server is killed and restarted under changes", { skip }, async () => {
    const { reflector, stop } = follow();
    await reflector.whenSynced(AbortSignal.timeout(WITHIN_MS));
    const path = (name: string): string => objectPath(configMapsPath(MANY), name);
    const changes = Array.from({ length: 600 }, (_, index) => async (): Promise<void> => {
      const name = `m-${index + 100}`;
      if (index % 3 === 0) await insist(() => client.delete(path(name)));
      else if (index % 3 === 1)
        await insist(() => client.create(configMapsPath(MANY), configMap(`n-${index}`, "2")));
      else await insist(() => client.patch(path(name), "merge", { data: { v: `${index}` } }));
    });
    const restarted = cluster.restartApiServer();
    await inParallel(changes);
    await restarted;
    await untilEqual(reflector);
    assert.equal(reflector.size, (await listed()).size);
    await stop();
  });

  it("is told 410 for a version that is too old, and hears nothing at all from the future", {
    skip,
  }, async () => {
    const query = { labelSelector: "e2e=many" };
    const first = async (resourceVersion: string): Promise<string> => {
      try {
        const signal = AbortSignal.timeout(WITHIN_MS);
        const events = await client.watch<ConfigMap>(configMapsPath(MANY), {
          resourceVersion,
          timeoutSeconds: 5,
          query,
          signal,
        });
        for await (const event of events) return describeEvent(event);
        return "ended";
      } catch (error) {
        if (error instanceof ApiError) return `${error.status} ${error.reason}`;
        throw error;
      }
    };
    assert.equal(await first("1"), "410 Expired");
    assert.equal(await first("999999999"), "ended"); // what the reflector lists anew for, see #isDeaf
  });

  it("applies a Service's status, its annotation and its conditions in one request, once per change", {
    skip,
  }, async () => {
    const old = await createService("status");
    const { to, sent } = statusWriter();
    assert.deepEqual(await to(old, addressed("192.0.2.1")), "written");
    const stored = await client.get<Service>(servicePath(old.key));
    assert.deepEqual(stored.status?.loadBalancer, { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] });
    assert.deepEqual(stored.metadata?.annotations, { [POOL]: "default" });
    assert.deepEqual(words(stored), ["Allocated True Allocated", "Announced Unknown NoSpeakerYet"]);
    assert.deepEqual(stored.metadata?.managedFields?.filter(isOfStatus).map(ofWhom), [
      "herald-controller Apply",
    ]);
    assert.equal(await to(serviceView(stored), addressed("192.0.2.1")), "unchanged");
    // Somebody else was faster: the old view is refused, read again and decided again.
    assert.equal(await to(old, ({ ingress }) => addressed(`${ingress[0]?.ip}`, "moved")), "written");
    const moved = serviceView(await client.get<Service>(servicePath(old.key)));
    assert.deepEqual([moved.ingress, moved.annotations], [[{ ip: "192.0.2.1" }], { [POOL]: "moved" }]);
    assert.equal(await to(moved, NOTHING), "written");
    const empty = await client.get<Service>(servicePath(old.key));
    assert.deepEqual(empty.status, { loadBalancer: {} });
    assert.equal(empty.metadata?.annotations, undefined);
    assert.deepEqual(sent, ["apply", "apply", "apply", "apply"]);
  });

  it("takes from a Service what an earlier release or MetalLB wrote, and leaves what is a speaker's, or said of an address", {
    skip,
  }, async () => {
    const { key, uid } = await createService("earlier");
    const now = "2026-01-01T00:00:00Z";
    const allocated = { type: "herald.io/Allocated", ...GOOD, lastTransitionTime: now };
    const ingress = [{ ip: "192.0.2.1", ipMode: "Proxy", ports: [{ port: 80, protocol: "TCP" }] }];
    const earlier = await client.patch<Service>(serviceStatusPath(key), "strategic", {
      metadata: { annotations: { [POOL]: "default" } },
      status: { loadBalancer: { ingress }, conditions: [allocated] },
    });
    const { to, sent } = statusWriter();
    assert.equal(await to(serviceView(earlier), addressed("192.0.2.1", "other")), "written");
    const wish = { status: "True", reason: "Announced", message: "from a node" } as const;
    const type = "herald.io/Announced";
    await applyServiceCondition({
      ...{ client, service: key, uid, type, wish },
      ...{ fieldManager: "herald-speaker", epochMs: Date.now() },
    });
    const spoken = await client.get<Service>(servicePath(key));
    assert.deepEqual(spoken.status?.loadBalancer?.ingress, ingress);
    assert.equal(await to(serviceView(spoken), addressed("192.0.2.2", "default")), "written");
    const changed = await client.get<Service>(servicePath(key));
    assert.deepEqual(words(changed), ["Allocated True Allocated", "Announced True Announced"]);
    assert.equal(await to(serviceView(changed), NOTHING), "written");
    const cleared = await client.get<Service>(servicePath(key));
    assert.deepEqual(
      [words(cleared), cleared.status?.loadBalancer, cleared.metadata?.annotations],
      [["Announced True Announced"], {}, undefined],
    );
    assert.deepEqual(sent, ["apply", "apply", "apply", "strategic"]);
    // Back again: an earlier release and MetalLB write over what was applied, by other means.
    await to(serviceView(cleared), addressed("192.0.2.3"));
    const back = await client.patch<Service>(serviceStatusPath(key), "strategic", {
      metadata: { annotations: { [POOL]: null } },
      status: { loadBalancer: { ingress: null }, conditions: [{ $patch: "delete", type: allocated.type }] },
    });
    assert.deepEqual(
      [words(back), back.status?.loadBalancer, back.metadata?.annotations],
      [["Announced True Announced"], {}, undefined],
    );
  });

  it("makes no Service of one that is gone, nor writes to another of its name", { skip }, async () => {
    const old = await createService("gone");
    await client.delete(servicePath(old.key));
    const { to } = statusWriter();
    assert.equal(await to(old, addressed("192.0.2.1")), "gone");
    await assert.rejects(client.get(servicePath(old.key)), { status: 404 });
    const other = await createService("gone");
    assert.equal(await to(old, addressed("192.0.2.1")), "gone");
    assert.deepEqual(serviceView(await client.get<Service>(servicePath(old.key))), other);
  });

  it("applies on the server with its own field manager, and patches by JSON patch", { skip }, async () => {
    const applied = await client.patch<Service>(
      serviceStatusPath("default/status"),
      "apply",
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "status", namespace: "default" },
        status: { loadBalancer: { ingress: [{ ip: "192.0.2.9" }] } },
      },
      { fieldManager: "herald", force: true },
    );
    assert.deepEqual(applied.status?.loadBalancer, { ingress: [{ ip: "192.0.2.9", ipMode: "VIP" }] });
    const patched = await client.patch<Service>(servicePath("default/status"), "json", [
      { op: "add", path: "/metadata/labels", value: { a: "b" } },
    ]);
    assert.deepEqual(patched.metadata?.labels, { a: "b" });
    await assert.rejects(
      client.delete(servicePath("default/status"), { preconditions: { uid: "another" } }),
      { name: "ApiError", status: 409, reason: "Conflict" },
    );
  });

  it("tells Events that kubectl describe shows, with a count", { skip }, async () => {
    const { metadata } = await client.get<Service>(servicePath("default/status"));
    const recorder = createEventRecorder({
      client,
      component: "metallb-controller",
      instance: "controller-1",
      clock: systemClock,
    });
    const regarding = {
      apiVersion: "v1",
      kind: "Service",
      namespace: "default",
      name: "status",
      uid: metadata?.uid ?? "",
    };
    const message = 'Assigned IP ["192.0.2.9"]';
    recorder.record({ regarding, type: "Normal", reason: "IPAllocated", message });
    await recorder.flush(AbortSignal.timeout(WITHIN_MS));
    for (let times = 0; times < 3; times += 1) {
      recorder.record({ regarding, type: "Normal", reason: "IPAllocated", message });
    }
    await recorder.flush(AbortSignal.timeout(WITHIN_MS));
    recorder.close();
    assert.equal(recorder.dropped, 0);
    const described = await cluster.kubectl(["describe", "service", "status"]);
    assert.match(
      described,
      /Normal +IPAllocated .*\(x4 over .*\) +metallb-controller +Assigned IP \["192\.0\.2\.9"\]/,
    );
  });

  it("elects one of two candidates and hands over at once when it stops", { skip }, async () => {
    const notices: string[] = [];
    const elector = (identity: string): LeaderElector =>
      new LeaderElector({
        client,
        namespace: "default",
        name: "herald-controller",
        identity,
        clock: systemClock,
        random: systemRandom,
        timing: PATIENT,
        notice: ({ type }) => notices.push(`${identity} ${type}`),
      });
    const renewals = async (): Promise<string> => {
      const lease = await client.get<Lease>(objectPath(leasesPath("default"), "herald-controller"));
      return `${lease.spec?.holderIdentity} ${lease.spec?.renewTime}`;
    };
    const [first, second] = [elector("one"), elector("two")];
    const [stopFirst, stopSecond] = [new AbortController(), new AbortController()];
    const led: string[] = [];
    const lead = (name: string) => async (signal: AbortSignal) => {
      led.push(name);
      await whenAborted(signal);
    };
    const firstRun = first.run(lead("one"), stopFirst.signal);
    await eventually(() => first.leading);
    const secondRun = second.run(lead("two"), stopSecond.signal);
    await eventually(() => notices.includes("two following"));
    const seen = await renewals();
    await eventually(async () => (await renewals()) !== seen);
    assert.deepEqual([first.leading, second.leading, led], [true, false, ["one"]]);
    stopFirst.abort();
    await firstRun;
    await eventually(() => second.leading); // not released, it would be 90 s
    const holder = await cluster.kubectl([
      "get",
      "lease",
      "herald-controller",
      "--output=jsonpath={.spec.holderIdentity}",
    ]);
    assert.deepEqual([holder, led], ["two", ["one", "two"]]);
    stopSecond.abort();
    await secondRun;
  });
});

async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  const due = performance.now() + WITHIN_MS;
  while (!(await holds())) {
    assert.ok(performance.now() < due, `not within ${WITHIN_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function describeEvent(event: WatchEvent<ConfigMap>): string {
  return event.type === "error" ? `${event.error.status} ${event.error.reason}` : event.type;
}
