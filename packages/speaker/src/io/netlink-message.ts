import { fromOctets } from "@herald/shared/ip/address";
import { DecodeError, Reader } from "@herald/wire/bytes";
import { formatMac, MAC_OCTETS } from "@herald/wire/mac";
import type { OwnAddress } from "../bgp-next-hops.ts";
import type { Link } from "../interface-rules.ts";

export type NetlinkMessage =
  | { readonly type: "link"; readonly sequence: number; readonly link: Link }
  | { readonly type: "link-gone"; readonly sequence: number; readonly index: number }
  | { readonly type: "address"; readonly sequence: number; readonly own: OwnAddress }
  | { readonly type: "address-gone"; readonly sequence: number }
  /** The end of a dump; `consistent` when nothing changed while it was made. */
  | { readonly type: "done"; readonly sequence: number; readonly consistent: boolean }
  | { readonly type: "error"; readonly sequence: number; readonly errno: number }
  | { readonly type: "other"; readonly sequence: number };

const HEADER_OCTETS = 16;
/** Of struct ifinfomsg and struct ifaddrmsg: all zero asks for everything. */
const LINK_OCTETS = 16;
const ADDRESS_OCTETS = 8;

/** <linux/netlink.h>, <linux/rtnetlink.h> */
const TYPE = {
  error: 2,
  done: 3,
  newLink: 16,
  delLink: 17,
  getLink: 18,
  newAddress: 20,
  delAddress: 21,
  getAddress: 22,
} as const;
const FLAG = { request: 0x1, dumpInterrupted: 0x10, dump: 0x300 } as const;
/** <linux/if_link.h> */
const ATTRIBUTE = { address: 1, name: 3, master: 10, operstate: 16 } as const;
/** <linux/if_addr.h>; the flags are the low eight, which all kernels put into the header. */
const ADDRESS_ATTRIBUTE = { address: 1, local: 2, cacheInfo: 6 } as const;
const ADDRESS_FLAG = { secondary: 0x1, duplicate: 0x8, deprecated: 0x20, tentative: 0x40 } as const;
/** <linux/if.h> */
const INTERFACE = { up: 0x1, broadcast: 0x2, noArp: 0x80 } as const;
/** <linux/if_arp.h> */
const ETHERNET = 1;
/** <linux/if.h>; the numbers of RFC 2863, ifOperStatus, differ. */
const OPERSTATE = { unknown: 0, up: 6 } as const;

/**
 * One datagram of the route netlink family, rtnetlink(7): messages one after the other, each padded to 4 octets.
 * All numbers are in the byte order of the machine; x64 and arm64 are little-endian.
 *
 *   0        4      6       8          12    16
 *   | length | type | flags | sequence | pid | body
 *
 * @throws {DecodeError} `truncated` when a length reaches past the end, `invalid` when it is below its header's.
 */
export function decodeNetlink(datagram: Uint8Array): readonly NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let rest = datagram; rest.length > 0; ) {
    const r = new LittleEndianReader(rest);
    const length = r.length32("netlink.length", HEADER_OCTETS);
    const type = r.u16("netlink.type");
    const flags = r.u16("netlink.flags");
    const sequence = r.u32("netlink.sequence");
    r.u32("netlink.pid");
    messages.push(decodeBody(type, flags, sequence, r.bytes(length - HEADER_OCTETS, "netlink.body")));
    rest = rest.subarray(align(length));
  }
  return messages;
}

/** Asks for every interface. The answer is many datagrams of `link`, then `done`, all with this sequence. */
export function encodeLinkDump(sequence: number): Uint8Array {
  return encodeDump(TYPE.getLink, LINK_OCTETS, sequence);
}

/** The same for every address, of both families: datagrams of `address`. */
export function encodeAddressDump(sequence: number): Uint8Array {
  return encodeDump(TYPE.getAddress, ADDRESS_OCTETS, sequence);
}

function encodeDump(type: number, bodyOctets: number, sequence: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_OCTETS + bodyOctets);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, FLAG.request | FLAG.dump, true);
  view.setUint32(8, sequence, true);
  return bytes;
}

function decodeBody(type: number, flags: number, sequence: number, body: Uint8Array): NetlinkMessage {
  switch (type) {
    case TYPE.newLink:
      return { type: "link", sequence, link: decodeLink(body) };
    case TYPE.delLink:
      return { type: "link-gone", sequence, index: decodeLink(body).index };
    case TYPE.newAddress:
      return decodeAddress(sequence, body);
    case TYPE.delAddress:
      return { type: "address-gone", sequence };
    case TYPE.done:
      return { type: "done", sequence, consistent: (flags & FLAG.dumpInterrupted) === 0 };
    case TYPE.error:
      return { type: "error", sequence, errno: -(new LittleEndianReader(body).u32("netlink.error") | 0) };
    default:
      return { type: "other", sequence };
  }
}

/**
 * struct ifinfomsg and its attributes.
 *
 *   0        1     2      4       8       12       16
 *   | family | pad | type | index | flags | change | attributes
 */
function decodeLink(body: Uint8Array): Link {
  const r = new LittleEndianReader(body);
  r.u16("link.family");
  const type = r.u16("link.type");
  const index = r.u32("link.index");
  const flags = r.u32("link.flags");
  r.u32("link.change");
  const attributes = decodeAttributes(r.rest());
  const address = attributes.get(ATTRIBUTE.address);
  const operstate = attributes.get(ATTRIBUTE.operstate)?.[0] ?? OPERSTATE.unknown;
  return {
    name: decodeName(attributes.get(ATTRIBUTE.name) ?? new Uint8Array()),
    index,
    mac: type === ETHERNET && address?.length === MAC_OCTETS ? formatMac(address) : undefined,
    up: (flags & INTERFACE.up) !== 0,
    broadcast: (flags & INTERFACE.broadcast) !== 0,
    noArp: (flags & INTERFACE.noArp) !== 0,
    hasMaster: attributes.has(ATTRIBUTE.master),
    operational: operstate === OPERSTATE.up || operstate === OPERSTATE.unknown,
  };
}

/**
 * struct ifaddrmsg and its attributes; struct ifa_cacheinfo has the time of creation third, in hundredths of a second.
 *
 *   0        1              2       3       4       8
 *   | family | prefix length | flags | scope | index | attributes
 */
function decodeAddress(sequence: number, body: Uint8Array): NetlinkMessage {
  const r = new Reader(body);
  r.u8("address.family");
  const prefixLength = r.u8("address.prefix-length");
  const flags = r.u8("address.flags");
  r.u8("address.scope");
  const rest = new LittleEndianReader(r.rest());
  const index = rest.u32("address.index");
  const attributes = decodeAttributes(rest.rest());
  // Why not the other first: at the end of a tunnel that is the peer's.
  const octets = attributes.get(ADDRESS_ATTRIBUTE.local) ?? attributes.get(ADDRESS_ATTRIBUTE.address);
  if (octets?.length !== 4 && octets?.length !== 16) return { type: "other", sequence };
  const own = {
    address: fromOctets(octets),
    prefixLength,
    index,
    isUsable: (flags & (ADDRESS_FLAG.tentative | ADDRESS_FLAG.duplicate)) === 0,
    isDeprecated: (flags & ADDRESS_FLAG.deprecated) !== 0,
    isSecondary: (flags & ADDRESS_FLAG.secondary) !== 0,
    createdMs: createdMs(attributes.get(ADDRESS_ATTRIBUTE.cacheInfo)),
  };
  return { type: "address", sequence, own };
}

function createdMs(cacheInfo: Uint8Array | undefined): number {
  if (cacheInfo === undefined) return 0;
  const r = new LittleEndianReader(cacheInfo);
  r.u32("address.preferred-lifetime");
  r.u32("address.valid-lifetime");
  return r.u32("address.created") * 10;
}

/**
 * By type, the last of a kind wins.
 *
 *   0        2      4
 *   | length | type | value, padded to 4 octets
 */
function decodeAttributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const attributes = new Map<number, Uint8Array>(); // bounded by the datagram
  for (let rest = bytes; rest.length > 0; ) {
    const r = new LittleEndianReader(rest);
    const length = r.length16("attribute.length", 4);
    const type = r.u16("attribute.type") & 0x3fff; // the two high bits are flags
    attributes.set(type, r.bytes(length - 4, "attribute.value"));
    rest = rest.subarray(align(length));
  }
  return attributes;
}

/** NUL-terminated; interface names are octets the kernel does not interpret. */
function decodeName(octets: Uint8Array): string {
  const end = octets.indexOf(0);
  return Buffer.from(octets.subarray(0, end === -1 ? octets.length : end)).toString("utf8");
}

function align(octets: number): number {
  return (octets + 3) & ~3;
}

class LittleEndianReader {
  readonly #reader: Reader;
  constructor(bytes: Uint8Array) {
    this.#reader = new Reader(bytes);
  }

  u16(field: string): number {
    const value = this.#reader.u16(field);
    return ((value & 0xff) << 8) | (value >>> 8);
  }

  u32(field: string): number {
    const low = this.u16(field);
    return low + this.u16(field) * 0x1_0000;
  }

  /** A length that counts its own header. */
  length16(field: string, headerOctets: number): number {
    return atLeast(field, this.u16(field), headerOctets);
  }

  length32(field: string, headerOctets: number): number {
    return atLeast(field, this.u32(field), headerOctets);
  }

  bytes(octets: number, field: string): Uint8Array {
    return this.#reader.bytes(octets, field);
  }

  rest(): Uint8Array {
    return this.#reader.rest();
  }
}

function atLeast(field: string, value: number, minimum: number): number {
  if (value < minimum) throw new DecodeError("invalid", field, `${value}, want at least ${minimum}`);
  return value;
}
