import { DecodeError, expectField, readU32, Writer } from "@herald/wire/bytes";
import { BFD_STATE, BFD_VERSION } from "./iana.ts";
import type { BfdState } from "./states.ts";

/** Octets of a packet without an authentication section. */
export const PACKET_OCTETS = 24;

/** Type and length of an authentication section. */
const SECTION_HEAD_OCTETS = 2;

/**
 * A BFD control packet (RFC 5880 §4.1).
 *
 *   0       3       8   10             16            24            32
 *   | vers  | diag  |sta|P|F|C|A|D|M   | detect mult | length      |
 *   | my discriminator                                             |
 *   | your discriminator                                           |
 *   | desired min TX interval, µs                                  |
 *   | required min RX interval, µs                                 |
 *   | required min echo RX interval, µs                            |
 *   | auth type     | auth len         | authentication data … (A)
 */
export interface ControlPacket {
  /** Why the sender's session changed its state last; 5 bits. Those that nobody has defined are kept. */
  readonly diagnostic: number;
  readonly state: BfdState;
  readonly poll: boolean;
  readonly final: boolean;
  /** Whether the sender's BFD outlives its routing. */
  readonly controlPlaneIndependent: boolean;
  readonly demand: boolean;
  /** 1 to 255. */
  readonly detectMultiplier: number;
  /** Never 0. */
  readonly myDiscriminator: number;
  /** 0 while not known. */
  readonly yourDiscriminator: number;
  readonly desiredMinTxMicros: number;
  /** 0: no periodic packets, please. */
  readonly requiredMinRxMicros: number;
  /** 0: echo packets do not come back. */
  readonly requiredMinEchoRxMicros: number;
  readonly authentication: AuthenticationSection | undefined;
}

/** What proves who sent it: RFC 5880 §4.2 to §4.4; read in `authentication.ts`. */
export interface AuthenticationSection {
  readonly type: number;
  /** All behind type and length; at most 253 octets. */
  readonly data: Uint8Array;
}

/** The fields that `decodePacket` refuses. */
export type RefusedField =
  | "bfd"
  | "bfd.version"
  | "bfd.length"
  | "bfd.detect-mult"
  | "bfd.multipoint"
  | "bfd.my-discriminator"
  | "bfd.auth-len";

const STATES: readonly BfdState[] = ["admin-down", "down", "init", "up"];

const POLL = 0x20;
const FINAL = 0x10;
const CONTROL_PLANE_INDEPENDENT = 0x08;
const AUTHENTICATION_PRESENT = 0x04;
const DEMAND = 0x02;
const MULTIPOINT = 0x01;

/**
 * The checks of RFC 5880 §6.8.6 that need no session, in its order.
 *
 * @param bytes UDP payload; octets past the packet's own length are ignored.
 * @throws {DecodeError} for a `RefusedField`: `truncated` below 24 octets, `unsupported` version or multipoint, else `invalid`.
 */
export function decodePacket(bytes: Uint8Array): ControlPacket {
  if (bytes.length < PACKET_OCTETS) refuse("bfd", "truncated", `need ${PACKET_OCTETS}, have ${bytes.length}`);
  const [first, flags, detectMultiplier, length] = bytes as unknown as readonly [
    number,
    number,
    number,
    number,
  ];
  expectField("bfd.version", first >> 5, BFD_VERSION);
  const least = PACKET_OCTETS + (flags & AUTHENTICATION_PRESENT ? SECTION_HEAD_OCTETS : 0);
  if (length < least) refuse("bfd.length", "invalid", `${length}, want at least ${least}`);
  if (length > bytes.length) refuse("bfd.length", "invalid", `${length}, have ${bytes.length}`);
  if (detectMultiplier === 0) refuse("bfd.detect-mult", "invalid", "0");
  if (flags & MULTIPOINT) refuse("bfd.multipoint", "unsupported", "1, want 0");
  const myDiscriminator = readU32(bytes, 4);
  if (myDiscriminator === 0) refuse("bfd.my-discriminator", "invalid", "0");
  return {
    diagnostic: first & 0x1f,
    state: STATES[flags >> 6] as BfdState,
    poll: (flags & POLL) !== 0,
    final: (flags & FINAL) !== 0,
    controlPlaneIndependent: (flags & CONTROL_PLANE_INDEPENDENT) !== 0,
    demand: (flags & DEMAND) !== 0,
    detectMultiplier,
    myDiscriminator,
    yourDiscriminator: readU32(bytes, 8),
    desiredMinTxMicros: readU32(bytes, 12),
    requiredMinRxMicros: readU32(bytes, 16),
    requiredMinEchoRxMicros: readU32(bytes, 20),
    authentication:
      flags & AUTHENTICATION_PRESENT ? decodeSection(bytes.subarray(PACKET_OCTETS, length)) : undefined,
  };
}

/** @returns the octets that are the packet, of a datagram that `decodePacket` took. */
export function packetOctets(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes[3]);
}

/** @returns 24 octets, or as many more as the authentication section takes. */
export function encodePacket(packet: ControlPacket): Uint8Array {
  const { authentication } = packet;
  const sectionOctets = authentication === undefined ? 0 : SECTION_HEAD_OCTETS + authentication.data.length;
  const length = PACKET_OCTETS + sectionOctets;
  const w = new Writer(new Uint8Array(length))
    .u8((BFD_VERSION << 5) | packet.diagnostic)
    .u8((BFD_STATE[packet.state] << 6) | flagsOf(packet))
    .u8(packet.detectMultiplier)
    .u8(length)
    .u32(packet.myDiscriminator)
    .u32(packet.yourDiscriminator)
    .u32(packet.desiredMinTxMicros)
    .u32(packet.requiredMinRxMicros)
    .u32(packet.requiredMinEchoRxMicros);
  if (authentication !== undefined) w.u8(authentication.type).u8(sectionOctets).bytes(authentication.data);
  return w.finish();
}

function flagsOf(packet: ControlPacket): number {
  return (
    (packet.poll ? POLL : 0) |
    (packet.final ? FINAL : 0) |
    (packet.controlPlaneIndependent ? CONTROL_PLANE_INDEPENDENT : 0) |
    (packet.authentication === undefined ? 0 : AUTHENTICATION_PRESENT) |
    (packet.demand ? DEMAND : 0)
  );
}

/** @param bytes all that the packet has behind its first 24 octets, at least two. */
function decodeSection(bytes: Uint8Array): AuthenticationSection {
  const [type, octets] = bytes as unknown as readonly [number, number];
  if (octets !== bytes.length) refuse("bfd.auth-len", "invalid", `${octets}, have ${bytes.length}`);
  return { type, data: bytes.subarray(SECTION_HEAD_OCTETS) };
}

function refuse(field: RefusedField, reason: "truncated" | "invalid" | "unsupported", detail: string): never {
  throw new DecodeError(reason, field, detail);
}
