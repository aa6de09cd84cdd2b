/** Of frames of either protocol, found out before it matters which. */
const FRAME_DROP_REASONS = {
  "unknown-interface": "It came from an interface that is not up here: a late frame of one that went away.",
  "not-announced": "It asks for an address that this node does not announce: the usual noise of a segment.",
  truncated: "It ends before its header does.",
  "vlan-tagged": "It belongs to a VLAN; the VLAN's own interface gets a copy without the tag.",
  "own-frame": "This node sent it; a capture sees what goes out, too.",
  "foreign-ethernet-destination": "It was sent to the Ethernet address of somebody else.",
  unsupported:
    "It is ARP for something other than IPv4 over Ethernet, or neither a request nor a reply; or neighbour discovery with a code or a link-layer address that nobody defined.",
  "invalid-sender": "It asks for an answer to a broadcast or multicast address.",
  "interface-not-selected": "It asks for an address that is announced on other interfaces only.",
  "other-node": "It asks for an address that is spread over nodes; another of them has this client.",
  introduction: "Another node tells of a client it has, in case it goes: it is noted, and asks nothing.",
  probing: "It asks for an address that this node will announce once it is sure that nobody has it.",
} as const;

/** Why an ARP frame was read and not answered. */
export const ARP_DROP_REASONS = {
  ...FRAME_DROP_REASONS,
  "not-arp": "It is neither ARP nor IPv6.",
  "arp-reply": "It is a reply: it answers somebody and asks nothing.",
  "gratuitous-request": "Another station announces an address of ours and asks nothing.",
} as const;

/** Why an IPv6 frame was read and not answered; most are the checks of RFC 4861 §7.1. */
export const NDP_DROP_REASONS = {
  ...FRAME_DROP_REASONS,
  "not-ndp": "It is IPv6, but neither a neighbour solicitation nor an advertisement.",
  "hop-limit": "Its hop limit is not 255: it came from beyond a router, or pretends to be from here.",
  checksum: "Its checksum is wrong: it was changed on its way.",
  "invalid-option": "One of its options has no length.",
  "multicast-target": "It is about a group: no station has such an address.",
  "foreign-ip-destination":
    "It was sent to an IP address that is neither the one it asks for nor the group of that one.",
  "invalid-probe":
    "It comes from no address, as a probe does, but says where to answer, or did not go to a group.",
  "invalid-advertisement": "It claims to answer a question, but was sent to a group.",
  "neighbour-advertisement": "It is an advertisement: it tells something and asks nothing.",
} as const;

export type ArpDropReason = keyof typeof ARP_DROP_REASONS;
export type NdpDropReason = keyof typeof NDP_DROP_REASONS;

/**
 * Why a frame was read and not answered, with a sentence for the operator. A closed set: it is a metric label
 * and the content of the reference page. A frame counts under the first that applies.
 */
export const DROP_REASONS = { ...ARP_DROP_REASONS, ...NDP_DROP_REASONS } as const;

export type DropReason = keyof typeof DROP_REASONS;
