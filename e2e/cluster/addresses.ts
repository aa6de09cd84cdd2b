/** Where a host of the cluster is: its name in the topology. */
export type Host = "control-plane" | "router" | "client" | "far-client" | NodeName;
export type NodeName = `node-${number}`;

/** The two addresses of a host. */
export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/**
 * The LAN is 192.168.1.0/24 and fd77::/64; .100 to .199 and fd77::1:0/112 are left for services. Behind the router
 * are 10.99.0.0/24 and fd99::/64.
 */
export const LAN = {
  router: lan(1, "1"),
  "control-plane": lan(10, "10"),
  client: lan(50, "50"),
} as const;
export const FAR = {
  router: { ipv4: "10.99.0.1", ipv6: "fd99::1" },
  "far-client": { ipv4: "10.99.0.50", ipv6: "fd99::50" },
} as const;

/** Addresses of the first service networks; the API server is the first of each. */
export const SERVICE_NETWORKS = { ipv4: "10.96.0.0/16", ipv6: "fd96::/112" } as const;
/** All pods of all nodes. */
export const POD_NETWORKS = { ipv4: "10.244.0.0/16", ipv6: "fd44::/16" } as const;

const NODES_MAX = 9;

export function nodeNames(count: number): readonly NodeName[] {
  if (!Number.isInteger(count) || count < 1 || count > NODES_MAX)
    throw new Error(`${count} nodes: want 1 to ${NODES_MAX}`);
  return Array.from({ length: count }, (_, index): NodeName => `node-${index + 1}`);
}

export function nodeIndex(node: NodeName): number {
  return Number(node.slice("node-".length));
}

/** node-1 is 192.168.1.11 and fd77::11. */
export function nodeAddresses(node: NodeName): Addresses {
  const last = 10 + nodeIndex(node);
  return lan(last, `${last}`);
}

/** The pod networks of a node: 10.244.N.0/24 and fd44:N::/64. */
export function podNetworks(node: NodeName): Addresses {
  return { ipv4: `10.244.${nodeIndex(node)}.0/24`, ipv6: `fd44:${nodeIndex(node)}::/64` };
}

/** The nth address of a node's pod networks; 1 is the node's own bridge. */
export function podAddresses(node: NodeName, nth: number): Addresses {
  return { ipv4: `10.244.${nodeIndex(node)}.${nth}`, ipv6: `fd44:${nodeIndex(node)}::${nth.toString(16)}` };
}

export function addressesOf(host: Host): Addresses {
  if (host === "far-client") return FAR["far-client"];
  return host === "control-plane" || host === "router" || host === "client" ? LAN[host] : nodeAddresses(host);
}

function lan(last: number, lastIpv6: string): Addresses {
  return { ipv4: `192.168.1.${last}`, ipv6: `fd77::${lastIpv6}` };
}
