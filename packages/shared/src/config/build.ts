import { byCommunity, parseCommunity } from "./community.ts";
import type {
  BfdProfileConfig,
  BgpAdvertisementConfig,
  BgpPeerConfig,
  Config,
  LabelSelector,
  Pool,
} from "./config.ts";
import type { ParsedBfdProfile, ParsedConfig, ParsedPeer, ParsedPool } from "./schema.ts";

/** The configuration that a document without mistakes describes. */
export function toConfig(parsed: ParsedConfig): Config {
  const aliases = new Map(Object.entries(parsed["bgp-communities"]));
  return {
    pools: parsed["address-pools"].map((pool) => toPool(pool, aliases)),
    peers: parsed.peers.map(toPeer),
    bfdProfiles: parsed["bfd-profiles"].map(toBfdProfile),
    bgpCommunities: parsed["bgp-communities"],
  };
}

function toPool(pool: ParsedPool, aliases: ReadonlyMap<string, string>): Pool {
  const advertisements = pool["bgp-advertisements"].map((entry) => toAdvertisement(entry, aliases));
  return {
    name: pool.name,
    protocol: pool.protocol,
    ranges: pool.addresses,
    avoidBuggyIps: pool["avoid-buggy-ips"],
    autoAssign: pool["auto-assign"],
    serviceAllocation: undefined,
    bgpAdvertisements:
      pool.protocol === "bgp" && advertisements.length === 0 ? [DEFAULT_ADVERTISEMENT] : advertisements,
  };
}

/** Of a pool that says nothing of advertisements: every address by itself. */
const DEFAULT_ADVERTISEMENT: BgpAdvertisementConfig = {
  aggregationLength: 32,
  aggregationLengthV6: 128,
  localPref: undefined,
  communities: [],
};

function toAdvertisement(
  entry: ParsedPool["bgp-advertisements"][number],
  aliases: ReadonlyMap<string, string>,
): BgpAdvertisementConfig {
  const communities = entry.communities.flatMap((text) => {
    const parsed = parseCommunity(text);
    return aliases.get(text) ?? ("community" in parsed ? parsed.community : []);
  });
  return {
    aggregationLength: entry["aggregation-length"],
    aggregationLengthV6: entry["aggregation-length-v6"],
    localPref: entry.localpref,
    communities: [...new Set(communities)].sort(byCommunity),
  };
}

export function toPeer(peer: ParsedPeer): BgpPeerConfig {
  const selectors = peer["node-selectors"].map(
    (selector): LabelSelector => ({
      matchLabels: selector["match-labels"],
      matchExpressions: selector["match-expressions"],
    }),
  );
  return {
    myAsn: peer["my-asn"],
    peerAsn: peer["peer-asn"],
    peerAddress: peer["peer-address"],
    sourceAddress: peer["source-address"],
    peerPort: peer["peer-port"] || 179,
    holdTimeSeconds: peer["hold-time"],
    keepaliveTimeSeconds: peer["keepalive-time"] ?? Math.trunc(peer["hold-time"] / 3),
    routerId: peer["router-id"],
    nodeSelectors: selectors.length > 0 ? selectors : [{ matchLabels: {}, matchExpressions: [] }],
    password: peer.password,
    bfdProfile: peer["bfd-profile"] || undefined,
    ebgpMultihop: peer["ebgp-multihop"],
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
