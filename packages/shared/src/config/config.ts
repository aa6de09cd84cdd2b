import type { IpAddress } from "../ip/address.ts";
import type { IpRange } from "../ip/range.ts";

/** A whole configuration that has been checked: what the programs hold, whatever it was written in. */
export interface Config {
  /** In the order of the document; names are unique and ranges overlap nowhere. */
  readonly pools: readonly Pool[];
  readonly peers: readonly BgpPeerConfig[];
  readonly bfdProfiles: readonly BfdProfileConfig[];
  /** Alias to `a:b`. */
  readonly bgpCommunities: Readonly<Record<string, string>>;
}

export interface Pool {
  readonly name: string;
  readonly protocol: "layer2" | "bgp";
  /** At least one, in the order of the document. */
  readonly ranges: readonly IpRange[];
  /** Never give out IPv4 addresses that end in .0 or .255: old equipment drops them. */
  readonly avoidBuggyIps: boolean;
  /** Whether Services that name no pool and no address may be served from here. */
  readonly autoAssign: boolean;
  /** Who may use the pool; `undefined`: everyone, as every pool of a ConfigMap. */
  readonly serviceAllocation: ServiceAllocation | undefined;
  /** Only of protocol bgp, where it has at least one entry. */
  readonly bgpAdvertisements: readonly BgpAdvertisementConfig[];
}

export interface ServiceAllocation {
  /** Lower is preferred; 0 comes last. */
  readonly priority: number;
  /** Names of namespaces that may use the pool; `undefined`: all. An empty set is nobody, not everybody. */
  readonly namespaces: ReadonlySet<string> | undefined;
  /** Any of them must match the Service's labels; empty: every Service. */
  readonly serviceSelectors: readonly LabelSelector[];
}

/** A Kubernetes label selector; empty matches everything. */
export interface LabelSelector {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelExpression[];
}

export interface LabelExpression {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  readonly values: readonly string[];
}

export interface BgpPeerConfig {
  readonly myAsn: number;
  readonly peerAsn: number;
  readonly peerAddress: IpAddress;
  readonly sourceAddress: IpAddress | undefined;
  readonly peerPort: number;
  /** Whole seconds; 0 or at least 3 (RFC 4271 §4.2). */
  readonly holdTimeSeconds: number;
  readonly keepaliveTimeSeconds: number;
  readonly routerId: IpAddress | undefined;
  /** Any of them must match the node's labels; never empty. */
  readonly nodeSelectors: readonly LabelSelector[];
  /** TCP-MD5 (RFC 2385); "" for none. Never logged. */
  readonly password: string;
  readonly bfdProfile: string | undefined;
  readonly ebgpMultihop: boolean;
}

export interface BgpAdvertisementConfig {
  readonly aggregationLength: number;
  readonly aggregationLengthV6: number;
  readonly localPref: number | undefined;
  /** `a:b`, aliases already resolved; sorted. */
  readonly communities: readonly string[];
}

export interface BfdProfileConfig {
  readonly name: string;
  readonly receiveIntervalMs: number | undefined;
  readonly transmitIntervalMs: number | undefined;
  readonly detectMultiplier: number | undefined;
  readonly echoIntervalMs: number | undefined;
  readonly echoMode: boolean;
  readonly passiveMode: boolean;
  readonly minimumTtl: number | undefined;
}
