import { DecodeError, Reader, Writer } from "@herald/wire/bytes";
import type { Family } from "./family.ts";
import { ADD_PATH, CAPABILITY, RESTART_FAMILY_FLAG, RESTART_FLAG, ROLE } from "./iana.ts";
import { decodeText, encodeText } from "./text.ts";

export type Role = keyof typeof ROLE;
export type AddPathMode = keyof typeof ADD_PATH;

/**
 * What a speaker can do, as it says in its OPEN (RFC 5492 §4):
 *
 *   0      1        2
 *   | code | length | value … |
 */
export type Capability =
  /** RFC 4760 §8: afi(2) reserved(1) safi(1). */
  | { readonly type: "multiprotocol"; readonly family: Family }
  /** RFC 2918 §2: empty. */
  | { readonly type: "route-refresh" }
  /** RFC 8950 §4: for each, afi(2) safi(2) and the AFI of the next hop(2). */
  | { readonly type: "extended-next-hop"; readonly nextHops: readonly FamilyNextHop[] }
  /** RFC 8654 §3: empty. */
  | { readonly type: "extended-message" }
  /** RFC 9234 §4.1: role(1). */
  | { readonly type: "role"; readonly role: Role }
  | GracefulRestart
  /** RFC 6793 §3: asn(4). */
  | { readonly type: "four-octet-asn"; readonly asn: number }
  /** RFC 7911 §4: for each, afi(2) safi(1) mode(1). */
  | { readonly type: "add-path"; readonly families: readonly FamilyAddPath[] }
  /** RFC 7313 §3.1: empty. */
  | { readonly type: "enhanced-route-refresh" }
  /** RFC 9494 §3: for each, afi(2) safi(1) flags(1) stale time(3). */
  | { readonly type: "long-lived-graceful-restart"; readonly families: readonly FamilyLongLived[] }
  /** Draft of Walton: length(1) host, length(1) domain. */
  | { readonly type: "fqdn"; readonly host: string; readonly domain: string }
  /** One that we do not know, or one whose value we cannot read: what is not understood is ignored. */
  | { readonly type: "unknown"; readonly code: number; readonly value: Uint8Array };

/** RFC 4724 §3: flags(4 bits) time(12 bits), then for each family afi(2) safi(1) flags(1). */
export interface GracefulRestart {
  readonly type: "graceful-restart";
  /** The speaker has just restarted: nobody need wait for its End-of-RIB. */
  readonly restarting: boolean;
  /** It keeps routes over a NOTIFICATION, too (RFC 8538 §2). */
  readonly notifications: boolean;
  /** How long it takes to be back, 12 bits. */
  readonly restartTimeSeconds: number;
  readonly families: readonly FamilyForwarding[];
}

export interface FamilyNextHop {
  readonly family: Family;
  readonly nextHopAfi: number;
}

export interface FamilyForwarding {
  readonly family: Family;
  /** It went on forwarding while it was away. */
  readonly forwarding: boolean;
}

export interface FamilyAddPath {
  readonly family: Family;
  readonly mode: AddPathMode;
}

export interface FamilyLongLived extends FamilyForwarding {
  /** 24 bits. */
  readonly staleTimeSeconds: number;
}

/** What a capability's length has room for. */
const MAX_VALUE_OCTETS = 255;
const MAX_NAME_OCTETS = 64;
const { forwarding: FORWARDING } = RESTART_FAMILY_FLAG;
const { restarting: RESTARTING, notifications: NOTIFICATIONS } = RESTART_FLAG;

/** @returns code, length and value. Throws a RangeError for more families than fit. */
export function encodeCapability(capability: Capability): Uint8Array {
  const [code, value] = codeAndValue(capability);
  if (value.length > MAX_VALUE_OCTETS) throw new RangeError(`capability ${code} has ${value.length} octets`);
  return new Writer(new Uint8Array(2 + value.length)).u8(code).u8(value.length).bytes(value).finish();
}

/** Never refuses: a value of the wrong shape comes out as `unknown`, and is ignored as a whole. */
export function decodeCapability(code: number, value: Uint8Array): Capability {
  const decode = DECODERS[code];
  try {
    const r = new Reader(value);
    const capability = decode?.(r);
    if (capability !== undefined && r.rest().length === 0) return capability;
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
  return { type: "unknown", code, value: value.slice() };
}

const DECODERS: Readonly<Record<number, (r: Reader) => Capability | undefined>> = {
  [CAPABILITY.multiprotocol]: (r) => {
    const afi = r.u16("multiprotocol.afi");
    r.u8("multiprotocol.reserved");
    return { type: "multiprotocol", family: { afi, safi: r.u8("multiprotocol.safi") } };
  },
  [CAPABILITY.routeRefresh]: () => ({ type: "route-refresh" }),
  [CAPABILITY.extendedNextHop]: (r) => ({
    type: "extended-next-hop",
    nextHops: each(r, () => ({
      family: { afi: r.u16("extended-next-hop.afi"), safi: r.u16("extended-next-hop.safi") },
      nextHopAfi: r.u16("extended-next-hop.next-hop-afi"),
    })),
  }),
  [CAPABILITY.extendedMessage]: () => ({ type: "extended-message" }),
  [CAPABILITY.role]: (r) => {
    const role = nameOf(ROLE, r.u8("role"));
    return role === undefined ? undefined : { type: "role", role };
  },
  [CAPABILITY.gracefulRestart]: decodeGracefulRestart,
  [CAPABILITY.fourOctetAsn]: (r) => ({ type: "four-octet-asn", asn: r.u32("four-octet-asn") }),
  [CAPABILITY.addPath]: decodeAddPath,
  [CAPABILITY.enhancedRouteRefresh]: () => ({ type: "enhanced-route-refresh" }),
  [CAPABILITY.longLivedGracefulRestart]: (r) => ({
    type: "long-lived-graceful-restart",
    families: each(r, () => ({
      family: decodeFamily(r),
      forwarding: (r.u8("long-lived.flags") & FORWARDING) !== 0,
      staleTimeSeconds: (r.u8("long-lived.time") << 16) | r.u16("long-lived.time"),
    })),
  }),
  [CAPABILITY.fqdn]: (r) => ({ type: "fqdn", host: decodeName(r), domain: decodeName(r) }),
};

function decodeGracefulRestart(r: Reader): Capability {
  const head = r.u16("graceful-restart.time");
  return {
    type: "graceful-restart",
    restarting: ((head >>> 12) & RESTARTING) !== 0,
    notifications: ((head >>> 12) & NOTIFICATIONS) !== 0,
    restartTimeSeconds: head & 0xfff,
    families: each(r, () => ({
      family: decodeFamily(r),
      forwarding: (r.u8("graceful-restart.flags") & FORWARDING) !== 0,
    })),
  };
}

/** "If any other value is received, then the capability SHOULD be treated as not understood and ignored." */
function decodeAddPath(r: Reader): Capability | undefined {
  const families = each(r, () => ({
    family: decodeFamily(r),
    mode: nameOf(ADD_PATH, r.u8("add-path.mode")),
  }));
  const understood = families.filter((entry): entry is FamilyAddPath => entry.mode !== undefined);
  return understood.length < families.length ? undefined : { type: "add-path", families: understood };
}

function decodeFamily(r: Reader): Family {
  return { afi: r.u16("family.afi"), safi: r.u8("family.safi") };
}

function decodeName(r: Reader): string {
  return decodeText(r.bytes(r.u8("fqdn.length"), "fqdn.name"));
}

/** Bounded by the 255 octets of a value. */
function each<T>(r: Reader, decode: () => T): readonly T[] {
  const all: T[] = [];
  while (r.rest().length > 0) all.push(decode());
  return all;
}

function codeAndValue(capability: Capability): readonly [code: number, value: Uint8Array] {
  switch (capability.type) {
    case "multiprotocol": {
      const { afi, safi } = capability.family;
      return [CAPABILITY.multiprotocol, Uint8Array.of(...u16(afi), 0, safi)];
    }
    case "route-refresh":
      return [CAPABILITY.routeRefresh, NOTHING];
    case "extended-next-hop":
      return [CAPABILITY.extendedNextHop, join(capability.nextHops, nextHopOctets)];
    case "extended-message":
      return [CAPABILITY.extendedMessage, NOTHING];
    case "role":
      return [CAPABILITY.role, Uint8Array.of(ROLE[capability.role])];
    case "graceful-restart":
      return [CAPABILITY.gracefulRestart, gracefulRestartValue(capability)];
    case "four-octet-asn":
      return [CAPABILITY.fourOctetAsn, new Writer(new Uint8Array(4)).u32(capability.asn).finish()];
    case "add-path":
      return [CAPABILITY.addPath, join(capability.families, addPathOctets)];
    case "enhanced-route-refresh":
      return [CAPABILITY.enhancedRouteRefresh, NOTHING];
    case "long-lived-graceful-restart":
      return [CAPABILITY.longLivedGracefulRestart, join(capability.families, longLivedOctets)];
    case "fqdn":
      return [CAPABILITY.fqdn, join([capability.host, capability.domain], nameOctets)];
    case "unknown":
      return [capability.code, capability.value];
  }
}

const NOTHING = new Uint8Array(0);

function gracefulRestartValue(capability: GracefulRestart): Uint8Array {
  const { restarting, notifications, restartTimeSeconds, families } = capability;
  const flags = (restarting ? RESTARTING : 0) | (notifications ? NOTIFICATIONS : 0);
  const head = (flags << 12) | Math.min(restartTimeSeconds, 0xfff);
  return Uint8Array.of(...u16(head), ...join(families, forwardingOctets));
}

function nextHopOctets({ family: { afi, safi }, nextHopAfi }: FamilyNextHop): readonly number[] {
  return [...u16(afi), ...u16(safi), ...u16(nextHopAfi)];
}

function forwardingOctets({ family: { afi, safi }, forwarding }: FamilyForwarding): readonly number[] {
  return [...u16(afi), safi, forwarding ? FORWARDING : 0];
}

function addPathOctets({ family: { afi, safi }, mode }: FamilyAddPath): readonly number[] {
  return [...u16(afi), safi, ADD_PATH[mode]];
}

function longLivedOctets(entry: FamilyLongLived): readonly number[] {
  const seconds = Math.min(entry.staleTimeSeconds, 0xff_ffff);
  return [...forwardingOctets(entry), seconds >>> 16, ...u16(seconds & 0xffff)];
}

function nameOctets(name: string): readonly number[] {
  const octets = encodeText(name, MAX_NAME_OCTETS);
  return [octets.length, ...octets];
}

function join<T>(all: readonly T[], octetsOf: (one: T) => readonly number[]): Uint8Array {
  return Uint8Array.from(all.flatMap(octetsOf));
}

function u16(value: number): readonly number[] {
  return [value >>> 8, value & 0xff];
}

function nameOf<K extends string>(names: Readonly<Record<K, number>>, value: number): K | undefined {
  return (Object.keys(names) as K[]).find((name) => names[name] === value);
}
