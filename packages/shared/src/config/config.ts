import type { PoolRules } from "../allocator/pool-rules.ts";
import type { IpAddress } from "../ip/address.ts";
import type { IpRange } from "../ip/range.ts";

/**
 * A whole configuration that has been checked: what the programs hold, whatever it was written in. Names of pools
 * in advertisements, of profiles and of communities are resolved: each one is there.
 */
export interface Config {
  /** Names are unique and ranges overlap nowhere. */
  readonly pools: readonly Pool[];
  readonly l2Advertisements: readonly L2AdvertisementConfig[];
  readonly bgpAdvertisements: readonly BgpAdvertisementConfig[];
  readonly peers: readonly BgpPeerConfig[];
  readonly bfdProfiles: readonly BfdProfileConfig[];
  /** By alias, in canonical text: see `parseCommunity`. */
  readonly communities: Readonly<Record<string, string>>;
  /**
   * There while some pools are refused and all of them never were good: those, without ranges, as far as they are known.
   * An address that no pool has may be of one of them.
   */
  readonly unjudged?: readonly Pool[];
}

/** Addresses to give out. Which protocols announce them is up to the advertisements that name the pool. */
export interface Pool {
  readonly name: string;
  /** Of the object, for selectors of pools; a ConfigMap's pool has none. */
  readonly labels: Readonly<Record<string, string>>;
  /** At least one, in the order they are written. */
  readonly ranges: readonly IpRange[];
  /** Never give out IPv4 addresses that end in .0 or .255: old equipment drops them. */
  readonly avoidBuggyIps: boolean;
  /** Whether Services that name no pool and no address may be served from here. */
  readonly autoAssign: boolean;
  /** Who may use the pool; `undefined`: everyone, as every pool of a ConfigMap. */
  readonly serviceAllocation: ServiceAllocation | undefined;
  /** What Herald's own annotations of the object say; absent: nothing, as of every pool of a ConfigMap. */
  readonly rules?: PoolRules;
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

/** What advertisements of either protocol say. In every list of selectors any one must match; empty: all do. */
export interface Advertisement {
  /**
   * Of the object. Of a ConfigMap's pool `configmap/POOL` for layer 2 and `configmap/POOL/N`, counted from 1, for
   * BGP, which no object can be called.
   */
  readonly name: string;
  /** Names of the pools it is for, each of them there; sorted. May be empty: then it is for none. */
  readonly pools: readonly string[];
  /** On labels of nodes that may announce. */
  readonly nodeSelectors: readonly LabelSelector[];
  /** On labels of Services. */
  readonly serviceSelectors: readonly LabelSelector[];
}

/** Lets layer 2 announce addresses of pools. */
export interface L2AdvertisementConfig extends Advertisement {
  /** Exact names; empty: all that are fit. */
  readonly interfaces: readonly string[];
  readonly preferredNodeSelectors: readonly PreferredNodes[];
}

/** Nodes that are rather to announce; a node has the sum of the weights of what matches it. */
export interface PreferredNodes {
  /** 1 to 100. */
  readonly weight: number;
  readonly preference: LabelSelector;
}

/** Lets BGP announce addresses of pools. */
export interface BgpAdvertisementConfig extends Advertisement {
  readonly aggregationLength: number;
  readonly aggregationLengthV6: number;
  /** LOCAL_PREF (RFC 4271 §5.1.5), never 0; `undefined`: none of our choosing. */
  readonly localPref: number | undefined;
  /** Canonical text, aliases already resolved, each once; sorted by number. */
  readonly communities: readonly string[];
  /** Names of the peers to tell; empty: all. Names that no peer has do no harm. */
  readonly peers: readonly string[];
  /** What Herald's own annotations of the object say; absent: nothing, as of every pool of a ConfigMap. */
  readonly rules?: RouteRules;
}

/** What only Herald can say of routes. */
export interface RouteRules {
  /** MULTI_EXIT_DISC (RFC 4271 §5.1.4), 32 bits; `undefined`: none. */
  readonly med: number | undefined;
  /** How many times more our AS stands in the path, 0 to 10. */
  readonly prepend: number;
  /** Whether routers are told how many endpoints of a Service with policy Local there are. */
  readonly bandwidthPerEndpoint: boolean;
}

/** What one AS is to another (RFC 9234 §3.1). */
export type BgpRole = "provider" | "route-server" | "route-server-client" | "customer" | "peer";

export interface BgpPeerConfig {
  /** Of the object; `configmap/peerN`, counted from 1, of a ConfigMap's. */
  readonly name: string;
  readonly myAsn: number;
  /** A number, or any that is ours (`internal`) or is not (`external`). */
  readonly peerAsn: number | "internal" | "external";
  /** What we say we are to this router instead of `myAsn`. */
  readonly localAsn: number | undefined;
  /**
   * Where the router is; on an interface: whoever answers at the other end of the link. With both the address is a
   * link-local one, which means nothing without.
   */
  readonly remote:
    | { readonly address: IpAddress; readonly interface?: string }
    | { readonly interface: string };
  readonly sourceAddress: IpAddress | undefined;
  readonly peerPort: number;
  /** Whole seconds; 0 or at least 3 (RFC 4271 §4.2). */
  readonly holdTimeSeconds: number;
  /** Whole seconds, at most the hold time; 0: none are sent. */
  readonly keepaliveTimeSeconds: number;
  /** Whole seconds, 1 to 65,535, between attempts; `undefined`: ours to choose. */
  readonly connectTimeSeconds: number | undefined;
  readonly routerId: IpAddress | undefined;
  /** Any of them must match the node's labels; empty: every node. */
  readonly nodeSelectors: readonly LabelSelector[];
  /**
   * TCP-MD5 (RFC 2385), at most 80 octets; "" for none, `undefined` when it is in a Secret that the program does not read, or
   * is none that can be used. Never logged.
   */
  readonly password: string | undefined;
  readonly bfdProfile: string | undefined;
  /** RFC 4724. */
  readonly gracefulRestart: boolean;
  readonly ebgpMultihop: boolean;
  /** Name of the VRF to connect in; `undefined`: the default one. */
  readonly vrf: string | undefined;
  /** What arrives with a lower TTL is dropped (GTSM, RFC 5082), 1 to 255; left out: nothing is. */
  readonly minimumTtl?: number;
  /**
   * How long the router may keep our routes as a last resort after the time that a restart may take (RFC 9494), whole
   * seconds, 1 to 2^24 - 1; left out: not at all. Only with `gracefulRestart`.
   */
  readonly longLivedSeconds?: number;
  /** Least time between two announcements of one prefix to it (RFC 4271 §9.2.1.1), ms, up to ten minutes; left out: none. */
  readonly advertisementIntervalMs?: number;
  /** How long to let the router introduce itself first (DelayOpen, RFC 4271 §8.1.1), ms, up to four minutes; left out: not. */
  readonly delayOpenMs?: number;
  /** TCP port to connect from, 1 to 65,535; left out: whichever the kernel takes. */
  readonly sourcePort?: number;
  /** What we are to the router (RFC 9234); left out: we do not say. Only between ASes. */
  readonly role?: BgpRole;
  /** Whether the router must say what it is, too; left out: it may be silent. */
  readonly strictRole?: boolean;
  /** Whether prefixes of both families go over this session, and not only those of the session's own. */
  readonly dualStackAddressFamily: boolean;
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
