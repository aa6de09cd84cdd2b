import type { ApiClient, ApiObject, Query } from "@herald/k8s/api";
import { EndpointIndex, endpointSliceView } from "@herald/k8s/endpoints";
import { nodeView } from "@herald/k8s/node";
import type { OptionalNotice } from "@herald/k8s/optional-reflector";
import { endpointSlicesPath, nodesPath, podsPath, servicesPath } from "@herald/k8s/paths";
import { podView } from "@herald/k8s/pod";
import { Reflector } from "@herald/k8s/reflector";
import type { ServedKinds } from "@herald/k8s/served-kinds";
import { serviceView } from "@herald/k8s/service";
import type { Clock, Random } from "@herald/shared/core";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey } from "@herald/shared/service/view";
import { followConfig } from "./config-source.ts";
import type { Change, KubernetesOptions, Resource } from "./kubernetes-protocol.ts";
import type { CandidateNode } from "./plan.ts";
import { SpeakerPlaces } from "./speaker-places.ts";

export interface KubernetesSourcePorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly put: (change: Change) => void;
  /** What was found wrong with the configuration, a line for each mistake: whenever it was looked at. */
  readonly judged?: (mistakes: readonly string[]) => void;
  readonly notice: (resource: Resource, notice: OptionalNotice) => void;
}

/**
 * Follows what a speaker must know and puts it out small. Resolves when aborted; rejects only for our own bugs.
 *
 * @param served runs by itself, and looks for the kinds of a configuration.
 */
export async function followKubernetes(
  options: KubernetesOptions,
  served: ServedKinds,
  ports: KubernetesSourcePorts,
  signal: AbortSignal,
): Promise<void> {
  const config = followConfig(options, served, ports);
  const reflectors = [
    followServices(ports),
    followEndpoints(options, ports),
    ...followCandidates(options, ports),
  ];
  const sync = async (): Promise<void> => {
    const all = [config, ...reflectors];
    await Promise.all(all.map((source) => source.whenSynced(signal)));
    ports.put({ type: "synced" });
  };
  const runs = [config, ...reflectors].map((source) => source.run(signal));
  await Promise.all([unlessAborted(sync(), signal), ...runs]);
}

async function unlessAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function followServices(ports: KubernetesSourcePorts): Reflector<unknown> {
  const services = reflect(
    ports,
    "services",
    servicesPath(),
    {},
    (object) => {
      const view = serviceView(object);
      return view.type === "LoadBalancer" ? view : undefined;
    },
    (keys) => {
      for (const key of keys as readonly ServiceKey[]) {
        const service = services.get(key);
        ports.put(service === undefined ? { type: "service-gone", key } : { type: "service", service });
      }
    },
  );
  return services;
}

function followEndpoints({ nodeName }: KubernetesOptions, ports: KubernetesSourcePorts): Reflector<unknown> {
  const index = new EndpointIndex();
  const slices = reflect(
    ports,
    "endpointslices",
    endpointSlicesPath(),
    {},
    (object) => {
      const view = endpointSliceView(object);
      return view === undefined ? undefined : { ...view, endpoints: whereUsable(view.endpoints, nodeName) };
    },
    (keys) => {
      for (const sliceKey of keys) {
        for (const key of index.set(sliceKey, slices.get(sliceKey))) {
          ports.put({ type: "endpoints", key, endpoints: whereUsable(index.get(key), nodeName) });
        }
      }
    },
  );
  return slices;
}

/**
 * All that decides who may announce: one entry for each node, and whether anything there is usable. Those of this node,
 * whose number routers may be told, each by itself.
 */
export function whereUsable(endpoints: readonly EndpointView[], self: string): readonly EndpointView[] {
  const seen = new Map<string, EndpointView>();
  for (const { nodeName, addresses, ready, serving } of endpoints) {
    const usable = ready || serving;
    const [address] = addresses;
    if (usable && nodeName === self && address !== undefined)
      seen.set(address, { nodeName, addresses: [address], ready, serving });
    else seen.set(`${usable} ${nodeName ?? ""}`, { nodeName, addresses: [], ready: usable, serving: usable });
  }
  return [...seen.values()];
}

/** Nodes, and the pods that say on which of them a speaker is ready. */
function followCandidates(
  { namespace, speakerLabels }: KubernetesOptions,
  ports: KubernetesSourcePorts,
): readonly Reflector<unknown>[] {
  const places = new SpeakerPlaces();
  let told = "";
  const tell = nodeNews(ports.put);
  const put = (names: readonly string[]): void => {
    for (const name of names) {
      const node = nodes.get(name);
      const speakerReady = speakerLabels === "" || places.has(name);
      tell(name, node === undefined ? undefined : { ...node, speakerReady });
    }
  };
  const nodes = reflect(ports, "nodes", nodesPath(), {}, candidateView, put);
  if (speakerLabels === "") return [nodes];
  const query = { labelSelector: speakerLabels };
  const pods = reflect(ports, "pods", podsPath(namespace), query, speakerPod, (keys) => {
    put(keys.flatMap((key) => places.set(key, pods.get(key)?.readyOn)));
    const addresses = [...new Set([...pods.values()].flatMap((pod) => pod.addresses))].sort();
    if (addresses.join() === told) return;
    told = addresses.join();
    ports.put({ type: "speakers", addresses });
  });
  return [nodes, pods];
}

/** Puts out what is different of a node that decides anything: its heartbeats do not. */
function nodeNews(put: (change: Change) => void): (name: string, node: CandidateNode | undefined) => void {
  const told = new Map<string, CandidateNode>(); // by name; bounded by the nodes of the cluster
  return (name, node) => {
    const before = told.get(name);
    if (before === node || JSON.stringify(before) === JSON.stringify(node)) return;
    if (node === undefined) {
      told.delete(name);
      put({ type: "node-gone", name });
    } else {
      told.set(name, node);
      put({ type: "node", name, node });
    }
  };
}

function candidateView(object: ApiObject): Omit<CandidateNode, "speakerReady"> {
  const { name: _, internalIps: __, unschedulable, ...decisive } = nodeView(object);
  return { ...decisive, cordoned: unschedulable };
}

interface SpeakerPod {
  /** Its node, while it is Ready. */
  readonly readyOn: string | undefined;
  readonly addresses: readonly IpAddress[];
}

/** @returns `undefined` for a pod that is on its way out, or nowhere yet. */
function speakerPod(object: ApiObject): SpeakerPod | undefined {
  const { nodeName, ready, deleting, podIps } = podView(object);
  if (deleting || nodeName === "") return undefined;
  const addresses = podIps.map(parseAddress).filter((address) => address !== undefined);
  return { readyOn: ready ? nodeName : undefined, addresses };
}

function reflect<View>(
  { client, clock, random, notice }: KubernetesSourcePorts,
  resource: Resource,
  path: string,
  query: Query,
  view: (object: ApiObject) => View | undefined,
  onChange: (keys: readonly string[]) => void,
): Reflector<View> {
  return new Reflector<View>({
    client,
    path,
    query,
    clock,
    random,
    view,
    onChange,
    notice: (what) => notice(resource, what),
  });
}
