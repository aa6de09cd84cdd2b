/** Ethernet and IPv6 header and a neighbour solicitation with two options, the longest that is usual: 94. */
export const SNAP_OCTETS = 96;

/** RFC 2464 §7. */
const ALL_NODES_MAC = "33:33:00:00:00:01";

/**
 * ARP, neighbour solicitations (135) and advertisements (136) to us, to everybody or to a solicited-node group, and
 * nothing of what we say ourselves: the rest stays in the kernel. An IPv6 header is 40 octets (RFC 8200 §3); a frame
 * to a group begins as RFC 2464 §7 has it.
 */
export function captureFilter(mac: string): string {
  const arp = `arp and (ether broadcast or ether dst ${mac})`;
  const toGroup = "ether[0:2] = 0x3333 and ether[2] = 0xff";
  const toMany = `ether dst ${ALL_NODES_MAC} or (${toGroup})`;
  const ndp = `icmp6 and (ip6[40] = 135 or ip6[40] = 136) and (ether dst ${mac} or ${toMany})`;
  return `not ether src ${mac} and ((${arp}) or (${ndp}))`;
}
