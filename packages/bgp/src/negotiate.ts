import type { IpAddress, IpFamily } from "@herald/shared/ip/address";
import type { AsnOctets } from "./as-path.ts";
import { type Capability, encodeCapability, type Role } from "./capability.ts";
import { concat } from "./encode-attributes.ts";
import { ipFamilyOf, UNICAST } from "./family.ts";
import { MAX_EXTENDED_OCTETS, MAX_OCTETS } from "./header.ts";
import { AFI, ERROR, OPEN_ERROR } from "./iana.ts";
import { MessageError } from "./message-error.ts";
import { notification } from "./notification.ts";
import type { Open } from "./open.ts";
import type { SessionOptions } from "./options.ts";

/** What both sides can do and agreed on, and who the peer is. */
export interface Negotiated {
  readonly peerAsn: number;
  readonly peerRouterId: IpAddress;
  /** Whether the peer is in another AS. */
  readonly external: boolean;
  /** 0: neither hold time nor KEEPALIVEs. */
  readonly holdTimeSeconds: number;
  /** Gap between two KEEPALIVEs before jitter; 0 without. */
  readonly keepaliveMs: number;
  readonly asnOctets: AsnOctets;
  /** Which we may announce, in our order; at least one. */
  readonly families: readonly IpFamily[];
  /** Families in which the peer takes several paths to one prefix. */
  readonly addPath: readonly IpFamily[];
  /** Whether IPv4 prefixes may have an IPv6 next hop. */
  readonly extendedNextHop: boolean;
  /** Longest message that the peer takes, octets, and that we take. */
  readonly sendMaxOctets: number;
  readonly receiveMaxOctets: number;
  readonly gracefulRestart: NegotiatedRestart | undefined;
  /** Whether the peer speaks of graceful restart at all, and so wants to hear when a table is complete. */
  readonly endOfRib: boolean;
  readonly peerRole: Role | undefined;
}

/** Both sides know graceful restart (RFC 4724): the peer keeps our routes over the end of a connection. */
export interface NegotiatedRestart {
  /** Whether also over NOTIFICATIONs that are no hard reset (RFC 8538). */
  readonly notifications: boolean;
  /** What the peer says of itself. */
  readonly peerRestarting: boolean;
  readonly peerRestartTimeSeconds: number;
}

/** @throws {MessageError} when we cannot have a session with that peer; with what to tell it (RFC 4271 §6.2). */
export function negotiate(options: SessionOptions, ours: Open, theirs: Open): Negotiated {
  const peerAsn = first(theirs, "four-octet-asn")?.asn ?? theirs.asn;
  const external = peerAsn !== options.asn;
  checkAsn(options, peerAsn, external);
  checkIdentity(options, theirs, external);
  const holdTimeSeconds = agreeOnHoldTime(ours.holdTimeSeconds, theirs.holdTimeSeconds);
  return {
    peerAsn,
    peerRouterId: theirs.routerId,
    external,
    holdTimeSeconds,
    keepaliveMs: keepaliveMs(options, holdTimeSeconds),
    asnOctets: both(ours, theirs, "four-octet-asn") ? 4 : 2,
    families: agreeOnFamilies(options, ours, theirs),
    addPath: pathsTakenBy(ours, theirs),
    extendedNextHop: takesIpv6NextHop(ours) && takesIpv6NextHop(theirs),
    sendMaxOctets: longest(theirs),
    receiveMaxOctets: longest(ours),
    gracefulRestart: agreeOnRestart(ours, theirs),
    endOfRib: first(theirs, "graceful-restart") !== undefined,
    peerRole: external ? checkRole(options, theirs) : undefined,
  };
}

type Named<T extends Capability["type"]> = Extract<Capability, { type: T }>;

function all<T extends Capability["type"]>({ capabilities }: Open, type: T): readonly Named<T>[] {
  return capabilities.filter((each): each is Named<T> => each.type === type);
}

function first<T extends Capability["type"]>(open: Open, type: T): Named<T> | undefined {
  return all(open, type)[0];
}

function both(ours: Open, theirs: Open, type: Capability["type"]): boolean {
  return first(ours, type) !== undefined && first(theirs, type) !== undefined;
}

function refuse(subcode: number, field: string, detail: string, data?: Uint8Array): never {
  throw new MessageError("invalid", field, detail, notification(ERROR.open, subcode, data));
}

/** AS 0 is nobody (RFC 7607). */
function checkAsn({ peerAsn: wanted }: SessionOptions, is: number, external: boolean): void {
  const fits = wanted === "internal" ? !external : wanted === "external" ? external : is === wanted;
  if (fits && is !== 0) return;
  const want = typeof wanted === "number" ? `AS ${wanted}` : `an ${wanted} one`;
  refuse(OPEN_ERROR.badPeerAs, "open.asn", `the peer is AS ${is}, want ${want}`);
}

/** RFC 6286 §2.1: not zero, and unique within an AS. */
function checkIdentity({ routerId: own }: SessionOptions, { routerId }: Open, external: boolean): void {
  const field = "open.router-id";
  if (routerId === "0.0.0.0") refuse(OPEN_ERROR.badIdentifier, field, "0.0.0.0");
  if (!external && routerId === own) refuse(OPEN_ERROR.badIdentifier, field, `${routerId} is ours`);
}

/** RFC 4271 §4.2: the lower one, and none if either wants none. */
function agreeOnHoldTime(ours: number, theirs: number): number {
  if (theirs === 1 || theirs === 2) {
    refuse(OPEN_ERROR.unacceptableHoldTime, "open.hold-time", `${theirs} s, want 0 or at least 3 s`);
  }
  return Math.min(ours, theirs);
}

/** @returns the gap between two KEEPALIVEs, ms; 0 for none. */
export function keepaliveMs(
  { keepaliveSeconds }: Pick<SessionOptions, "keepaliveSeconds">,
  holdTimeSeconds: number,
): number {
  const third = (holdTimeSeconds * 1_000) / 3;
  return keepaliveSeconds === undefined ? third : Math.min(third, keepaliveSeconds * 1_000);
}

/** Who says nothing of families means IPv4 (RFC 4760 §8). */
function agreeOnFamilies(options: SessionOptions, ours: Open, theirs: Open): readonly IpFamily[] {
  const [own, other] = [familiesOf(ours), familiesOf(theirs)];
  const families = options.families.filter((family) => own.includes(family) && other.includes(family));
  if (families.length > 0) return families;
  const wanted = options.families.map((family) =>
    encodeCapability({ type: "multiprotocol", family: UNICAST[family] }),
  );
  const want = options.families.map((family) => `IPv${family} unicast`).join(" or ");
  refuse(OPEN_ERROR.unsupportedCapability, "open.capabilities", `the peer offers no ${want}`, concat(wanted));
}

function familiesOf(open: Open): readonly (IpFamily | undefined)[] {
  const named = all(open, "multiprotocol");
  return named.length === 0 ? [4] : named.map(({ family }) => ipFamilyOf(family));
}

/** RFC 7911 §4: we send, they receive. */
function pathsTakenBy(ours: Open, theirs: Open): readonly IpFamily[] {
  const takes = all(theirs, "add-path").flatMap(({ families }) => families);
  return all(ours, "add-path").flatMap(({ families }) =>
    families.flatMap(({ family }) => {
      const ip = ipFamilyOf(family);
      const mode = takes.find((each) => ipFamilyOf(each.family) === ip)?.mode;
      return ip !== undefined && (mode === "receive" || mode === "both") ? [ip] : [];
    }),
  );
}

function takesIpv6NextHop(open: Open): boolean {
  return all(open, "extended-next-hop").some(({ nextHops }) =>
    nextHops.some(({ family, nextHopAfi }) => ipFamilyOf(family) === 4 && nextHopAfi === AFI.ipv6),
  );
}

/** RFC 8654 §4: who says so takes them, whatever the other says. */
function longest(receiver: Open): number {
  return first(receiver, "extended-message") === undefined ? MAX_OCTETS : MAX_EXTENDED_OCTETS;
}

/** RFC 4724 §3: of several, the last counts. */
function agreeOnRestart(ours: Open, theirs: Open): NegotiatedRestart | undefined {
  const [own, other] = [all(ours, "graceful-restart").at(-1), all(theirs, "graceful-restart").at(-1)];
  if (own === undefined || other === undefined) return undefined;
  return {
    notifications: own.notifications && other.notifications,
    peerRestarting: other.restarting,
    peerRestartTimeSeconds: other.restartTimeSeconds,
  };
}

/** RFC 9234 §4.2, table 2. */
const COUNTERPART: Readonly<Record<Role, Role>> = {
  provider: "customer",
  customer: "provider",
  "route-server": "route-server-client",
  "route-server-client": "route-server",
  peer: "peer",
};

/** RFC 9234 §4.2; roles are between ASes only, and count only if we have one. */
function checkRole({ role, strictRole }: SessionOptions, theirs: Open): Role | undefined {
  const roles = new Set(all(theirs, "role").map((each) => each.role));
  const [peerRole] = roles;
  if (role === undefined) return peerRole;
  const field = "open.role";
  const want = COUNTERPART[role];
  if (roles.size > 1) refuse(OPEN_ERROR.roleMismatch, field, `${[...roles].join(" and ")} at once`);
  if (peerRole === undefined && strictRole) refuse(OPEN_ERROR.roleMismatch, field, `none, want ${want}`);
  if (peerRole !== undefined && peerRole !== want) {
    refuse(OPEN_ERROR.roleMismatch, field, `the peer is a ${peerRole}, want ${want}`);
  }
  return peerRole;
}
