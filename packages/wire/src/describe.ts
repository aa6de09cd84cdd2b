import { type ArpPacket, decodeArp } from "./arp.ts";
import { DecodeError } from "./bytes.ts";
import { decodeEthernet, ETHERTYPE, type EthernetFrame } from "./ethernet.ts";
import { formatMac } from "./mac.ts";

/**
 * Any frame as one line in the manner of tcpdump, for logs and test failures. Total: what cannot be decoded
 * is said, not thrown.
 *
 *   02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ARP, Request who-has 192.0.2.10 tell 192.0.2.1
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

function describePayload({ etherType, payload }: EthernetFrame): string {
  if (etherType !== ETHERTYPE.arp) {
    return `ethertype 0x${etherType.toString(16).padStart(4, "0")}, length ${payload.length}`;
  }
  try {
    return `ARP, ${describeArp(decodeArp(payload))}`;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return `ARP, ${error.message}`;
  }
}

function describeArp({ operation, senderIp, senderMac, targetIp }: ArpPacket): string {
  if (operation === "reply") return `Reply ${formatIpv4(senderIp)} is-at ${formatMac(senderMac)}`;
  if (senderIp === 0) return `Probe ${formatIpv4(targetIp)}`;
  if (senderIp === targetIp) return `Announcement ${formatIpv4(senderIp)}`;
  return `Request who-has ${formatIpv4(targetIp)} tell ${formatIpv4(senderIp)}`;
}
