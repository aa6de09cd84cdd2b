import type { Instant, Random } from "@herald/shared/core";
import type { Authenticator } from "./authentication.ts";
import { DIAGNOSTIC, DIAGNOSTIC_WORDS } from "./iana.ts";
import type { BfdOptions } from "./options.ts";
import { type ControlPacket, encodePacket } from "./packet.ts";
import { type BfdDownReason, type BfdDropReason, IS_FAILURE } from "./reasons.ts";
import type { SessionEffect, SessionInput } from "./session-effect.ts";
import { type BfdState, NEXT_STATE } from "./states.ts";
import { type Remote, remoteOf, type SessionStatus } from "./status.ts";
import { GRACE_MS, jitter, type OurTimers, ourTimers, toMicros, untilFinal } from "./timing.ts";

/** A Poll Sequence under way (RFC 5880 §6.5). */
interface Poll {
  /** What counted before it. */
  readonly before: OurTimers;
  /** Whether a packet of it has gone: no Final is the answer to it before that. */
  asked: boolean;
}

/**
 * One session in asynchronous mode (RFC 5880 §6.2, §6.8). Nearly everything is derived from what was said last, by whom and
 * when; so there is no timer that could be forgotten when an interval changes.
 *
 * Not done: demand mode of our own, echo packets of our own. The peer's demand mode is honoured.
 */
export class BfdSession {
  readonly #discriminator: number;
  readonly #authenticator: Authenticator | undefined;
  readonly #random: Random;
  #options: BfdOptions;
  #state: BfdState = "down";
  #since: Instant;
  #diagnostic: number = DIAGNOSTIC.none;
  /** `undefined` while bfd.RemoteDiscr is 0. */
  #remote: Remote | undefined;
  #heardAt: Instant;
  /** Twice the detection time after that: the peer's sequence numbers may have begun anew (bfd.AuthSeqKnown, §6.8.1). */
  #forgetAt: Instant;
  /** Set once the detection time is over: when that is the verdict. */
  #verdictAt: Instant | undefined;
  #sentAt: Instant | undefined;
  /** Share of the interval until the next periodic packet. */
  #share = 1;
  #poll: Poll | undefined;
  /** Whether a packet without Final came after the last Poll Sequence: only then may there be another (§6.8.3). */
  #settled = true;
  /** Options that have to wait for that. */
  #waiting: BfdOptions | undefined;
  readonly #counters = { sent: 0, received: 0, up: 0, down: 0 };

  /** @param discriminator not 0, and no other session's here. */
  constructor(
    discriminator: number,
    options: BfdOptions,
    authenticator: Authenticator | undefined,
    random: Random,
    now: Instant,
  ) {
    this.#discriminator = discriminator;
    this.#options = options;
    this.#authenticator = authenticator;
    this.#random = random;
    this.#since = now;
    this.#heardAt = now;
    this.#forgetAt = now;
  }

  handle(input: SessionInput, now: Instant): readonly SessionEffect[] {
    switch (input.type) {
      case "packet":
        return this.#receive(input.packet, input.bytes, now);
      case "configure":
        return this.#configure(input.options, now);
      case "disable":
        if (this.#state === "admin-down") return [];
        return [
          ...this.#enter("admin-down", DIAGNOSTIC.administrativelyDown, "disabled", now),
          ...this.#sendChange(now),
        ];
      case "enable":
        if (this.#state !== "admin-down") return [];
        return [...this.#enter("down", this.#diagnostic, "disabled", now), ...this.#sendChange(now)];
    }
  }

  wake(now: Instant): readonly SessionEffect[] {
    const effects: SessionEffect[] = [];
    const detection = this.#detectionDue();
    if (detection !== undefined && detection <= now) {
      if (this.#verdictAt === undefined) this.#verdictAt = now + GRACE_MS;
      else effects.push(...this.#expire(now));
    }
    const transmission = this.#transmissionDue();
    if (transmission !== undefined && transmission <= now) effects.push(this.#send(now, false));
    return effects;
  }

  nextWake(): Instant | undefined {
    const detection = this.#detectionDue();
    const transmission = this.#transmissionDue();
    if (detection === undefined || transmission === undefined) return detection ?? transmission;
    return Math.min(detection, transmission);
  }

  status(): SessionStatus {
    return {
      state: this.#state,
      since: this.#since,
      diagnostic: this.#diagnostic,
      localDiscriminator: this.#discriminator,
      remote: this.#remote,
      transmitIntervalMs: this.#isSilent() ? undefined : this.#transmitMs(),
      detectionTimeMs: this.#detectionMs(),
      counters: { ...this.#counters },
    };
  }

  /** Whether the peer has to be told that the session is shut down, and has not confirmed it yet. */
  owesFarewell(): boolean {
    return this.#remote !== undefined && this.#poll !== undefined;
  }

  /** RFC 5880 §6.8.6, from the checks of the A bit on. */
  #receive(packet: ControlPacket, bytes: Uint8Array, now: Instant): readonly SessionEffect[] {
    const refusal = this.#judge(packet, bytes, now);
    if (refusal !== undefined) return [{ type: "drop", reason: refusal }];
    this.#hear(packet, now);
    if (packet.final && this.#poll?.asked === true) {
      this.#poll = undefined;
      this.#settled = false;
    } else if (!packet.final) this.#settled = true;
    if (this.#state === "admin-down") return [{ type: "drop", reason: "admin-down" }];
    this.#counters.received += 1;
    const next = NEXT_STATE[this.#state][packet.state];
    const changes = next === this.#state ? [] : this.#follow(next, packet, now);
    const configured = this.#applyWaiting();
    if (packet.poll) return [...changes, this.#send(now, true)];
    return changes.length > 0 || configured ? [...changes, ...this.#sendChange(now)] : changes;
  }

  #judge(packet: ControlPacket, bytes: Uint8Array, now: Instant): BfdDropReason | undefined {
    const authenticator = this.#authenticator;
    if (authenticator === undefined) {
      return packet.authentication === undefined ? undefined : "unexpected-authentication";
    }
    if (now >= this.#forgetAt) authenticator.forget();
    return authenticator.judge(packet, bytes);
  }

  #hear(packet: ControlPacket, now: Instant): void {
    this.#heardAt = now;
    this.#verdictAt = undefined;
    this.#remote = remoteOf(packet);
    this.#forgetAt = now + 2 * (this.#detectionMs() ?? 0);
  }

  /** Goes where the peer's state leads. */
  #follow(next: BfdState, packet: ControlPacket, now: Instant): readonly SessionEffect[] {
    if (next !== "down") {
      return this.#enter(next, next === "up" ? DIAGNOSTIC.none : this.#diagnostic, "peer-down", now);
    }
    const reason = packet.state === "admin-down" ? "peer-admin-down" : "peer-down";
    return this.#enter(next, DIAGNOSTIC.neighborSignaledDown, reason, now);
  }

  /** Nothing was heard for the detection time (RFC 5880 §6.8.4). */
  #expire(now: Instant): readonly SessionEffect[] {
    const wasUpOrInit = this.#state === "up" || this.#state === "init";
    const effects = wasUpOrInit
      ? this.#enter("down", DIAGNOSTIC.detectionExpired, "detection-expired", now)
      : [];
    // Why all of it: bfd.RemoteDiscr must go, and the rest may after a detection time (§6.8.1). A peer that wanted no packets
    // may come back as one that waits for them.
    this.#remote = undefined;
    this.#verdictAt = undefined;
    return wasUpOrInit ? [...effects, ...this.#sendChange(now)] : [];
  }

  #enter(to: BfdState, diagnostic: number, reason: BfdDownReason, now: Instant): readonly SessionEffect[] {
    const from = this.#state;
    const text = this.#storyOf(reason);
    const before = this.#inForce();
    const wanted = this.#wanted();
    this.#state = to;
    this.#since = now;
    this.#diagnostic = diagnostic;
    if (from === "up") this.#applyOptions(this.#waiting ?? this.#options);
    const paceChanges = this.#wanted().desiredMinTxMicros !== wanted.desiredMinTxMicros;
    if (paceChanges || to === "admin-down") this.#poll = { before, asked: false };
    const state: SessionEffect = { type: "state", from, to };
    if (to === "up") this.#counters.up += 1;
    if (from !== "up") return [state];
    this.#counters.down += 1;
    return [state, { type: "down", reason, text, failed: IS_FAILURE[reason] }];
  }

  #configure(options: BfdOptions, now: Instant): readonly SessionEffect[] {
    this.#waiting = options;
    return this.#applyWaiting() ? this.#sendChange(now) : [];
  }

  /** @returns whether the peer has to be told of new ones. */
  #applyWaiting(): boolean {
    const options = this.#waiting;
    if (options === undefined) return false;
    if (this.#state === "up" && (this.#poll !== undefined || !this.#settled)) return false;
    const before = this.#inForce();
    const wanted = this.#wanted();
    this.#applyOptions(options);
    const now = this.#wanted();
    const isNew =
      now.desiredMinTxMicros !== wanted.desiredMinTxMicros ||
      now.requiredMinRxMicros !== wanted.requiredMinRxMicros;
    // In demand mode nothing is told but by a Poll Sequence (§6.6).
    if (isNew || this.#isDemanded()) this.#poll = { before, asked: false };
    return true;
  }

  #applyOptions(options: BfdOptions): void {
    this.#options = options;
    this.#waiting = undefined;
  }

  /** Between periodic packets, because something is new (RFC 5880 §6.8.7). */
  #sendChange(now: Instant): readonly SessionEffect[] {
    return this.#mustNotSpeakFirst() ? [] : [this.#send(now, false)];
  }

  #send(now: Instant, final: boolean): SessionEffect {
    const poll = !final && this.#poll !== undefined;
    if (poll && this.#poll !== undefined) this.#poll.asked = true;
    if (!final) {
      this.#sentAt = now;
      this.#share = jitter(this.#random, this.#options.detectMultiplier);
    }
    this.#counters.sent += 1;
    const packet = this.#packet(poll, final);
    return { type: "send", bytes: this.#authenticator?.encode(packet) ?? encodePacket(packet) };
  }

  #packet(poll: boolean, final: boolean): ControlPacket {
    return {
      diagnostic: this.#diagnostic,
      state: this.#state,
      poll,
      final,
      controlPlaneIndependent: false, // BFD runs in the process that speaks BGP, and ends with it
      demand: false,
      detectMultiplier: this.#options.detectMultiplier,
      myDiscriminator: this.#discriminator,
      yourDiscriminator: this.#remote?.discriminator ?? 0,
      ...this.#wanted(),
      requiredMinEchoRxMicros: toMicros(this.#options.echoReceiveMs),
      authentication: undefined,
    };
  }

  /** What we tell. */
  #wanted(): OurTimers {
    return ourTimers(this.#options, this.#state);
  }

  /** What counts now. */
  #inForce(): OurTimers {
    const wanted = this.#wanted();
    return this.#poll === undefined || this.#state !== "up" ? wanted : untilFinal(this.#poll.before, wanted);
  }

  #transmissionDue(): Instant | undefined {
    if (this.#isSilent()) return undefined;
    return this.#sentAt === undefined ? this.#since : this.#sentAt + this.#transmitMs() * this.#share;
  }

  /** RFC 5880 §6.8.7. Before anything was heard bfd.RemoteMinRxInterval is 1. */
  #transmitMs(): number {
    return Math.max(this.#inForce().desiredMinTxMicros, this.#remote?.requiredMinRxMicros ?? 1) / 1_000;
  }

  /** Whether there are no periodic packets (RFC 5880 §6.8.7). */
  #isSilent(): boolean {
    if (this.#mustNotSpeakFirst() || this.#remote?.requiredMinRxMicros === 0) return true;
    return this.#isDemanded() && this.#poll === undefined;
  }

  #mustNotSpeakFirst(): boolean {
    return this.#options.passive && this.#remote === undefined;
  }

  /** Whether demand mode is active on the peer's side. */
  #isDemanded(): boolean {
    return this.#state === "up" && this.#remote?.state === "up" && this.#remote.demand;
  }

  #detectionDue(): Instant | undefined {
    if (this.#verdictAt !== undefined) return this.#verdictAt;
    const detectionMs = this.#detectionMs();
    return detectionMs === undefined ? undefined : this.#heardAt + detectionMs;
  }

  /** RFC 5880 §6.8.4, without demand mode on our side. */
  #detectionMs(): number | undefined {
    if (this.#remote === undefined) return undefined;
    const { detectMultiplier, desiredMinTxMicros } = this.#remote;
    return (detectMultiplier * Math.max(this.#inForce().requiredMinRxMicros, desiredMinTxMicros)) / 1_000;
  }

  #storyOf(reason: BfdDownReason): string {
    if (reason === "disabled") return "shut down on this side";
    if (reason === "detection-expired") return `nothing heard for ${this.#detectionMs()} ms`;
    const diagnostic = this.#remote?.diagnostic ?? 0;
    const words = DIAGNOSTIC_WORDS[diagnostic] ?? `diagnostic ${diagnostic}`;
    return reason === "peer-admin-down" ? `shut down by the peer: ${words}` : `the peer went down: ${words}`;
  }
}
