/**
 * Why a frame was read and not answered, with a sentence for the operator. A closed set: it is a metric label
 * and the content of the reference page. A frame counts under the first that applies.
 */
export const DROP_REASONS = {
  "unknown-interface": "It came from an interface that is not up here: a late frame of one that went away.",
  "not-announced": "It asks for an address that this node does not announce: the usual noise of a segment.",
  truncated: "It ends before its header does.",
  "vlan-tagged": "It belongs to a VLAN; the VLAN's own interface gets a copy without the tag.",
  "not-arp": "It is not ARP.",
  "own-frame": "This node sent it; a capture sees what goes out, too.",
  "foreign-ethernet-destination": "It was sent to the Ethernet address of somebody else.",
  unsupported: "It is ARP for something other than IPv4 over Ethernet, or neither a request nor a reply.",
  "arp-reply": "It is a reply: it answers somebody and asks nothing.",
  "gratuitous-request": "Another station announces an address of ours and asks nothing.",
  "invalid-sender": "It asks for an answer to a broadcast or multicast Ethernet address.",
  "interface-not-selected": "It asks for an address that is announced on other interfaces only.",
} as const;

export type DropReason = keyof typeof DROP_REASONS;
