import { byCommunity, parseCommunity } from "./community.ts";
import type {
  BfdProfileConfig,
  BgpAdvertisementConfig,
  BgpPeerConfig,
  Config,
  L2AdvertisementConfig,
  LabelSelector,
  Pool,
} from "./config.ts";
import { mistakeInPassword } from "./password.ts";
import type { ParsedBfdProfile, ParsedConfig, ParsedPeer, ParsedPool } from "./schema.ts";

/** The configuration that a document without mistakes describes. Each pool is announced by its own protocol only. */
export function toConfig(parsed: ParsedConfig): Config {
  const aliases = new Map(Object.entries(parsed["bgp-communities"]));
  const pools = parsed["address-pools"];
  return {
    pools: pools.map(toPool),
    l2Advertisements: pools.filter(({ protocol }) => protocol === "layer2").map(toL2Advertisement),
    bgpAdvertisements: pools
      .filter(({ protocol }) => protocol === "bgp")
      .flatMap((pool) => toBgpAdvertisements(pool, aliases)),
    peers: parsed.peers.map((peer, index) => ({ name: `${PREFIX}peer${index + 1}`, ...toPeer(peer) })),
    bfdProfiles: parsed["bfd-profiles"].map(toBfdProfile),
    communities: parsed["bgp-communities"],
  };
}

/** Of the names of what has none in a ConfigMap; no object's name has a slash in it. */
const PREFIX = "configmap/";

function toPool(pool: ParsedPool): Pool {
  return {
    name: pool.name,
    labels: {},
    ranges: pool.addresses,
    avoidBuggyIps: pool["avoid-buggy-ips"],
    autoAssign: pool["auto-assign"],
    serviceAllocation: undefined,
  };
}

function toL2Advertisement({ name }: ParsedPool): L2AdvertisementConfig {
  return {
    name: `${PREFIX}${name}`,
    pools: [name],
    nodeSelectors: [],
    serviceSelectors: [],
    interfaces: [],
    preferredNodeSelectors: [],
  };
}

/** A pool that says nothing of advertisements has one: every address by itself. */
function toBgpAdvertisements(
  { name, "bgp-advertisements": entries }: ParsedPool,
  aliases: ReadonlyMap<string, string>,
): readonly BgpAdvertisementConfig[] {
  const meanings = entries.length === 0 ? [EVERY_ADDRESS] : entries.map((entry) => toMeaning(entry, aliases));
  return meanings.map((meaning, index) => ({
    name: `${PREFIX}${name}/${index + 1}`,
    pools: [name],
    nodeSelectors: [],
    serviceSelectors: [],
    peers: [],
    ...meaning,
  }));
}

type Meaning = Pick<
  BgpAdvertisementConfig,
  "aggregationLength" | "aggregationLengthV6" | "localPref" | "communities"
>;

const EVERY_ADDRESS: Meaning = {
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: undefined,
  communities: [],
};

function toMeaning(
  entry: ParsedPool["bgp-advertisements"][number],
  aliases: ReadonlyMap<string, string>,
): Meaning {
  return {
    aggregationLength: entry["aggregation-length"],
    aggregationLengthV6: entry["aggregation-length-v6"],
    localPref: entry.localpref || undefined,
    communities: resolveCommunities(entry.communities, aliases),
  };
}

/** Canonical, each once, sorted. What is neither community nor alias is left out: it was reported elsewhere. */
export function resolveCommunities(
  texts: readonly string[],
  aliases: ReadonlyMap<string, string>,
): readonly string[] {
  const communities = texts.flatMap((text) => {
    const parsed = parseCommunity(text);
    return aliases.get(text) ?? ("community" in parsed ? parsed.community : []);
  });
  return [...new Set(communities)].sort(byCommunity);
}

/** All that a peer of a ConfigMap is but its name. */
export function toPeer(peer: ParsedPeer): Omit<BgpPeerConfig, "name"> {
  return {
    myAsn: peer["my-asn"],
    peerAsn: peer["peer-asn"],
    localAsn: undefined,
    remote: { address: peer["peer-address"] },
    sourceAddress: peer["source-address"],
    peerPort: peer["peer-port"] || 179,
    holdTimeSeconds: peer["hold-time"],
    keepaliveTimeSeconds: peer["keepalive-time"] ?? Math.trunc(peer["hold-time"] / 3),
    connectTimeSeconds: undefined,
    routerId: peer["router-id"],
    nodeSelectors: peer["node-selectors"].map(
      (selector): LabelSelector => ({
        matchLabels: selector["match-labels"],
        matchExpressions: selector["match-expressions"],
      }),
    ),
    password: mistakeInPassword(peer.password) === undefined ? peer.password : undefined,
    bfdProfile: peer["bfd-profile"] || undefined,
    gracefulRestart: false,
    ebgpMultihop: peer["ebgp-multihop"],
    vrf: undefined,
    dualStackAddressFamily: false,
  };
}

function toBfdProfile(profile: ParsedBfdProfile): BfdProfileConfig {
  return {
    name: profile.name,
    receiveIntervalMs: profile["receive-interval"],
    transmitIntervalMs: profile["transmit-interval"],
    detectMultiplier: profile["detect-multiplier"],
    echoIntervalMs: profile["echo-interval"],
    echoMode: profile["echo-mode"],
    passiveMode: profile["passive-mode"],
    minimumTtl: profile["minimum-ttl"],
  };
}
