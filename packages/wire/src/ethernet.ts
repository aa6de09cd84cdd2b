import { Reader, Writer } from "./bytes.ts";
import { MAC_OCTETS } from "./mac.ts";

/**
 * Ethernet II, 14 octets and the payload (IEEE 802.3 §3.2.6); 18 with a VLAN tag (IEEE 802.1Q §9.6).
 *
 *   0             6        12          14
 *   | destination | source | etherType | payload
 *   0             6        12       14           16          18
 *   | destination | source | 0x8100 | pcp dei vid | etherType | payload
 */
export interface EthernetFrame {
  readonly destination: Uint8Array; // 6 octets
  readonly source: Uint8Array; // 6 octets
  /** VLAN id, 12 bits; 0 also for a frame without a tag: a tag of VLAN 0 carries nothing but a priority. */
  readonly vlan: number;
  readonly etherType: number;
  readonly payload: Uint8Array;
}

export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, vlan: 0x8100, ipv6: 0x86dd } as const;

export const ETHERNET_OCTETS = 2 * MAC_OCTETS + 2;

/**
 * @returns views into `bytes`.
 * @throws {DecodeError} `truncated` when the header is not whole.
 */
export function decodeEthernet(bytes: Uint8Array): EthernetFrame {
  const r = new Reader(bytes);
  const destination = r.bytes(MAC_OCTETS, "ethernet.destination");
  const source = r.bytes(MAC_OCTETS, "ethernet.source");
  const outer = r.u16("ethernet.type");
  if (outer !== ETHERTYPE.vlan) {
    return { destination, source, vlan: 0, etherType: outer, payload: r.rest() };
  }
  const vlan = r.u16("ethernet.tag") & 0xfff;
  return { destination, source, vlan, etherType: r.u16("ethernet.type"), payload: r.rest() };
}

/** @returns the frame without padding, which the interface adds, and without a tag when `vlan` is 0. */
export function encodeEthernet(frame: EthernetFrame): Uint8Array {
  const tagOctets = frame.vlan === 0 ? 0 : 4;
  const w = new Writer(new Uint8Array(ETHERNET_OCTETS + tagOctets + frame.payload.length));
  w.bytes(frame.destination).bytes(frame.source);
  if (tagOctets > 0) w.u16(ETHERTYPE.vlan).u16(frame.vlan);
  return w.u16(frame.etherType).bytes(frame.payload).finish();
}
