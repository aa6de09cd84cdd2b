import type { Core, Instant } from "@herald/shared/core";
import type { IpFamily } from "@herald/shared/ip/address";
import { readU16 } from "@herald/wire/bytes";
import { BackOff } from "./back-off.ts";
import type { BmpDownReason, BmpEffect, BmpInput, BmpOptions, BmpSources } from "./bmp-effect.ts";
import { type BmpMessage, type EpochMs, encodeBmp, type PeerUp } from "./bmp-message.ts";
import { frame } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import { encodeUpdate, endOfRib } from "./update.ts";

/** As much as is handed out in one go, octets. */
const SEND_OCTETS = 65_536;

interface Monitored {
  readonly up: PeerUp;
  readonly at: EpochMs;
  /**
   * What is left of what it was told before; `due` where the station got nothing of it yet. Why later: to gather all of
   * it takes a while, and a node may have many peers.
   */
  dump: Iterator<Uint8Array> | "due" | undefined;
  /** What it was told since that was gathered, until it is done; counted in what waits. */
  held: Uint8Array[];
}

/**
 * Tells one monitoring station of our sessions, and all that routers are told in them (Adj-RIB-Out after policy, RFC 8671).
 * What routers tell us is not passed on: it is not kept either. A station that comes late gets the sessions there are and
 * what was told in them; one that reads too slowly loses the connection and begins anew.
 */
export class BmpExporter implements Core<BmpInput, BmpEffect> {
  readonly #options: BmpOptions;
  readonly #sources: BmpSources;
  readonly #backOff: BackOff;
  #state: "stopped" | "waiting" | "connecting" | "connected" = "stopped";
  /** Sessions that are up, by name; bounded by the configuration. */
  readonly #peers = new Map<string, Monitored>();
  /** Whole messages; bounded by `queueMaxOctets`. */
  #queue: Uint8Array[] = [];
  /** Of the queue and all that is held. */
  #waitingOctets = 0;
  #isSending = false;
  /** When to connect, or to give the connection up. */
  #due: Instant | undefined;
  #statsDue: Instant | undefined;
  #connectedAt: Instant | undefined;
  #effects: BmpEffect[] = [];

  constructor(options: BmpOptions, sources: BmpSources) {
    this.#options = options;
    this.#sources = sources;
    this.#backOff = new BackOff(options, sources.random);
  }

  handle(input: BmpInput, now: Instant): readonly BmpEffect[] {
    switch (input.type) {
      case "start":
        if (this.#state === "stopped") this.#connect(now);
        break;
      case "stop":
        this.#stop();
        break;
      case "connected":
        if (this.#state === "connecting") this.#begin(now);
        break;
      case "closed":
        if (this.#state === "connected") this.#lose("closed", input.why, now);
        else if (this.#state === "connecting") this.#lose("connect-failed", input.why, now);
        break;
      case "sent":
        this.#isSending = false;
        break;
      default:
        this.#hear(input, now);
    }
    return this.#settle(now);
  }

  wake(now: Instant): readonly BmpEffect[] {
    if (this.#due !== undefined && this.#due <= now) {
      if (this.#state === "waiting") this.#connect(now);
      else
        this.#giveUp(
          "connect-failed",
          `no connection within ${this.#options.connectTimeoutMs / 1_000} s`,
          now,
        );
    }
    if (this.#statsDue !== undefined && this.#statsDue <= now) {
      this.#statsDue = now + this.#options.statsMs;
      const at = this.#sources.epochMs(now);
      for (const [name, { up }] of this.#peers) {
        this.#put({ type: "stats", peer: up.peer, routes: this.#sources.count(name), at });
      }
    }
    return this.#settle(now);
  }

  nextWake(): Instant | undefined {
    const due = [this.#due, this.#statsDue].filter((each) => each !== undefined);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  #hear(input: Extract<BmpInput, { readonly name: string }>, now: Instant): void {
    const { name } = input;
    const at = this.#sources.epochMs(now);
    const known = this.#peers.get(name);
    switch (input.type) {
      case "up":
        this.#peers.set(name, { up: input.up, at, dump: undefined, held: [] });
        this.#put({ type: "peer-up", ...input.up, at });
        return;
      case "down":
        if (known === undefined) return;
        this.#peers.delete(name);
        for (const each of known.held) this.#waitingOctets -= each.length;
        this.#put({ type: "peer-down", peer: known.up.peer, end: input.end, at });
        return;
      case "told":
        // What is due will be as of then.
        if (known === undefined || known.dump === "due" || this.#state !== "connected") return;
        this.#pass(input.updates, known, at);
    }
  }

  #pass(updates: Uint8Array, known: Monitored, at: EpochMs): void {
    for (const update of messagesIn(updates)) {
      if (known.dump === undefined) this.#put({ type: "route-monitoring", peer: known.up.peer, update, at });
      else {
        const bytes = encodeBmp({ type: "route-monitoring", peer: known.up.peer, update, at });
        known.held.push(bytes);
        this.#waitingOctets += bytes.length;
      }
    }
  }

  #connect(now: Instant): void {
    this.#state = "connecting";
    this.#due = now + this.#options.connectTimeoutMs;
    this.#effects.push({ type: "connect" });
  }

  /** RFC 7854 §3.3, §5: who we are, then each session, then what was told in it. */
  #begin(now: Instant): void {
    this.#state = "connected";
    this.#due = undefined;
    this.#connectedAt = now;
    this.#statsDue = now + this.#options.statsMs;
    this.#effects.push({ type: "up" });
    const { sysName, sysDescr } = this.#options;
    this.#put({ type: "initiation", sysName, sysDescr });
    for (const known of this.#peers.values()) {
      this.#put({ type: "peer-up", ...known.up, at: known.at });
      known.dump = "due";
    }
  }

  #stop(): void {
    if (this.#state === "connected") {
      this.#effects.push({ type: "send", bytes: encodeBmp({ type: "termination" }) });
    }
    if (this.#state === "connected" || this.#state === "connecting") this.#effects.push({ type: "close" });
    this.#forget("stopped");
  }

  #giveUp(reason: BmpDownReason, text: string, now: Instant): void {
    this.#effects.push({ type: "close" });
    this.#lose(reason, text, now);
  }

  #lose(reason: BmpDownReason, text: string, now: Instant): void {
    const since = this.#connectedAt;
    if (since !== undefined && now - since >= this.#options.retryMaxMs) this.#backOff.reset();
    this.#forget("waiting");
    this.#due = now + this.#backOff.next();
    this.#effects.push({ type: "down", reason, text });
  }

  #forget(state: "stopped" | "waiting"): void {
    this.#state = state;
    this.#due = undefined;
    this.#statsDue = undefined;
    this.#connectedAt = undefined;
    this.#isSending = false;
    this.#queue = [];
    this.#waitingOctets = 0;
    for (const known of this.#peers.values()) {
      known.dump = undefined;
      known.held = [];
    }
  }

  #put(message: BmpMessage): void {
    if (this.#state !== "connected") return;
    const bytes = encodeBmp(message);
    this.#queue.push(bytes);
    this.#waitingOctets += bytes.length;
  }

  #settle(now: Instant): readonly BmpEffect[] {
    if (this.#waitingOctets > this.#options.queueMaxOctets) {
      this.#giveUp("slow", `${this.#waitingOctets} octets wait for a station that does not read`, now);
    }
    if (this.#state === "connected" && !this.#isSending) this.#send(now);
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  #send(now: Instant): void {
    const parts: Uint8Array[] = [];
    let octets = 0;
    while (octets < SEND_OCTETS) {
      if (this.#queue.length === 0 && !this.#dumpOne(now)) break;
      const all = this.#queue.splice(0);
      for (const each of all) octets += each.length;
      parts.push(...all);
    }
    if (parts.length === 0) return;
    this.#waitingOctets -= octets;
    this.#isSending = true;
    this.#effects.push({ type: "send", bytes: join(parts, octets) });
  }

  /** Puts one message more of what peers were told before. @returns whether there was something left of it. */
  #dumpOne(now: Instant): boolean {
    for (const [name, known] of this.#peers) {
      if (known.dump === undefined) continue;
      if (known.dump === "due") known.dump = this.#sources.told(name);
      const { peer } = known.up;
      const at = this.#sources.epochMs(now);
      const { value, done } = known.dump.next();
      if (!done) this.#put({ type: "route-monitoring", peer, update: value, at });
      else {
        known.dump = undefined;
        for (const family of this.#sources.families(name)) {
          this.#put({ type: "route-monitoring", peer, update: endOf(family), at });
        }
        this.#queue.push(...known.held.splice(0)); // counted already
      }
      return true;
    }
    return false;
  }
}

function endOf(family: IpFamily): Uint8Array {
  return frame(MESSAGE_TYPE.update, encodeUpdate(endOfRib(family), 4));
}

function* messagesIn(bytes: Uint8Array): Generator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + readU16(bytes, at + 16);
    yield bytes.subarray(at, end);
    at = end;
  }
}

function join(parts: readonly Uint8Array[], octets: number): Uint8Array {
  const whole = new Uint8Array(octets);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
