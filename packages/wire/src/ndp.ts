import { DecodeError, expectField, Reader, readU16, readU32, Writer } from "./bytes.ts";
import { ETHERNET_OCTETS, ETHERTYPE } from "./ethernet.ts";
import { ICMPV6_TYPE, type Icmpv6Message } from "./icmpv6.ts";
import { IPV6_ADDRESS_OCTETS, IPV6_FIELD, IPV6_OCTETS, NEXT_HEADER } from "./ipv6.ts";
import { macIn, OPTION, optionOctets, readOptions, writeOption } from "./ndp-options.ts";

/**
 * "Who has this address?" (RFC 4861 §4.3), behind the four octets of ICMPv6.
 *
 *   4          8        24
 *   | reserved | target | options
 */
export interface NeighbourSolicitation {
  readonly type: "solicitation";
  readonly target: Uint8Array; // 16 octets
  /** The MAC of who asks, 6 octets; not in a probe, which has no source yet. */
  readonly linkAddress: Uint8Array | undefined;
  /** Tells a probe from its own echo (RFC 7527 §4.1), 6 octets or 8 more of them. */
  readonly nonce: Uint8Array | undefined;
}

/**
 * "I have it" (RFC 4861 §4.4). The flags are the three highest bits of what is reserved in a solicitation.
 *
 *   4                                       8        24
 *   | router | solicited | override | 0 … 0 | target | options
 */
export interface NeighbourAdvertisement {
  readonly type: "advertisement";
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
  readonly target: Uint8Array; // 16 octets
  /** The MAC that has it, 6 octets; may be left out of the answer to a unicast question. */
  readonly linkAddress: Uint8Array | undefined;
}

export type NeighbourMessage = NeighbourSolicitation | NeighbourAdvertisement;

/** "Prevents an off-link sender": a router would have taken one away (RFC 4861 §7.1.1). */
export const NDP_HOP_LIMIT = 255;

/** With a link-layer address and nothing else behind it, ICMPv6 header included. */
export const NDP_OCTETS = 32;

/** Where fields stand, in octets from the start of the ICMPv6 header; the link address in the first option. */
export const NDP_FIELD = { checksum: 2, flags: 4, target: 8, linkAddress: 26 } as const;

const FLAG = { router: 0x8000_0000, solicited: 0x4000_0000, override: 0x2000_0000 } as const;

/**
 * @returns views into the message's body. Options not known are skipped; of one that is there twice the first counts.
 * @throws {DecodeError} `truncated`; `unsupported` for other types, a code other than 0 or a link-layer address
 *   that is no MAC; `invalid` for an option without length, as RFC 4861 §4.6 demands.
 */
export function decodeNdp({ type, code, body }: Icmpv6Message): NeighbourMessage {
  if (!isNeighbourType(type)) {
    throw new DecodeError("unsupported", "icmpv6.type", `${type}, want 135 or 136`);
  }
  expectField("ndp.code", code, 0);
  const r = new Reader(body);
  const flags = r.u32("ndp.flags");
  const target = r.bytes(IPV6_ADDRESS_OCTETS, "ndp.target");
  const options = readOptions(r.rest());
  if (type === ICMPV6_TYPE.neighbourSolicitation) {
    const nonce = options.get(OPTION.nonce);
    return { type: "solicitation", target, linkAddress: macIn(options.get(OPTION.source)), nonce };
  }
  return {
    type: "advertisement",
    router: (flags & FLAG.router) !== 0,
    solicited: (flags & FLAG.solicited) !== 0,
    override: (flags & FLAG.override) !== 0,
    target,
    linkAddress: macIn(options.get(OPTION.target)),
  };
}

export function encodeNdp(message: NeighbourMessage): Icmpv6Message {
  const { linkAddress, target } = message;
  const nonce = message.type === "solicitation" ? message.nonce : undefined;
  const isSolicitation = message.type === "solicitation";
  const w = new Writer(
    new Uint8Array(4 + IPV6_ADDRESS_OCTETS + optionOctets(linkAddress) + optionOctets(nonce)),
  );
  w.u32(isSolicitation ? 0 : flagsOf(message)).bytes(target);
  writeOption(w, isSolicitation ? OPTION.source : OPTION.target, linkAddress);
  writeOption(w, OPTION.nonce, nonce);
  const type = isSolicitation ? ICMPV6_TYPE.neighbourSolicitation : ICMPV6_TYPE.neighbourAdvertisement;
  return { type, code: 0, body: w.finish() };
}

/** Whether an ICMPv6 message of this type is one of the two here. */
export function isNeighbourType(type: number | undefined): boolean {
  return type === ICMPV6_TYPE.neighbourSolicitation || type === ICMPV6_TYPE.neighbourAdvertisement;
}

/**
 * Where the target of a solicitation stands in an untagged frame with no extension headers, which is found out
 * without decoding the rest.
 *
 * @returns offset of the 16 octets; `undefined` for whatever is not such a frame, whole as far as the target.
 */
export function targetAtOfSolicitation(frame: Uint8Array): number | undefined {
  if (frame.length < SOLICITED_TARGET_AT + IPV6_ADDRESS_OCTETS) return undefined;
  if (readU16(frame, ETHERNET_OCTETS - 2) !== ETHERTYPE.ipv6) return undefined;
  if (frame[ETHERNET_OCTETS + IPV6_FIELD.nextHeader] !== NEXT_HEADER.icmpv6) return undefined;
  if (frame[ETHERNET_OCTETS + IPV6_OCTETS] !== ICMPV6_TYPE.neighbourSolicitation) return undefined;
  return SOLICITED_TARGET_AT;
}

const SOLICITED_TARGET_AT = ETHERNET_OCTETS + IPV6_OCTETS + NDP_FIELD.target;

/**
 * The group that hears who asks for an address: ff02::1:ff00:0/104 and the lowest 24 bits of it (RFC 4291 §2.7.1).
 *
 * @returns 16 octets, fresh.
 */
export function solicitedNodeGroup(address: Uint8Array): Uint8Array {
  const group = Uint8Array.of(0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0);
  group.set(address.subarray(13, 16), 13);
  return group;
}

/** Whether `group` is the solicited-node group of `address`. */
export function isSolicitedNodeGroupOf(group: Uint8Array, address: Uint8Array): boolean {
  return (
    readU32(group, 0) === 0xff02_0000 &&
    readU32(group, 4) === 0 &&
    readU32(group, 8) === 1 &&
    group[12] === 0xff &&
    group[13] === address[13] &&
    readU16(group, 14) === readU16(address, 14)
  );
}

/** Where Ethernet carries a multicast group: 33:33 and the lowest 32 bits of it (RFC 2464 §7). @returns 6 octets. */
export function groupMac(group: Uint8Array): Uint8Array {
  return Uint8Array.of(0x33, 0x33, ...group.subarray(12, 16));
}

function flagsOf({ router, solicited, override }: NeighbourAdvertisement): number {
  return (router ? FLAG.router : 0) + (solicited ? FLAG.solicited : 0) + (override ? FLAG.override : 0);
}
