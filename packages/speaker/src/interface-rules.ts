import type { Interface } from "@herald/layer2/announcer";
import type { MacAddress } from "@herald/wire/mac";

/** One network interface as the kernel tells it. */
export interface Link {
  readonly name: string;
  readonly index: number;
  /** `undefined` when it has no Ethernet address, as tunnels have not. */
  readonly mac: MacAddress | undefined;
  /** IFF_UP: switched on by its administrator. */
  readonly up: boolean;
  /** IFF_BROADCAST. */
  readonly broadcast: boolean;
  /** IFF_NOARP. */
  readonly noArp: boolean;
  /** Part of a bond or bridge, or member of a VRF. */
  readonly hasMaster: boolean;
  /** Frames can pass, as far as the driver tells. */
  readonly operational: boolean;
}

/** Why nothing is announced on an interface, with a sentence for the operator. The first that applies. */
export const UNFIT_REASONS = {
  excluded: "Its name matches a pattern of interfaces to leave alone.",
  down: "It is switched off.",
  "no-broadcast": "Its kind of link has no broadcast, as loopback and tunnels have not.",
  "no-arp": "ARP is switched off on it.",
  "no-ethernet-address": "It is no Ethernet.",
  "has-master":
    "It is part of a bridge, bond or VRF. What stands above is used instead of a part of a bridge or bond; there is no such thing for a member of a VRF.",
} as const;

export type UnfitReason = keyof typeof UNFIT_REASONS;

/** MetalLB's own list for `announcedInterfacesToExclude`: what container networks and tunnels are called. */
export const DEFAULT_EXCLUDED_INTERFACES: readonly string[] = [
  "^docker.*",
  "^cbr.*",
  "^dummy.*",
  "^virbr.*",
  "^lxcbr.*",
  "^veth.*",
  "^lo$",
  "^cali.*",
  "^tunl.*",
  "^flannel.*",
  "^kube-ipvs.*",
  "^cni.*",
  "^nodelocaldns.*",
  "^lxc.*",
];

/** Names of the interfaces on which a node can be heard now; "all": it does not say, so whichever is asked for. */
export type UsableInterfaces = "all" | ReadonlySet<string>;

/** An interface to announce on. */
export interface FitInterface extends Interface {
  readonly operational: boolean;
}

/** Those that frames can pass, then the oldest: bridges and VLANs that somebody made come after what the machine has. */
export function mostUsedFirst(interfaces: readonly FitInterface[]): readonly FitInterface[] {
  return interfaces.toSorted((a, b) => Number(b.operational) - Number(a.operational) || a.index - b.index);
}

/** @param excluded unanchored, any of them excludes. */
export function judgeLink(link: Link, excluded: readonly RegExp[]): FitInterface | UnfitReason {
  if (excluded.some((pattern) => pattern.test(link.name))) return "excluded";
  if (!link.up) return "down";
  if (!link.broadcast) return "no-broadcast";
  if (link.noArp) return "no-arp";
  if (link.mac === undefined) return "no-ethernet-address";
  if (link.hasMaster) return "has-master";
  return { name: link.name, index: link.index, mac: link.mac, operational: link.operational };
}
