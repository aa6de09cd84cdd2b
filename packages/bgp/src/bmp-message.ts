import { familyOf, type IpAddress, type IpFamily, toOctets } from "@herald/shared/ip/address";
import { Writer } from "@herald/wire/bytes";
import { concat } from "./encode-attributes.ts";
import { UNICAST } from "./family.ts";
import { BMP } from "./iana.ts";
import { encodeText } from "./text.ts";

/** Milliseconds since 1970. */
export type EpochMs = number;

/** A router that we have a session with, as a station gets to know it. */
export interface BmpPeer {
  readonly address: IpAddress;
  readonly asn: number;
  readonly routerId: IpAddress;
  /** Octets of an AS number in the UPDATEs that it is told. */
  readonly asnOctets: 2 | 4;
}

/** How a session began. */
export interface PeerUp {
  readonly peer: BmpPeer;
  readonly local: IpAddress;
  /** TCP ports; 0 for one that is not known. */
  readonly ports: { readonly local: number; readonly remote: number };
  /** Whole messages, header and all. */
  readonly opens: { readonly sent: Uint8Array; readonly received: Uint8Array };
}

/** How it ended (RFC 7854 §4.9). */
export type PeerEnd =
  /** Whole messages, header and all. */
  | { readonly type: "we-notified" | "peer-notified"; readonly notification: Uint8Array }
  | { readonly type: "we-closed" | "peer-closed" };

/**
 * What a monitoring station is told (RFC 7854 §4; RFC 8671 for what we tell peers). There is no decoding: a station has
 * nothing to say (§3.2).
 */
export type BmpMessage =
  /** The first of all. */
  | { readonly type: "initiation"; readonly sysName: string; readonly sysDescr: string }
  /** The last one: ended in order, from this side. */
  | { readonly type: "termination" }
  | ({ readonly type: "peer-up"; readonly at: EpochMs } & PeerUp)
  | { readonly type: "peer-down"; readonly peer: BmpPeer; readonly end: PeerEnd; readonly at: EpochMs }
  /** One UPDATE as the peer is told it, header and all. */
  | {
      readonly type: "route-monitoring";
      readonly peer: BmpPeer;
      readonly update: Uint8Array;
      readonly at: EpochMs;
    }
  /** How many routes the peer has of us. */
  | { readonly type: "stats"; readonly peer: BmpPeer; readonly routes: RouteCounts; readonly at: EpochMs };

export type RouteCounts = Readonly<Record<IpFamily, number>>;

/**
 * Every message (RFC 7854 §4.1):
 *
 *   0         1        5      6
 *   | version | length | type | body …
 *
 * The length counts all of it.
 */
const COMMON_OCTETS = 6;

/**
 * What all about a peer begin with (§4.2; the O flag: RFC 8671 §4):
 *
 *   0      1       2               10        26   30          34        38             42
 *   | type | flags | distinguisher | address | AS | BGP ident | seconds | microseconds |
 *
 * An IPv4 address stands in the last four octets of its field.
 */
const PEER_OCTETS = 42;

/** Longest text of ours, octets; a station shows it in a line. */
const MAX_TEXT_OCTETS = 255;

export function encodeBmp(message: BmpMessage): Uint8Array {
  const body = bodyOf(message);
  const w = new Writer(new Uint8Array(COMMON_OCTETS + body.length));
  return w
    .u8(BMP.version)
    .u32(COMMON_OCTETS + body.length)
    .u8(TYPE[message.type])
    .bytes(body)
    .finish();
}

const TYPE: Readonly<Record<BmpMessage["type"], number>> = {
  initiation: BMP.message.initiation,
  termination: BMP.message.termination,
  "peer-up": BMP.message.peerUp,
  "peer-down": BMP.message.peerDown,
  "route-monitoring": BMP.message.routeMonitoring,
  stats: BMP.message.stats,
};

function bodyOf(message: BmpMessage): Uint8Array {
  switch (message.type) {
    case "initiation":
      return concat([
        field(BMP.initiation.sysDescr, encodeText(message.sysDescr, MAX_TEXT_OCTETS)),
        field(BMP.initiation.sysName, encodeText(message.sysName, MAX_TEXT_OCTETS)),
      ]);
    case "termination":
      return field(BMP.termination.reason, Uint8Array.of(0, BMP.terminationReason.closed));
    case "peer-up":
      return concat([peerHeader(message.peer, 0, message.at), peerUp(message)]);
    case "peer-down":
      return concat([peerHeader(message.peer, 0, message.at), peerDown(message.end)]);
    case "route-monitoring": {
      const { postPolicy, adjRibOut } = BMP.flag;
      return concat([peerHeader(message.peer, postPolicy | adjRibOut, message.at), message.update]);
    }
    case "stats":
      // Why no O flag: RFC 8671 §6 leaves it 0 wherever it does not say otherwise; the types of the counts say it.
      return concat([peerHeader(message.peer, 0, message.at), stats(message.routes)]);
  }
}

function peerHeader({ address, asn, routerId, asnOctets }: BmpPeer, flags: number, at: EpochMs): Uint8Array {
  const { ipv6, twoOctetAsns } = BMP.flag;
  const family = familyOf(address) === 6 ? ipv6 : 0;
  const w = new Writer(new Uint8Array(PEER_OCTETS));
  return w
    .u8(BMP.peerType.global)
    .u8(flags | family | (asnOctets === 2 ? twoOctetAsns : 0))
    .bytes(new Uint8Array(8))
    .bytes(sixteen(address))
    .u32(asn)
    .bytes(toOctets(routerId))
    .u32(Math.floor(at / 1_000))
    .u32(Math.floor(at % 1_000) * 1_000)
    .finish();
}

/** §4.10: our address, both ports, both OPENs. */
function peerUp({ local, ports, opens }: PeerUp): Uint8Array {
  const w = new Writer(new Uint8Array(20));
  return concat([
    w.bytes(sixteen(local)).u16(ports.local).u16(ports.remote).finish(),
    opens.sent,
    opens.received,
  ]);
}

/** §4.9. With a close of our own there is an event of RFC 4271 §8.1 to be named: 0, none of them. */
function peerDown(end: PeerEnd): Uint8Array {
  switch (end.type) {
    case "we-notified":
      return concat([Uint8Array.of(BMP.peerDown.weNotified), end.notification]);
    case "peer-notified":
      return concat([Uint8Array.of(BMP.peerDown.peerNotified), end.notification]);
    case "we-closed":
      return Uint8Array.of(BMP.peerDown.weClosed, 0, 0);
    case "peer-closed":
      return Uint8Array.of(BMP.peerDown.peerClosed);
  }
}

/** §4.8: how many follow, then each; counts of 64 bits. */
function stats(routes: RouteCounts): Uint8Array {
  const of = (family: IpFamily): Uint8Array => {
    const { afi, safi } = UNICAST[family];
    const w = new Writer(new Uint8Array(11));
    return w.u16(afi).u8(safi).u32(0).u32(routes[family]).finish();
  };
  const all = new Writer(new Uint8Array(8))
    .u32(0)
    .u32(routes[4] + routes[6])
    .finish();
  return concat([
    Uint8Array.of(0, 0, 0, 3),
    field(BMP.stat.adjRibOut, all),
    field(BMP.stat.adjRibOutOfFamily, of(4)),
    field(BMP.stat.adjRibOutOfFamily, of(6)),
  ]);
}

/** Type and length of two octets each, then the value. */
function field(type: number, value: Uint8Array): Uint8Array {
  return new Writer(new Uint8Array(4 + value.length)).u16(type).u16(value.length).bytes(value).finish();
}

function sixteen(address: IpAddress): Uint8Array {
  const octets = toOctets(address);
  return octets.length === 16 ? octets : concat([new Uint8Array(12), octets]);
}
