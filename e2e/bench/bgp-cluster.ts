import { loadavg } from "node:os";
import { type NodeName, podAddresses } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { whyNot } from "../cluster/requirements.ts";
import { installRouters } from "../interop/bgp/packages.ts";
import type { RouteWatch } from "../interop/bgp/route-watch.ts";
import { EcmpRouter } from "../real/ecmp-router.ts";
import { Installation } from "../real/installation.ts";
import { installKinds, metallbObject } from "../real/metallb-objects.ts";
import { addressesIn } from "../real/objects.ts";
import { pause } from "./bgp-router.ts";
import { percentile } from "./histogram.ts";
import type { Row } from "./row.ts";

/** HERALD_BGP_CHANGES for another number; each is one of either kind. */
const CHANGES = Number(process.env["HERALD_BGP_CHANGES"] ?? 100);
/** What a change leaves to be done, Events among it, is not to meet the next, ms. */
const QUIET_MS = 200;
const LOOK_EVERY_MS = 5;
const WITHIN_MS = 15_000;
const NODE: NodeName = "node-1";
const SERVICE = "shop";
const SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

/** One change of the endpoint, ms. */
interface Change {
  /** From the API server's answer on; below 0 when the router was sooner. */
  readonly answeredMs: number;
  /** From the request on. */
  readonly askedMs: number;
}

interface Lab {
  readonly cluster: Cluster;
  readonly watch: RouteWatch;
  /** Of the Service. */
  readonly address: string;
}

/** From an endpoint that the API server calls ready until a router's kernel forwards, and the way back. */
export async function benchBgpCluster(say: (line: string) => void): Promise<Row[]> {
  const name = "endpoint to kernel route";
  const reason = whyNot({ kubelets: false });
  if (reason !== undefined) return [{ name, value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  await installRouters();
  const cluster = await startCluster({ name: "bench-bgp", nodes: 1 });
  try {
    const lab = await prepare(cluster);
    const [comes, goes]: [Change[], Change[]] = [[], []];
    const loads: number[] = [];
    say(`${CHANGES} times ready and not ready`);
    for (let turn = 0; turn < CHANGES; turn += 1) {
      comes.push(await change(lab, true));
      goes.push(await change(lab, false));
      loads.push(loadavg()[0] ?? 0);
    }
    await lab.watch.stop();
    const note = `${CHANGES} times; load ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}`;
    return [
      ...rowsOf("ready to kernel route there", comes, note),
      ...rowsOf("not ready to kernel route gone", goes, note),
    ];
  } finally {
    await cluster.stop();
  }
}

/** Herald and a router that have a session, and a Service whose one endpoint is not ready. */
async function prepare(cluster: Cluster): Promise<Lab> {
  const { ipv4 } = cluster.addressesOf("router");
  const router = await EcmpRouter.start(cluster, configOf(ipv4, cluster.addressesOf(NODE).ipv4));
  await installKinds(cluster);
  const herald = await Installation.start(cluster);
  await cluster.apply(metallbObject("IPAddressPool", "routed", { addresses: ["198.51.100.0/24"] }));
  await cluster.apply(metallbObject("BGPAdvertisement", "routed", { ipAddressPools: ["routed"] }));
  await cluster.apply(
    metallbObject("BGPPeer", "router", { myASN: 64500, peerASN: 64501, peerAddress: ipv4 }),
  );
  // Why no selector: nobody else is to write the slice.
  const spec = { externalTrafficPolicy: "Local", selector: undefined };
  const [service] = await herald.createServices([{ name: SERVICE, spec }]);
  const [address = ""] = service === undefined ? [] : addressesIn(service);
  await cluster.api.post(SLICES, slice());
  await router.untilNextHops(address, [NODE]);
  const lab = { cluster, watch: await router.watch(), address };
  await change(lab, false);
  return lab;
}

async function change({ cluster, watch, address }: Lab, isReady: boolean): Promise<Change> {
  await pause(QUIET_MS);
  const path = "/endpoints/0/conditions";
  const patch = [{ op: "replace", path, value: conditions(isReady) }];
  const askedAt = Date.now();
  await cluster.api.patch(`${SLICES}/${SERVICE}`, patch, "json");
  const answeredAt = Date.now();
  for (;;) {
    const changes = watch.changes(address).filter(({ at }) => at >= askedAt);
    const changedAt = changes.find(({ gateways }) => gateways.length > 0 === isReady)?.at;
    if (changedAt !== undefined) return { answeredMs: changedAt - answeredAt, askedMs: changedAt - askedAt };
    if (Date.now() > askedAt + WITHIN_MS)
      throw new Error(`${address} ${isReady ? "has no" : "keeps its"} route ${WITHIN_MS} ms after a change`);
    await pause(LOOK_EVERY_MS);
  }
}

function rowsOf(what: string, changes: readonly Change[], note: string): readonly Row[] {
  const row = (since: string, read: (each: Change) => number): readonly Row[] =>
    [50, 90, 99, 100].map((percent) => ({
      name: `${what}, since ${since}, ${percent === 100 ? "max" : `p${percent}`}`,
      value: percentile(changes.map(read), percent),
      unit: "ms",
      note,
    }));
  return [
    ...row("the answer", ({ answeredMs }) => answeredMs),
    ...row("the request", ({ askedMs }) => askedMs),
  ];
}

/** An endpoint that no pod is behind: nobody sends it anything. */
function slice(): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: SERVICE, labels: { "kubernetes.io/service-name": SERVICE } },
    addressType: "IPv4",
    endpoints: [{ addresses: [podAddresses(NODE, 200).ipv4], nodeName: NODE, conditions: conditions(true) }],
    ports: [{ name: "http", protocol: "TCP", port: 80 }],
  };
}

function conditions(isReady: boolean): object {
  return { ready: isReady, serving: isReady, terminating: false };
}

function configOf(router: string, node: string): string {
  return `router id ${router};
protocol device {}
protocol kernel { ipv4 { export where source = RTS_BGP; }; }
protocol bgp node {
  local ${router} as 64501;
  neighbor ${node} as 64500;
  passive on;
  error wait time 1, 2;
  ipv4 { import all; export none; };
}
`;
}
