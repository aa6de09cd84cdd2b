import { meaningOf } from "../crd/selectors.ts";
import type { ParsedConfig, ParsedPeer, ParsedPool } from "../schema.ts";
import type { ObjectNames } from "./convert.ts";

/** An object as one applies it. */
export interface WrittenObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec?: object;
  /** Of a Secret. */
  readonly type?: string;
  readonly stringData?: Readonly<Record<string, string>>;
}

/** What MetalLB's converter writes, in its order, but passwords in Secrets, which come first. */
export function objectsOf(
  parsed: ParsedConfig,
  names: ObjectNames,
  namespace: string,
): readonly WrittenObject[] {
  const write = (kind: string, name: string, spec: object, version = "v1beta1"): WrittenObject => ({
    apiVersion: `metallb.io/${version}`,
    kind,
    metadata: { name, namespace },
    spec: withoutUndefined(spec),
  });
  const { peers, "address-pools": pools, "bfd-profiles": profiles, "bgp-communities": aliases } = parsed;
  const nameOf = (pool: ParsedPool) => names.pools.get(pool.name) ?? pool.name;
  const advertisements = pools
    .filter(({ protocol }) => protocol === "bgp")
    .flatMap((pool) => advertisementsOf(pool, nameOf(pool)));
  const layer2 = pools.filter(({ protocol }) => protocol === "layer2");
  const communities = Object.entries(aliases).map(([name, value]) => ({ name, value }));
  return [
    ...peers.flatMap((peer, index) => secretsOf(peer, index, namespace)),
    ...peers.map((peer, index) => write("BGPPeer", peerName(index), peerSpec(peer, index, names), "v1beta2")),
    ...pools.map((pool) => write("IPAddressPool", nameOf(pool), poolSpec(pool))),
    ...advertisements.map((spec, index) => write("BGPAdvertisement", `bgpadvertisement${index + 1}`, spec)),
    ...layer2.map((pool, index) =>
      write("L2Advertisement", `l2advertisement${index + 1}`, { ipAddressPools: [nameOf(pool)] }),
    ),
    ...profiles.map((profile) =>
      write("BFDProfile", names.profiles.get(profile.name) ?? profile.name, profileSpec(profile)),
    ),
    ...(communities.length === 0
      ? []
      : [write("Community", "communities", { communities: communities.sort(byName) })]),
  ];
}

export function peerName(index: number): string {
  return `peer${index + 1}`;
}

export function secretName(index: number): string {
  return `${peerName(index)}-password`;
}

function secretsOf({ password }: ParsedPeer, index: number, namespace: string): readonly WrittenObject[] {
  if (password === "") return [];
  return [
    {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: secretName(index), namespace },
      type: "kubernetes.io/basic-auth",
      stringData: { username: "", password },
    },
  ];
}

function peerSpec(peer: ParsedPeer, index: number, names: ObjectNames): object {
  const keepalive = peer["keepalive-time"];
  const profile = peer["bfd-profile"];
  const selectors = withoutRepetitions(peer["node-selectors"]).map((selector) => ({
    ...unlessEmpty("matchLabels", selector["match-labels"]),
    ...unlessEmpty(
      "matchExpressions",
      selector["match-expressions"].map(({ key, operator, values }) => ({
        key,
        operator,
        ...unlessEmpty("values", values),
      })),
    ),
  }));
  return {
    myASN: peer["my-asn"],
    peerASN: peer["peer-asn"],
    peerAddress: peer["peer-address"],
    sourceAddress: peer["source-address"],
    peerPort: [0, 179].includes(peer["peer-port"]) ? undefined : peer["peer-port"],
    holdTime: `${peer["hold-time"]}s`,
    keepaliveTime: keepalive === undefined ? undefined : `${keepalive}s`,
    routerID: peer["router-id"],
    ...unlessEmpty("nodeSelectors", selectors),
    passwordSecret: peer.password === "" ? undefined : { name: secretName(index) },
    bfdProfile: profile === "" ? undefined : (names.profiles.get(profile) ?? profile),
    ebgpMultiHop: peer["ebgp-multihop"] || undefined,
  };
}

function poolSpec(pool: ParsedPool): object {
  return {
    addresses: pool.addresses.map(({ text }) => text),
    autoAssign: pool["auto-assign"] ? undefined : false,
    avoidBuggyIPs: pool["avoid-buggy-ips"] || undefined,
  };
}

function advertisementsOf(pool: ParsedPool, name: string): readonly object[] {
  const entries = pool["bgp-advertisements"];
  if (entries.length === 0) return [{ ipAddressPools: [name] }];
  return entries.map((entry) => ({
    ipAddressPools: [name],
    aggregationLength: entry["aggregation-length"] === 32 ? undefined : entry["aggregation-length"],
    aggregationLengthV6: entry["aggregation-length-v6"] === 128 ? undefined : entry["aggregation-length-v6"],
    localPref: entry.localpref || undefined,
    ...unlessEmpty("communities", entry.communities),
  }));
}

function profileSpec(profile: ParsedConfig["bfd-profiles"][number]): object {
  return {
    receiveInterval: profile["receive-interval"],
    transmitInterval: profile["transmit-interval"],
    detectMultiplier: profile["detect-multiplier"],
    echoInterval: profile["echo-interval"],
    echoMode: profile["echo-mode"] || undefined,
    passiveMode: profile["passive-mode"] || undefined,
    minimumTtl: profile["minimum-ttl"],
  };
}

function unlessEmpty(key: string, value: object): object {
  return Object.keys(value).length === 0 ? {} : { [key]: value };
}

/** A ConfigMap may say the same twice, an object may not. */
function withoutRepetitions(selectors: ParsedPeer["node-selectors"]): ParsedPeer["node-selectors"] {
  const byMeaning = new Map<string, (typeof selectors)[number]>();
  for (const selector of selectors) {
    const { "match-labels": matchLabels, "match-expressions": matchExpressions } = selector;
    const meaning = meaningOf({ matchLabels, matchExpressions });
    if (!byMeaning.has(meaning)) byMeaning.set(meaning, selector);
  }
  return [...byMeaning.values()];
}

function withoutUndefined(spec: object): object {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
}

function byName(
  { name: one }: { readonly name: string },
  { name: other }: { readonly name: string },
): number {
  return one < other ? -1 : 1;
}
