import { checksumOf, pseudoHeaderSum, sumOf } from "@herald/wire/checksum";
import { ETHERNET_OCTETS, ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { encodeIcmpv6 } from "@herald/wire/icmpv6";
import { encodeIpv6, IPV6_ADDRESS_OCTETS, IPV6_FIELD, IPV6_OCTETS, NEXT_HEADER } from "@herald/wire/ipv6";
import {
  encodeNdp,
  groupMac,
  NDP_FIELD,
  NDP_HOP_LIMIT,
  NDP_OCTETS,
  type NeighbourMessage,
  solicitedNodeGroup,
} from "@herald/wire/ndp";

/** ff02::1, "all nodes" (RFC 4291 §2.7.1), and where Ethernet carries it. */
const ALL_NODES = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const ALL_NODES_MAC = groupMac(ALL_NODES);
const UNSPECIFIED = new Uint8Array(IPV6_ADDRESS_OCTETS);

const ICMPV6_AT = ETHERNET_OCTETS + IPV6_OCTETS;
const CHECKSUM_AT = ICMPV6_AT + NDP_FIELD.checksum;
/** In the first octet of the flags. */
const FLAG = { solicited: 0x40, override: 0x20 } as const;

/** An advertisement with everything in it that does not depend on who asks for what. */
export interface AdvertisementTemplate {
  readonly bytes: Uint8Array;
  /** Of the ICMPv6 message, before addresses and what depends on them; see `sumOf`. */
  readonly sum: number;
}

/**
 * Why the override flag is set although MetalLB's answers come without: each address is held by one node at a
 * time and is that node's own, not one it proxies (RFC 4861 §7.2.4 wants 0 for proxies only). An advertisement
 * without it leaves an entry that still points to the last owner as it is (§7.2.5), and the takeover does not stick.
 */
export function advertisementTemplate(mac: Uint8Array): AdvertisementTemplate {
  const bytes = frame(ALL_NODES_MAC, mac, UNSPECIFIED, UNSPECIFIED, {
    type: "advertisement",
    router: false,
    solicited: false,
    override: false,
    target: UNSPECIFIED,
    linkAddress: mac,
  });
  bytes.fill(0, CHECKSUM_AT, CHECKSUM_AT + 2);
  return {
    bytes,
    sum:
      pseudoHeaderSum(UNSPECIFIED, UNSPECIFIED, NDP_OCTETS, NEXT_HEADER.icmpv6) +
      sumOf(bytes.subarray(ICMPV6_AT)),
  };
}

/** @param to the one who asks. @returns the whole frame. */
export function solicitedAdvertisement(
  target: Uint8Array,
  to: { readonly mac: Uint8Array; readonly address: Uint8Array },
  template: AdvertisementTemplate,
): Uint8Array {
  return advertisement(target, to, FLAG.solicited | FLAG.override, template);
}

/**
 * To all nodes: after a takeover (RFC 4861 §7.2.6), and in answer to a probe, whose sender has no address yet and
 * has asked for nobody's (§7.2.4).
 */
export function unsolicitedAdvertisement(target: Uint8Array, template: AdvertisementTemplate): Uint8Array {
  return advertisement(target, { mac: ALL_NODES_MAC, address: ALL_NODES }, FLAG.override, template);
}

/** An announcement to one station alone: "unsolicited unicast", as RFC 4861 §4.4 calls it. */
export function refreshAdvertisement(
  target: Uint8Array,
  to: { readonly mac: Uint8Array; readonly address: Uint8Array },
  template: AdvertisementTemplate,
): Uint8Array {
  return advertisement(target, to, FLAG.override, template);
}

/**
 * The answer to a probe for an address that is on several nodes. RFC 4861 §7.2.4 wants it sent to all nodes, each of
 * which would be drawn here: it goes to the MAC of the one who asked (RFC 6085), and, should it be heard by others, it
 * does not override what they know.
 *
 * @param mac of the one who asked.
 */
export function quietAdvertisement(
  target: Uint8Array,
  mac: Uint8Array,
  template: AdvertisementTemplate,
): Uint8Array {
  return advertisement(target, { mac, address: ALL_NODES }, 0, template);
}

/** "Does anybody have this?", from nobody, to the group of those who might (RFC 4862 §5.4.2). */
export function probeSolicitation(target: Uint8Array, mac: Uint8Array): Uint8Array {
  const group = solicitedNodeGroup(target);
  return frame(groupMac(group), mac, UNSPECIFIED, group, {
    type: "solicitation",
    target,
    linkAddress: undefined,
    nonce: undefined,
  });
}

/**
 * "Who else has it?" Unlike a probe it is answered by unicast, to us alone: an answer to all nodes would lead every
 * neighbour to the intruder. It comes from the link-local address that the MAC makes (RFC 4291, appendix A), which
 * this node need not have: what counts is that the answer reaches its MAC.
 */
export function checkSolicitation(target: Uint8Array, mac: Uint8Array): Uint8Array {
  const group = solicitedNodeGroup(target);
  return frame(groupMac(group), mac, linkLocalOf(mac), group, {
    type: "solicitation",
    target,
    linkAddress: mac,
    nonce: undefined,
  });
}

/**
 * A client's question, told to another node by the one that has the client: what the packet says is the client's, the
 * frame is ours. It is sent to the group, which leaves it to the kernel of the other node to ignore it.
 */
export function introductionSolicitation(
  target: Uint8Array,
  client: { readonly mac: Uint8Array; readonly octets: Uint8Array },
  from: Uint8Array,
  to: Uint8Array,
): Uint8Array {
  return frame(to, from, client.octets, solicitedNodeGroup(target), {
    type: "solicitation",
    target,
    linkAddress: client.mac,
    nonce: undefined,
  });
}

function linkLocalOf(mac: Uint8Array): Uint8Array {
  const address = Uint8Array.of(
    0xfe,
    0x80,
    0,
    0,
    0,
    0,
    0,
    0,
    ...mac.subarray(0, 3),
    0xff,
    0xfe,
    ...mac.subarray(3),
  );
  address[8] = (address[8] as number) ^ 0x02; // the universal bit stands the other way round
  return address;
}

function advertisement(
  target: Uint8Array,
  { mac, address }: { readonly mac: Uint8Array; readonly address: Uint8Array },
  flags: number,
  template: AdvertisementTemplate,
): Uint8Array {
  const bytes = template.bytes.slice();
  bytes.set(mac, 0);
  bytes.set(target, ETHERNET_OCTETS + IPV6_FIELD.source);
  bytes.set(address, ETHERNET_OCTETS + IPV6_FIELD.destination);
  bytes[ICMPV6_AT + NDP_FIELD.flags] = flags;
  bytes.set(target, ICMPV6_AT + NDP_FIELD.target);
  // The target is in the sum twice: it is the source, too.
  const checksum = checksumOf(template.sum + (flags << 8) + 2 * sumOf(target) + sumOf(address));
  bytes[CHECKSUM_AT] = checksum >>> 8;
  bytes[CHECKSUM_AT + 1] = checksum;
  return bytes;
}

function frame(
  destination: Uint8Array,
  source: Uint8Array,
  from: Uint8Array,
  to: Uint8Array,
  message: NeighbourMessage,
): Uint8Array {
  const payload = encodeIpv6({
    trafficClass: 0,
    flowLabel: 0,
    hopLimit: NDP_HOP_LIMIT,
    source: from,
    destination: to,
    hopByHop: undefined,
    nextHeader: NEXT_HEADER.icmpv6,
    payload: encodeIcmpv6(encodeNdp(message), from, to),
  });
  return encodeEthernet({ destination, source, vlan: 0, etherType: ETHERTYPE.ipv6, payload });
}
