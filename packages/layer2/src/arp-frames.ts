import { ARP_FIELD, ARP_OCTETS, type ArpOperation, type ArpPacket, encodeArp } from "@herald/wire/arp";
import { readU32, writeU32 } from "@herald/wire/bytes";
import { ETHERNET_OCTETS, ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { BROADCAST, MAC_OCTETS, macOctets } from "@herald/wire/mac";

const BROADCAST_OCTETS = macOctets(BROADCAST);

/** A reply with everything in it that does not depend on who asks for what. */
export function replyTemplate(mac: Uint8Array): Uint8Array {
  const nobody = new Uint8Array(MAC_OCTETS);
  return frame(nobody, mac, {
    operation: "reply",
    senderMac: mac,
    senderIp: 0,
    targetMac: nobody,
    targetIp: 0,
  });
}

/** @param template of the interface that heard the request. @returns the whole frame, to the one who asks. */
export function answerTo(request: ArpPacket, template: Uint8Array): Uint8Array {
  const bytes = template.slice();
  bytes.set(request.senderMac, 0);
  writeU32(bytes, ETHERNET_OCTETS + ARP_FIELD.senderIp, request.targetIp);
  bytes.set(request.senderMac, ETHERNET_OCTETS + ARP_FIELD.targetMac);
  writeU32(bytes, ETHERNET_OCTETS + ARP_FIELD.targetIp, request.senderIp);
  return bytes;
}

/**
 * An announcement nobody asked for: sender and target are the address itself (RFC 5227 §2.3), to everybody.
 *
 * Why the target MAC of a reply is our own: Linux takes a reply as gratuitous, and lets it replace an entry
 * younger than `locktime`, only when it equals the sender's (`arp_is_garp`). In a request it means nothing
 * and is broadcast, as MetalLB sends it.
 */
export function gratuitousFrame(operation: ArpOperation, mac: Uint8Array, ip: number): Uint8Array {
  const targetMac = operation === "reply" ? mac : BROADCAST_OCTETS;
  return frame(BROADCAST_OCTETS, mac, { operation, senderMac: mac, senderIp: ip, targetMac, targetIp: ip });
}

/**
 * The reply of an announcement, to one station alone. It is a gratuitous one, since what merely answers leaves an
 * entry younger than `locktime` as it is (see {@link gratuitousFrame}).
 *
 * @param to MAC.
 */
export function refreshFrame(mac: Uint8Array, ip: number, to: Uint8Array): Uint8Array {
  return frame(to, mac, { operation: "reply", senderMac: mac, senderIp: ip, targetMac: mac, targetIp: ip });
}

/**
 * A client's question, told to another node by the one that has the client: what the packet says is the client's, the
 * frame is ours. See {@link SpreadClients}.
 */
export function introductionFrame(
  ip: number,
  client: { readonly mac: Uint8Array; readonly octets: Uint8Array },
  from: Uint8Array,
  to: Uint8Array,
): Uint8Array {
  const targetMac = new Uint8Array(MAC_OCTETS);
  const senderIp = readU32(client.octets, 0);
  return frame(to, from, { operation: "request", senderMac: client.mac, senderIp, targetMac, targetIp: ip });
}

/** "Does anybody have this?", from nobody, so that no cache learns anything by it (RFC 5227 §2.1.1). */
export function probeFrame(mac: Uint8Array, ip: number): Uint8Array {
  const targetMac = new Uint8Array(MAC_OCTETS);
  return frame(BROADCAST_OCTETS, mac, {
    operation: "request",
    senderMac: mac,
    senderIp: 0,
    targetMac,
    targetIp: ip,
  });
}

function frame(destination: Uint8Array, source: Uint8Array, packet: ArpPacket): Uint8Array {
  const payload = encodeArp(packet, new Uint8Array(ARP_OCTETS));
  return encodeEthernet({ destination, source, vlan: 0, etherType: ETHERTYPE.arp, payload });
}
