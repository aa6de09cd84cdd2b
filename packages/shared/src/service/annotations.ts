/** The preferred prefix and the one MetalLB 0.7 to 0.12 used. Where both are set the first wins. */
export const ANNOTATION_PREFIXES = ["metallb.io/", "metallb.universe.tf/"] as const;

/** Annotations of a Service that we read, without their prefix, with a sentence for its owner. */
export const ANNOTATIONS = {
  "address-pool": "Name of the pool to take addresses from, also one with `auto-assign: false`.",
  loadBalancerIPs:
    "The address to have, or one of each family with a comma between. They must belong to one pool. Not together with `spec.loadBalancerIP`.",
  "allow-shared-ip":
    "A sharing key: Services with the same key may have the same address while their ports differ and, under traffic policy Local, they select the same pods.",
} as const;

export type AnnotationName = keyof typeof ANNOTATIONS;

/** Written by the controller, only under the preferred prefix. */
export const ALLOCATED_FROM_POOL = "metallb.io/ip-allocated-from-pool";

/** How many nodes announce the addresses of a Service on layer 2. */
export const L2_SPREAD = "herald.io/l2-spread";

export const L2_SPREAD_VALUES = ["per-client"] as const;

/** How long the addresses of a deleted Service wait for its return; of a Service or, for all of them, of a pool. */
export const STICKY = "herald.io/sticky";

/** Annotations of a Service that only Herald knows, with a sentence for its owner. */
export const HERALD_ANNOTATIONS = {
  [STICKY]:
    "A duration like `10m`: when the Service is deleted its addresses are kept for that long, and a Service of the same namespace and name gets them back. Goes before what the pool says, but for no longer: at most what the pool says, or `1h` where it says nothing; `0` turns it off.",
  [L2_SPREAD]:
    "`per-client`: every node that may announce the addresses of the Service does, each to its own part of the clients on the segment. Services that share an address must all ask for it. What it can and cannot do: [spread.md](../spread.md).",
} as const;

/** Annotations of an IPAddressPool that only Herald knows, with a sentence for the operator. */
export const POOL_ANNOTATIONS = {
  "herald.io/allow-sharing-across-namespaces":
    "`true`: Services of different namespaces may share an address of the pool, if they have the same sharing key. Otherwise a key means something only inside its namespace.",
  "herald.io/disabled-for-new-services":
    "`true`: whoever has addresses of the pool keeps them, and nobody gets any, whatever is asked for.",
  "herald.io/exclude":
    "Never given out: addresses, CIDRs and ranges, with commas between, and the words `network`, `broadcast` and `gateway`: the first address of every CIDR of the pool, the last (IPv4) and the second. Whoever has one loses it.",
  "herald.io/quota-per-namespace":
    "How many addresses of the pool Services of one namespace may have; one that several share counts once. A lower number takes nothing away from whoever has more.",
  "herald.io/reserve":
    "Addresses for certain Services, as `192.0.2.10=shop/web`, with commas between: that Service is given its address before any other, and nobody else is. A Service that has another address keeps that one.",
  [STICKY]:
    "A duration like `10m`: addresses of a deleted Service are kept for that long, and a Service of the same namespace and name gets them back. Until then they count in the quota of the namespace. A Service may say less, not more; `0` forbids it. Also after a restart or a change of leader, for the 256 Services that were deleted last: the controllers hand them on in the annotation `herald.io/kept-addresses` of their Lease, within 2 s. Nobody waits for a Service that is deleted while no controller leads, nor after a restart of one with `--leader-elect=false`.",
} as const;

/** Annotations of a BGPAdvertisement that only Herald knows, with a sentence for the operator. */
export const BGP_ADVERTISEMENT_ANNOTATIONS = {
  "herald.io/as-path-prepend":
    "How many times more than once the own AS number stands in the AS path, 1 to 10: routers of other ASes then prefer shorter ways. Means nothing to routers of the own AS.",
  "herald.io/link-bandwidth":
    "`per-endpoint`: a Service with `externalTrafficPolicy: Local` is announced with a link bandwidth (RFC 10005) of 1 Mbit/s, which is 125,000 octets a second, for each of its ready endpoints on the node, so that routers which weigh their ways by it give each endpoint the same share. Says nothing of Services with policy `Cluster`.",
  "herald.io/med":
    "MULTI_EXIT_DISC (RFC 4271 §5.1.4), 0 to 4294967295: of ways from one neighbouring AS a router prefers the one with the lowest.",
} as const;

/** Annotations of a BGPPeer that only Herald knows, with a sentence for the operator. */
export const BGP_PEER_ANNOTATIONS = {
  "herald.io/advertisement-interval":
    "A duration like `5s`, at most `10m`: least time between two announcements of one prefix to the router (MinRouteAdvertisementIntervalTimer, RFC 4271 §9.2.1.1), so that endpoints which come and go keep it less busy. What changes meanwhile is told as it is when the time is over. A prefix that is new is told at once; so is that one is gone, that the node is about to go, or has another address. By default `0`: every change is told at once. A change of it costs no session.",
  "herald.io/delay-open":
    "A duration like `2s`, at most `4m`: on a new connection this node lets the router introduce itself first, for so long (DelayOpenTimer, RFC 4271 §8.1.1). For routers that take nobody who speaks before them; where both sides do it, sessions come up that much later. By default `0`: this node speaks at once. A change counts from the next connection on.",
  "herald.io/long-lived-stale-time":
    "1 to 16777215 seconds, with `enableGracefulRestart` only: how long the router may keep the routes of this node when it does not come back in the time that a restart may take (RFC 9494). It prefers every other way meanwhile, so they are a last resort. The router must be told to do that, too.",
  "herald.io/minimum-ttl":
    "1 to 255: packets of the router's that arrive with a lower TTL or hop limit are dropped by the kernel (GTSM, RFC 5082), so that nobody who is farther away can speak for it. 255 for a neighbour, one less for each router in between. This node sends with 255 then. The router has to send with 255, too, which few do unless they are told.",
  "herald.io/role":
    "What this node is to the router (RFC 9234): `provider`, `rs` (route server), `rs-client`, `customer` or `peer`. A router that says it is anything but the counterpart gets no session, nor one that says nothing where `strict` stands behind the role, as in `customer strict`. As `provider`, `rs` or `peer` this node marks its routes as meant for customers only (OTC). Between two ASes only.",
  "herald.io/source-port":
    "1 to 65535: the TCP port that nodes connect to this router from, for firewalls that go by it. Best one that no other program of the node takes and the kernel does not give away: above 1023, and not within `net.ipv4.ip_local_port_range` (32768 to 60999 as it comes). By default the kernel picks one for each connection. What routers begin has ports of their choice.",
} as const;

/** Annotations of a Node that we read, with a sentence for whoever operates it. */
export const NODE_ANNOTATIONS = {
  "herald.io/drain":
    "The node gives its addresses away and gets no others, while another node can serve them. Any value but `false` and the empty one; the value is your reason, for the log.",
  "herald.io/fail-back":
    "When its value changes, the node takes back at once the addresses that are its own by the hash.",
} as const;

/** @returns the value under the first prefix that has it. */
export function annotation(
  annotations: Readonly<Record<string, string>>,
  name: AnnotationName,
): string | undefined {
  for (const prefix of ANNOTATION_PREFIXES) {
    const value = annotations[prefix + name];
    if (value !== undefined) return value;
  }
  return undefined;
}
