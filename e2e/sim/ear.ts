import { groupMacOf, solicit } from "@herald/lab/lan-ndp";
import { familyOf, fromOctets, type IpAddress, parseAddress, toBigint } from "@herald/shared/ip/address";
import { ARP_OCTETS, decodeArp, encodeArp } from "@herald/wire/arp";
import { decodeEthernet, ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { decodeIcmpv6 } from "@herald/wire/icmpv6";
import { decodeIpv6, NEXT_HEADER } from "@herald/wire/ipv6";
import { BROADCAST, type MacAddress, macEquals, macOctets, UNKNOWN } from "@herald/wire/mac";
import { decodeNdp, isNeighbourType } from "@herald/wire/ndp";

const EAR_MAC = "02:ea:00:00:00:01" as MacAddress;
const EAR_OCTETS = macOctets(EAR_MAC);
const EAR_IPV4 = Number(toBigint(parseAddress("192.0.2.254") as IpAddress));
const EAR_STATION = { mac: EAR_MAC, address: parseAddress("fe80::ea") as IpAddress };

const questions = new Map<IpAddress, Uint8Array>(); // bounded by the addresses of the story's pools

/** What somebody right at a node's own port asks, to find out whether that node answers for an address. */
export function questionFor(address: IpAddress): Uint8Array {
  const known = questions.get(address);
  if (known !== undefined) return known;
  const question = familyOf(address) === 4 ? arpQuestion(address) : ndpQuestion(address);
  questions.set(address, question);
  return question;
}

/** Whether a frame is the answer to {@link questionFor}, which never reaches the wire. */
export function isForEar(frame: Uint8Array): boolean {
  return macEquals(frame, 0, EAR_OCTETS);
}

/** The address a frame claims as the sender's own; `undefined` when it claims none. */
export function claimedBy(frame: Uint8Array): IpAddress | undefined {
  const { etherType, payload } = decodeEthernet(frame);
  if (etherType === ETHERTYPE.arp) {
    const { senderIp } = decodeArp(payload.subarray(0, ARP_OCTETS));
    return senderIp === 0
      ? undefined
      : fromOctets(Uint8Array.of(senderIp >>> 24, senderIp >>> 16, senderIp >>> 8, senderIp));
  }
  if (etherType !== ETHERTYPE.ipv6) return undefined;
  const packet = decodeIpv6(payload);
  if (packet.nextHeader !== NEXT_HEADER.icmpv6 || !isNeighbourType(packet.payload[0])) return undefined;
  const message = decodeNdp(decodeIcmpv6(packet));
  return message.type === "advertisement" ? fromOctets(message.target.slice()) : undefined;
}

function arpQuestion(address: IpAddress): Uint8Array {
  const payload = encodeArp({
    operation: "request",
    senderMac: EAR_OCTETS,
    senderIp: EAR_IPV4,
    targetMac: macOctets(UNKNOWN),
    targetIp: Number(toBigint(address)),
  });
  return framed(BROADCAST, ETHERTYPE.arp, payload);
}

function ndpQuestion(address: IpAddress): Uint8Array {
  return framed(groupMacOf(address), ETHERTYPE.ipv6, solicit(EAR_STATION, address, undefined).payload);
}

function framed(to: MacAddress, etherType: number, payload: Uint8Array): Uint8Array {
  return encodeEthernet({ destination: macOctets(to), source: EAR_OCTETS, vlan: 0, etherType, payload });
}
