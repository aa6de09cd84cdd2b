import { type ArpPacket, decodeArp } from "./arp.ts";
import { DecodeError, readU16 } from "./bytes.ts";
import { decodeEthernet, ETHERTYPE, type EthernetFrame } from "./ethernet.ts";
import { decodeIcmpv6 } from "./icmpv6.ts";
import { decodeIpv6, type Ipv6Packet, isUnspecified, NEXT_HEADER } from "./ipv6.ts";
import { formatMac } from "./mac.ts";
import { decodeNdp, isNeighbourType, type NeighbourMessage } from "./ndp.ts";

/**
 * Any frame as one line in the manner of tcpdump, for logs and test failures. Total: what cannot be decoded
 * is said, not thrown.
 *
 *   02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP, Request who-has 192.0.2.10 tell 192.0.2.1
 *   02:00:00:00:00:01 > 33:33:ff:00:00:10, NDP, Solicitation who-has 2001:db8::10 tell 2001:db8::1
 */
export function describeFrame(bytes: Uint8Array): string {
  try {
    const frame = decodeEthernet(bytes);
    const tag = frame.vlan === 0 ? "" : `vlan ${frame.vlan}, `;
    return `${formatMac(frame.source)} > ${formatMac(frame.destination)}, ${tag}${describePayload(frame)}`;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return error.message;
  }
}

/** @param value u32. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`;
}

/**
 * RFC 5952: lower case, the longest run of zero groups shortened, the first of equal ones.
 *
 * @param octets exactly 16, as the caller's decoder has checked.
 */
export function formatIpv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => readU16(octets, 2 * index));
  let [start, length] = [0, 1]; // "The symbol '::' MUST NOT be used to shorten just one 16-bit 0 field" (§4.2.2).
  for (let from = 0; from < groups.length; from += 1) {
    const end = groups.findIndex((group, index) => index >= from && group !== 0);
    const run = (end === -1 ? groups.length : end) - from;
    if (run > length) [start, length] = [from, run];
  }
  const text = (some: readonly number[]): string => some.map((group) => group.toString(16)).join(":");
  if (length === 1) return text(groups);
  return `${text(groups.slice(0, start))}::${text(groups.slice(start + length))}`;
}

function describePayload({ etherType, payload }: EthernetFrame): string {
  switch (etherType) {
    case ETHERTYPE.arp:
      return `ARP, ${orError(() => describeArp(decodeArp(payload)))}`;
    case ETHERTYPE.ipv6:
      return orError(() => describeIpv6(decodeIpv6(payload)));
    default:
      return `ethertype 0x${etherType.toString(16).padStart(4, "0")}, length ${payload.length}`;
  }
}

function orError(describe: () => string): string {
  try {
    return describe();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return error.message;
  }
}

function describeArp({ operation, senderIp, senderMac, targetIp }: ArpPacket): string {
  if (operation === "reply") return `Reply ${formatIpv4(senderIp)} is-at ${formatMac(senderMac)}`;
  if (senderIp === 0) return `Probe ${formatIpv4(targetIp)}`;
  if (senderIp === targetIp) return `Announcement ${formatIpv4(senderIp)}`;
  return `Request who-has ${formatIpv4(targetIp)} tell ${formatIpv4(senderIp)}`;
}

function describeIpv6(packet: Ipv6Packet): string {
  const { nextHeader, payload, source } = packet;
  const [type] = payload;
  if (nextHeader === NEXT_HEADER.icmpv6 && isNeighbourType(type)) {
    return `NDP, ${orError(() => describeNdp(decodeNdp(decodeIcmpv6(packet)), source))}`;
  }
  const what = nextHeader === NEXT_HEADER.icmpv6 ? `ICMPv6 type ${type}` : `next header ${nextHeader}`;
  return `IPv6, ${formatIpv6(source)} > ${formatIpv6(packet.destination)}, ${what}, length ${payload.length}`;
}

function describeNdp(message: NeighbourMessage, source: Uint8Array): string {
  const target = formatIpv6(message.target);
  if (message.type === "solicitation") {
    if (isUnspecified(source)) return `Probe ${target}`;
    return `Solicitation who-has ${target} tell ${formatIpv6(source)}`;
  }
  const { linkAddress, override, router, solicited } = message;
  const flags = Object.entries({ router, solicited, override }).filter(([, set]) => set);
  const where = linkAddress === undefined ? "here" : formatMac(linkAddress);
  return `Advertisement ${target} is-at ${where}${flags.map(([flag]) => `, ${flag}`).join("")}`;
}
