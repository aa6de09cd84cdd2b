import { formatPrefix, type Prefix, prefixOf } from "@herald/bgp/prefix";
import type { BgpAdvertisementConfig, Config, LabelSelector } from "@herald/shared/config/config";
import { familyOf, type IpAddress, type IpFamily } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import { matchesSelector } from "@herald/shared/service/label-selector";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import {
  type CandidateNode,
  candidatesFor,
  claim,
  eligible,
  type Hosts,
  hostsOf,
  NO_HOSTS,
  type PlanOptions,
  poolFor,
  unfit,
  type WithdrawReason,
} from "./plan.ts";

/** What BGP goes by of a configuration. */
export type BgpConfig = Pick<Config, "pools" | "bgpAdvertisements" | "peers" | "unjudged">;

/** One prefix that one advertisement wants announced for an address of one Service. */
export interface Wish {
  readonly service: ServiceKey;
  readonly address: IpAddress;
  readonly advertisement: BgpAdvertisementConfig;
  readonly prefix: Prefix;
  /** The same as text. */
  readonly text: string;
  /**
   * Where the advertisement asks for it to be told: how many endpoints on this node its traffic is for; 0 where that is
   * not known, as with policy Cluster.
   */
  readonly share: number | undefined;
}

/** Where a Service can be reached. */
export interface BgpHosts extends Hosts {
  /** Endpoints on this node that are given traffic. */
  readonly here: Readonly<Record<IpFamily, number>>;
}

export const NO_BGP_HOSTS: BgpHosts = { ...NO_HOSTS, here: { 4: 0, 6: 0 } };

/** Those that are going away count only where no others are left here, as what forwards the traffic has it. */
export function bgpHostsOf(endpoints: readonly EndpointView[], self: string): BgpHosts {
  const here = endpoints.filter(({ nodeName }) => nodeName === self);
  const count = (family: IpFamily): number => {
    const all = here.filter(({ addresses: [first] }) => first?.includes(":") === (family === 6));
    const ready = all.filter((endpoint) => endpoint.ready).length;
    return ready > 0 ? ready : all.filter(({ serving }) => serving).length;
  };
  return { ...hostsOf(endpoints), here: { 4: count(4), 6: count(6) } };
}

export interface BgpSurroundings {
  /** Name of the node this speaker runs on. */
  readonly self: string;
  readonly options: PlanOptions;
  readonly config: BgpConfig;
  readonly nodes: ReadonlyMap<string, CandidateNode>;
  /** Whether a node that is asked to serve no more has told routers so, and long enough ago. */
  readonly hasParted: boolean;
}

/** Why nothing is announced for a Service; `otherProtocol`: no BGP advertisement is for it on any node. */
export type BgpRefusal = WithdrawReason | "otherProtocol";

/**
 * What is to be announced for a Service from this node. Unlike on layer 2 every node announces that can serve.
 *
 * @returns at least one, one for each address and advertisement, or why there is none.
 */
export function wishesFor(
  service: ServiceView,
  hosts: BgpHosts,
  around: BgpSurroundings,
): readonly Wish[] | BgpRefusal {
  const addresses = claim(service, around.options);
  if (typeof addresses === "string") return addresses;
  const pool = poolFor(around.config, service, addresses);
  if (pool === undefined) return "ipNotAllowed";
  const advertisements = around.config.bgpAdvertisements.filter(
    ({ pools, serviceSelectors }) =>
      pools.includes(pool.name) && anyMatches(serviceSelectors, service.labels),
  );
  if (advertisements.length === 0) return "otherProtocol";
  const here = advertisements.filter((each) => isFor(each, around.nodes.get(around.self)));
  if (here.length === 0) return "noMatchingAdvertisement";
  const reason = refusal(service, hosts, advertisements, around);
  return reason ?? here.flatMap((each) => addresses.map((address) => wish(service, hosts, each, address)));
}

/** Whether a node is asked to serve no more, but may where no other can. */
export function isParting({ self, options, nodes }: BgpSurroundings): boolean {
  const node = ownNode(self, nodes);
  if (unfit(node, options) === undefined || node === undefined) return false;
  return eligible(new Map([[self, node]]), options).able.has(self);
}

function refusal(
  service: ServiceView,
  hosts: Hosts,
  advertisements: readonly BgpAdvertisementConfig[],
  around: BgpSurroundings,
): WithdrawReason | undefined {
  const { self, options, nodes } = around;
  const reason = unfit(ownNode(self, nodes), options);
  const parting = isParting(around);
  if (reason !== undefined && !parting) return reason;
  if (!hosts.any) return "noEndpoints";
  if (service.externalTrafficPolicy === "Local" && !hosts.nodes.has(self)) return "noLocalEndpoints";
  if (!parting || !around.hasParted) return undefined;
  const others = candidatesFor(service, hosts, { ...NOBODY, able: eligible(nodes, options).fit });
  const canServe = [...others].some((name) => advertisements.some((each) => isFor(each, nodes.get(name))));
  return canServe ? reason : undefined;
}

const NOBODY = { fit: new Set<string>(), able: new Set<string>() };

/** Our own speaker is there, whatever its pod says: it asks. */
function ownNode(self: string, nodes: ReadonlyMap<string, CandidateNode>): CandidateNode | undefined {
  const node = nodes.get(self);
  return node && { ...node, speakerReady: true };
}

function wish(
  { key: service, externalTrafficPolicy }: ServiceView,
  { here }: BgpHosts,
  advertisement: BgpAdvertisementConfig,
  address: IpAddress,
): Wish {
  const { aggregationLength, aggregationLengthV6, rules } = advertisement;
  const family = familyOf(address);
  const prefix = prefixOf(address, family === 4 ? aggregationLength : aggregationLengthV6);
  const known = externalTrafficPolicy === "Local" ? here[family] : 0;
  const share = rules?.bandwidthPerEndpoint ? known : undefined;
  return { service, address, advertisement, prefix, text: formatPrefix(prefix), share };
}

function isFor({ nodeSelectors }: BgpAdvertisementConfig, node: CandidateNode | undefined): boolean {
  return node !== undefined && anyMatches(nodeSelectors, node.labels);
}

export function anyMatches(
  selectors: readonly LabelSelector[],
  labels: Readonly<Record<string, string>>,
): boolean {
  return selectors.length === 0 || selectors.some((selector) => matchesSelector(selector, labels));
}
