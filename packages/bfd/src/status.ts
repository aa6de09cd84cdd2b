import type { Instant } from "@herald/shared/core";
import type { ControlPacket } from "./packet.ts";
import type { BfdState } from "./states.ts";

export interface SessionStatus {
  readonly state: BfdState;
  /** When it got there. */
  readonly since: Instant;
  /** Why our state changed last, and the peer's; numbers of RFC 5880 §4.1. */
  readonly diagnostic: number;
  readonly localDiscriminator: number;
  /** `undefined` while the peer is not heard. */
  readonly remote: Remote | undefined;
  /** Longest gap between two packets of ours as agreed on, ms; `undefined` while there are no periodic ones. */
  readonly transmitIntervalMs: number | undefined;
  /** How long the peer may be silent, ms; `undefined` while it is not heard. */
  readonly detectionTimeMs: number | undefined;
  readonly counters: Counters;
}

export interface Counters {
  readonly sent: number;
  /** Those that were not dropped. */
  readonly received: number;
  /** How often it came up, and how often it was up and is not. */
  readonly up: number;
  readonly down: number;
}

/** What the peer said last (bfd.Remote…, RFC 5880 §6.8.1). */
export interface Remote {
  readonly discriminator: number;
  readonly state: BfdState;
  readonly diagnostic: number;
  readonly demand: boolean;
  readonly controlPlaneIndependent: boolean;
  readonly detectMultiplier: number;
  readonly desiredMinTxMicros: number;
  readonly requiredMinRxMicros: number;
  readonly requiredMinEchoRxMicros: number;
}

export function remoteOf(packet: ControlPacket): Remote {
  return {
    discriminator: packet.myDiscriminator,
    state: packet.state,
    diagnostic: packet.diagnostic,
    demand: packet.demand,
    controlPlaneIndependent: packet.controlPlaneIndependent,
    detectMultiplier: packet.detectMultiplier,
    desiredMinTxMicros: packet.desiredMinTxMicros,
    requiredMinRxMicros: packet.requiredMinRxMicros,
    requiredMinEchoRxMicros: packet.requiredMinEchoRxMicros,
  };
}
