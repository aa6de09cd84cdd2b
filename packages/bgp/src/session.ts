import type { Core, Instant, Random } from "@herald/shared/core";
import type { IpFamily } from "@herald/shared/ip/address";
import { BackOff } from "./back-off.ts";
import { COLLISION, yields } from "./collision.ts";
import { type Counters, zeroCounters } from "./counters.ts";
import type { BgpEffect, BgpInput, ConnectionId, SessionError, Stop } from "./effect.ts";
import { isSameLocal, type LocalAddresses } from "./export.ts";
import { ipFamilyOf } from "./family.ts";
import { stopMachine } from "./farewell.ts";
import { Hearing } from "./hearing.ts";
import { CEASE, ERROR, OPEN_ERROR, REFRESH } from "./iana.ts";
import { because, type Host, Machine, type Why } from "./machine.ts";
import type { Negotiated } from "./negotiate.ts";
import { cease } from "./notification.ts";
import type { Open } from "./open.ts";
import type { SessionOptions, SessionTimers } from "./options.ts";
import { ourOpen } from "./our-open.ts";
import type { RouteRefresh } from "./route-refresh.ts";
import type { BgpState } from "./states.ts";
import { Telling } from "./telling.ts";
import type { DecodedUpdate } from "./update.ts";

/**
 * How long a peer is taken for one that refuses capabilities while it is silent, ms, and longer where we pause longer: by then
 * it may be another router, which would go without for as long as the session lasts.
 */
const PLAIN_MS = 3_600_000;

/** How it stands with a peer, for status and metrics. */
export interface SessionStatus {
  readonly state: BgpState;
  readonly since: Instant;
  /** The last that went wrong, also when all is well again. */
  readonly lastError: (SessionError & { readonly at: Instant }) | undefined;
  /** The last that one side told the other, which says more than the silence that may follow. */
  readonly lastNotification: SessionStatus["lastError"];
  /** In a row. */
  readonly failures: number;
  /** From OpenConfirm on. */
  readonly negotiated: Negotiated | undefined;
  /** Routes that the peer has of us. */
  readonly told: Readonly<Record<IpFamily, number>>;
  readonly draining: boolean;
  readonly counters: Counters;
}

/**
 * All with one peer: one session at a time, made over and over as long as it is wanted (RFC 4271 §8), and what the peer is
 * told. Routes of the peer are counted and forgotten.
 */
export class BgpSession implements Core<BgpInput, BgpEffect>, Host {
  options: SessionOptions;
  readonly random: Random;
  readonly counters = zeroCounters();
  readonly #backOff: BackOff;
  readonly #telling: Telling;
  readonly #hearing: Hearing;
  #effects: BgpEffect[] = [];
  /** The one that counts, and another connection of the peer's while it is not clear which of both stays (§6.8). */
  #primary: Machine;
  #contender: Machine | undefined;
  #wanted = false;
  #connections = 0;
  /** IdleHoldTimer: when to start again. */
  #idleHoldDue: Instant | undefined;
  /** Until when not to say what we can do: the peer refused to hear it, and has not said anything else since. */
  #plainUntil: Instant | undefined;
  /** Until when the peer may still have routes from before we were started. */
  #restartingUntil: Instant | undefined;
  #since: Instant = 0;
  /** Of the last session, until its end is dealt with. */
  #establishedAt: Instant | undefined;
  #lastError: SessionStatus["lastError"];
  #lastNotification: SessionStatus["lastError"];
  constructor(options: SessionOptions, random: Random) {
    this.options = options;
    this.random = random;
    this.#backOff = new BackOff(options, random);
    this.#telling = new Telling(options, (effect) => this.emit(effect));
    this.#hearing = new Hearing(this.counters, (effect) => this.emit(effect));
    this.#primary = new Machine(this);
  }

  status(): SessionStatus {
    const { state, negotiated } = this.#primary;
    return {
      state,
      since: this.#since,
      lastError: this.#lastError,
      lastNotification: this.#lastNotification,
      failures: this.#backOff.failures,
      negotiated: state === "open-confirm" || state === "established" ? negotiated : undefined,
      told: { 4: this.#telling.count(4), 6: this.#telling.count(6) },
      draining: this.#telling.draining,
      counters: this.counters,
    };
  }

  /** All that the peer was told and still has, as UPDATEs; as of now, whenever the next one is taken. */
  told(): Generator<Uint8Array, void> {
    return this.#telling.told();
  }

  handle(input: BgpInput, now: Instant): readonly BgpEffect[] {
    this.#take(input, now);
    return this.#settle(now);
  }

  wake(now: Instant): readonly BgpEffect[] {
    this.#primary.wake(now);
    this.#contender?.wake(now);
    this.#telling.wake(now);
    return this.#settle(now);
  }

  nextWake(): Instant | undefined {
    const [one, other] = [this.#primary.nextWake(), this.#contender?.nextWake()];
    const due = [one, other, this.#idleHoldDue, this.#telling.nextWake()].filter(
      (each) => each !== undefined,
    );
    return due.length === 0 ? undefined : Math.min(...due);
  }

  #take(input: BgpInput, now: Instant): void {
    switch (input.type) {
      case "start":
        this.#start(now);
        return;
      case "stop":
        this.#stop(input, now);
        return;
      case "connected":
        if (this.#primary.isDialling && this.#primary.connection === input.connection) {
          this.#primary.connected(input.connection, input.local, now);
        }
        return;
      case "accepted":
        this.#accept(input.connection, input.local, now);
        return;
      case "closed":
        this.#closed(input.connection, input.why, now);
        return;
      case "bytes":
        this.#machineOf(input.connection)?.receive(input.bytes, now);
        return;
      case "peer-down":
        this.#peerDown(input.why, now);
        return;
      case "reachable":
        this.#hurry(now);
        return;
      default:
        this.#takeOurs(input, now);
    }
  }

  /** What is new on this side. */
  #takeOurs(
    input: Extract<BgpInput, { type: "routes" | "drain" | "announce-again" | "addresses" | "timers" }>,
    now: Instant,
  ): void {
    switch (input.type) {
      case "timers":
        this.#retime(input.timers, now);
        return;
      case "addresses":
        this.#readdress(input.connection, input.local, now);
        return;
      case "routes":
        this.#telling.want(input.routes, now);
        return;
      case "drain":
        this.#telling.drain(input.draining, now);
        return;
      case "announce-again":
        for (const family of this.options.families) this.#telling.again(family, now);
    }
  }

  #start(now: Instant): void {
    if (this.#wanted) return;
    this.#wanted = true;
    const restart = this.options.gracefulRestart;
    if (restart?.restarting && this.#restartingUntil === undefined) {
      this.#restartingUntil = now + restart.restartTimeSeconds * 1_000;
    }
    this.#begin(now);
  }

  #begin(now: Instant): void {
    this.#idleHoldDue = undefined;
    this.#primary.on(this.options.passive ? "start-passive" : "start", now);
  }

  #stop(stop: Stop, now: Instant): void {
    if (!this.#wanted) return;
    this.#wanted = false;
    for (const machine of [this.#contender, this.#primary]) {
      if (machine !== undefined) stopMachine(machine, stop, now);
    }
    this.#idleHoldDue = undefined;
  }

  #accept(connection: ConnectionId, local: LocalAddresses, now: Instant): void {
    if (!this.#wanted || this.#primary.state === "idle") {
      this.emit({ type: "close", connection });
      const detail = this.#wanted ? "too soon after an error" : "no session is wanted";
      this.emit({ type: "notice", reason: "connection-refused", detail });
      return;
    }
    if (this.#primary.isWaiting) {
      this.#primary.connected(connection, local, now);
      return;
    }
    // Why the newer one: the peer would not connect again if it still knew of the other.
    this.#contender?.on("collision", now, COLLISION);
    this.#contender = new Machine(this);
    this.#contender.on("start-passive", now);
    this.#contender.connected(connection, local, now);
  }

  #closed(connection: ConnectionId, why: string, now: Instant): void {
    const machine = this.#machineOf(connection);
    if (machine === undefined) return;
    const made = !machine.isDialling;
    const text = made ? "the connection was closed" : "no connection";
    const detail = why === "" ? "" : `: ${why}`;
    machine.ended(because(made ? "closed" : "connect-failed", text + detail), now);
  }

  #readdress(connection: ConnectionId, local: LocalAddresses, now: Instant): void {
    const machine = this.#machineOf(connection);
    if (machine?.local === undefined || isSameLocal(machine.local, local)) return;
    machine.local = local;
    this.#telling.readdressed(machine, now);
  }

  #retime(timers: SessionTimers, now: Instant): void {
    this.options = { ...this.options, ...timers };
    this.#backOff.retime(this.options);
    this.#telling.retime(this.options);
    for (const machine of [this.#primary, this.#contender]) machine?.retime(now);
    if (this.#idleHoldDue === undefined) return;
    this.#idleHoldDue = Math.min(this.#idleHoldDue, now + timers.retryMaxMs);
  }

  #peerDown(why: string, now: Instant): void {
    const error = { reason: "peer-down", text: why === "" ? "BFD lost the peer" : `BFD: ${why}` } as const;
    for (const machine of [this.#contender, this.#primary]) {
      machine?.on("peer-down", now, { error, answer: cease(CEASE.bfdDown) });
    }
  }

  #hurry(now: Instant): void {
    if (!this.#wanted || this.options.passive) return;
    if (this.#idleHoldDue !== undefined) this.#begin(now);
    else if (this.#primary.isWaiting) this.#primary.on("retry-expires", now);
  }

  #machineOf(connection: ConnectionId): Machine | undefined {
    if (this.#primary.connection === connection) return this.#primary;
    return this.#contender?.connection === connection ? this.#contender : undefined;
  }

  /** Puts in order what the last input has left, until there is one machine, or two with a connection each. */
  #settle(now: Instant): readonly BgpEffect[] {
    const contender = this.#contender;
    if (contender?.isWaiting) this.#contender = undefined;
    if (this.#contender !== undefined && this.#primary.isWaiting) this.#promote(this.#contender, now);
    if (this.#wanted && this.#idleHoldDue !== undefined && this.#idleHoldDue <= now) this.#begin(now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** The other connection is the session's from now on. */
  #promote(machine: Machine, now: Instant): void {
    const old = this.#primary;
    const { state } = old;
    this.#primary = machine;
    this.#contender = undefined;
    this.#idleHoldDue = undefined;
    old.on("restart", now);
    this.#changed(state, machine.state, now);
  }

  #changed(from: BgpState, to: BgpState, now: Instant): void {
    if (from === to) return;
    this.emit({ type: "state", from, to });
    this.#since = now;
    if (from !== "established") return;
    this.counters.lost += 1;
    this.#telling.end();
  }

  /** A session that lasted shows that all is well with the peer. One that does not is tried ever less often. */
  #nextWait(now: Instant): number {
    const began = this.#establishedAt;
    this.#establishedAt = undefined;
    if (began !== undefined && now - began >= this.options.retryMaxMs) this.#backOff.reset();
    return this.#backOff.next();
  }

  // ---- what the machines ask for

  emit(effect: BgpEffect): void {
    this.#effects.push(effect);
  }

  open(now: Instant): Open {
    const restarting = this.#restartingUntil !== undefined && now < this.#restartingUntil;
    const isPlain = this.#plainUntil !== undefined && now < this.#plainUntil;
    return ourOpen(this.options, !isPlain, restarting);
  }

  dial(): ConnectionId {
    this.#connections += 1;
    this.emit({ type: "connect", connection: this.#connections });
    return this.#connections;
  }

  retryAt(machine: Machine, now: Instant): Instant | undefined {
    if (machine !== this.#primary) return undefined;
    const wait = this.#nextWait(now);
    return this.options.passive ? undefined : now + wait;
  }

  /** Who waits to be called has nothing to hold off: the peer tries as often as it likes. */
  holdOff(machine: Machine, now: Instant): void {
    if (machine !== this.#primary) return;
    const wait = this.#nextWait(now);
    this.#idleHoldDue = this.options.passive ? now : now + wait;
  }

  rest(machine: Machine): void {
    if (machine !== this.#primary) return;
    this.#establishedAt = undefined;
    this.#backOff.reset();
  }

  introduced(machine: Machine, now: Instant): boolean {
    const other = machine === this.#primary ? this.#contender : this.#primary;
    if (other === undefined || (other.state !== "open-confirm" && other.state !== "established")) return true;
    if (yields(other, machine, this.options)) {
      // RFC 4724 §4.2: a peer that restarts comes on a new connection, and the old one ends without a word.
      if (other.state === "established") other.on("failed", now, because("closed", "the peer came back"));
      else other.on("collision", now, COLLISION);
      return true;
    }
    machine.on("collision", now, COLLISION);
    return false;
  }

  changed(machine: Machine, from: BgpState, why: Why | undefined, now: Instant): void {
    const primary = machine === this.#primary;
    if (!primary && machine !== this.#contender) return;
    const established = primary && from === "established" && machine.state !== "established";
    if (primary) this.#changed(from, machine.state, now);
    if (why === undefined || (!established && isQuiet(why) && this.#hasBeside(machine))) return;
    if (!primary && !this.#wanted) return; // it only shares the fate of the other
    if (!primary && this.#primary.state === "established") {
      this.#endedBeside(why);
      return;
    }
    this.#judgeOpen(from, why, now);
    this.#lastError = { ...why.error, at: now };
    if (why.answer !== undefined) this.#lastNotification = this.#lastError;
    this.emit({ type: "down", error: why.error, established, notification: why.answer });
  }

  /** What to say in the next OPEN, after what came of this one. */
  #judgeOpen(from: BgpState, why: Why, now: Instant): void {
    if (isUnanswered(from, why)) return;
    const plainMs = Math.max(PLAIN_MS, 2 * this.options.retryMaxMs);
    this.#plainUntil = refusesCapabilities(why) ? now + plainMs : undefined;
  }

  /** Whoever it was that spoke from the peer's address: the session goes on. Unless it is to go, too, and will say so. */
  #endedBeside({ error }: Why): void {
    if (error.reason === "peer-down") return;
    this.emit({ type: "notice", reason: "other-connection", detail: error.text });
  }

  #hasBeside(machine: Machine): boolean {
    const other = machine === this.#primary ? this.#contender : this.#primary;
    return other !== undefined && !other.isWaiting;
  }

  established(machine: Machine, now: Instant): void {
    if (machine !== this.#primary) this.#promote(machine, now);
    this.counters.established += 1;
    this.#establishedAt = now;
    this.#restartingUntil = undefined;
    const { negotiated, connection, local, opens } = machine;
    if (negotiated && connection !== undefined && local && opens)
      this.emit({ type: "established", negotiated, connection, local, opens });
    for (const family of this.options.families) {
      if (negotiated?.families.includes(family)) continue;
      this.emit({
        type: "notice",
        reason: "family-refused",
        detail: `the peer takes no routes of IPv${family}`,
      });
    }
    this.#hearing.begin();
    this.#telling.begin(machine, now);
  }

  heardUpdate(decoded: DecodedUpdate, body: Uint8Array): void {
    this.#hearing.heard(decoded, body);
  }

  /** RFC 7313 §4: what begins and ends an answer has no place here, since we never ask. */
  heardRefresh(machine: Machine, { family, subtype }: RouteRefresh, now: Instant): void {
    const ip = ipFamilyOf(family);
    if (subtype !== REFRESH.request || ip === undefined || machine !== this.#primary) return;
    this.#telling.again(ip, now);
  }
}

/** How one of two connections ends that both sides made at once: routers say so, or just close it. */
function isQuiet({ error }: Why): boolean {
  return error.reason === "collision" || error.reason === "closed";
}

/** Whether the peer said nothing of our OPEN: routers take no connections for minutes after they refused one. */
function isUnanswered(from: BgpState, { error, answer }: Why): boolean {
  if (from === "open-confirm" || from === "established") return false;
  return error.reason === "connect-failed" || error.reason === "closed" || answer?.code === ERROR.cease;
}

/** RFC 5492 §3: "then the BGP speaker SHOULD attempt to re-establish … without sending … the Capabilities". */
function refusesCapabilities({ error, answer }: Why): boolean {
  if (error.reason !== "notification") return false;
  return answer?.code === ERROR.open && answer.subcode === OPEN_ERROR.unsupportedParameter;
}
