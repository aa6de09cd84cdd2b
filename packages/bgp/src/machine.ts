import type { Instant, Random } from "@herald/shared/core";
import { DecodeError } from "@herald/wire/bytes";
import { jittered } from "./back-off.ts";
import type { Counting } from "./counters.ts";
import type { BgpEffect, ConnectionId, Opens, SessionError } from "./effect.ts";
import type { LocalAddresses } from "./export.ts";
import { type Frame, Framer } from "./framer.ts";
import { frame } from "./header.ts";
import { CEASE, ERROR, MESSAGE_TYPE, OPEN_ERROR, STATE_MACHINE_ERROR } from "./iana.ts";
import { encodeMessage, type Message, type MessageName } from "./message.ts";
import { notificationFor } from "./message-error.ts";
import { keepaliveMs, type Negotiated, negotiate } from "./negotiate.ts";
import { decodeNotification, describeNotification, type Notification, notification } from "./notification.ts";
import { decodeOpen, type Open } from "./open.ts";
import type { SessionOptions } from "./options.ts";
import type { DownReason } from "./reasons.ts";
import { decodeRouteRefresh, type RouteRefresh } from "./route-refresh.ts";
import { type BgpAction, type BgpEvent, type BgpState, TRANSITIONS } from "./states.ts";
import { type DecodedUpdate, decodeUpdate } from "./update.ts";

/** "KEEPALIVE messages MUST NOT be sent more frequently than one per second" (RFC 4271 §4.4). */
const LEAST_KEEPALIVE_MS = 1_000;

/** What happened, where the name of the event does not say it all. */
export interface Why {
  /** What to call it if the connection ends by it. */
  readonly error: SessionError;
  /** What to tell the peer. */
  readonly answer?: Notification | undefined;
}

/** The session that a machine works for. */
export interface Host {
  readonly options: SessionOptions;
  readonly random: Random;
  readonly counters: Counting;
  emit(effect: BgpEffect): void;
  /** How to introduce ourselves now. */
  open(now: Instant): Open;
  /** Asks for a connection. @returns its number. */
  dial(): ConnectionId;
  /** One failure more. @returns when to try again; `undefined`: not by ourselves. */
  retryAt(machine: Machine, now: Instant): Instant | undefined;
  /** The same from Idle, where the time is the session's. */
  holdOff(machine: Machine, now: Instant): void;
  rest(machine: Machine): void;
  /**
   * The peer introduced itself, and fits. @returns whether this connection may go on, where there is another one
   * (RFC 4271 §6.8).
   */
  introduced(machine: Machine, now: Instant): boolean;
  /** The state is another one, or a connection has ended (`why`). */
  changed(machine: Machine, from: BgpState, why: Why | undefined, now: Instant): void;
  established(machine: Machine, now: Instant): void;
  heardUpdate(decoded: DecodedUpdate, body: Uint8Array): void;
  heardRefresh(machine: Machine, refresh: RouteRefresh, now: Instant): void;
}

/** One connection's state machine: the table of states.ts, its timers and its messages. */
export class Machine {
  readonly #host: Host;
  #state: BgpState = "idle";
  #framer = new Framer();
  #retryDue: Instant | undefined;
  #holdDue: Instant | undefined;
  #keepaliveDue: Instant | undefined;
  /** There is a connection, and our OPEN has to wait for the peer's. */
  #delayDue: Instant | undefined;
  #ourOpen: Open | undefined;
  #peerOpen: Uint8Array | undefined;
  /** The last that came. */
  #refresh: RouteRefresh | undefined;
  connection: ConnectionId | undefined;
  local: LocalAddresses | undefined;
  /** Of the last connection that got so far. */
  negotiated: Negotiated | undefined;
  constructor(host: Host) {
    this.#host = host;
  }

  get state(): BgpState {
    return this.#state;
  }

  /** Whether a connection was asked for and is not made yet. */
  get isDialling(): boolean {
    return this.#state === "connect" && this.#delayDue === undefined;
  }

  /** Neither connected nor connecting. */
  get isWaiting(): boolean {
    return this.#state === "idle" || (this.#state === "active" && this.#delayDue === undefined);
  }

  /** Whether the connection is one that we asked for. */
  get dialled(): boolean {
    return this.connection !== undefined && this.connection > 0;
  }

  /** What both sides introduced themselves with; `undefined` before they have. */
  get opens(): Opens | undefined {
    if (this.#ourOpen === undefined || this.#peerOpen === undefined) return undefined;
    return { sent: encodeMessage(this.#ourOpen), received: this.#peerOpen };
  }

  nextWake(): Instant | undefined {
    const due = [this.#retryDue, this.#holdDue, this.#keepaliveDue, this.#delayDue].filter(
      (each) => each !== undefined,
    );
    return due.length === 0 ? undefined : Math.min(...due);
  }

  wake(now: Instant): void {
    if (isDue(this.#retryDue, now)) this.on("retry-expires", now, because("connect-failed", this.#late()));
    if (isDue(this.#delayDue, now)) this.on("delay-expires", now);
    if (isDue(this.#holdDue, now)) this.on("hold-expires", now, this.#silence());
    if (isDue(this.#keepaliveDue, now)) this.on("keepalive-expires", now);
  }

  /** A connection is there: the one that was asked for, or one that the peer made. */
  connected(connection: ConnectionId, local: LocalAddresses, now: Instant): void {
    this.connection = connection;
    this.local = local;
    this.negotiated = undefined;
    this.#framer = new Framer();
    this.on(this.#host.options.delayOpenMs > 0 ? "connected-delayed" : "connected", now);
  }

  /** The connection is gone, or was never made: nothing is left to be closed. */
  ended(why: Why, now: Instant): void {
    this.connection = undefined;
    this.on("failed", now, why);
  }

  on(event: BgpEvent, now: Instant, why?: Why): void {
    const from = this.#state;
    const { next, actions } = TRANSITIONS[from][event];
    this.#state = next;
    // What ends a connection is told once it is done; what goes on in a new state, after that state.
    const ends = actions.includes("drop");
    if (!ends && from !== next) this.#host.changed(this, from, undefined, now);
    for (const action of actions) this.#perform(action, from, why, now);
    if (ends) this.#host.changed(this, from, why, now);
  }

  /** The session has other timers: KEEPALIVEs go by them now, and no wait for the next try is longer than it would be. */
  retime(now: Instant): void {
    const { options } = this.#host;
    const { negotiated } = this;
    if (negotiated !== undefined) {
      this.negotiated = { ...negotiated, keepaliveMs: keepaliveMs(options, negotiated.holdTimeSeconds) };
    }
    if (this.#keepaliveDue !== undefined) this.#runKeepalive(now);
    if (this.#state === "active" && this.#retryDue !== undefined) {
      this.#retryDue = Math.min(this.#retryDue, now + options.retryMaxMs);
    }
  }

  receive(bytes: Uint8Array, now: Instant): void {
    const connection = this.connection;
    if (this.isDialling) return; // the shell's slip: nothing comes over what is not made yet
    this.#host.counters.receivedOctets += bytes.length;
    this.#framer.push(bytes);
    // Each message may end the connection; what stands behind it then counts no more.
    while (this.connection === connection) {
      const frame = this.#nextFrame(now);
      if (frame === undefined) return;
      this.#take(frame, now);
    }
  }

  /** Whole messages, if the peer may hear them now. */
  send(name: MessageName, messages: readonly Uint8Array[], now: Instant): void {
    const { connection } = this;
    if (connection === undefined || messages.length === 0) return;
    const { counters } = this.#host;
    const bytes = messages.length === 1 ? (messages[0] as Uint8Array) : join(messages);
    counters.sent[name] += messages.length;
    counters.sentOctets += bytes.length;
    this.#host.emit({ type: "send", connection, bytes });
    if (this.#keepaliveDue !== undefined) this.#runKeepalive(now);
  }

  #nextFrame(now: Instant): Frame | undefined {
    try {
      return this.#framer.next();
    } catch (error) {
      this.#refuse(error, undefined, now);
      return undefined;
    }
  }

  #take({ type, body }: Frame, now: Instant): void {
    this.#host.counters.received[NAME[type] as MessageName] += 1;
    try {
      this.#understand(type, body, now);
    } catch (error) {
      this.#refuse(error, type, now);
    }
  }

  #understand(type: number, body: Uint8Array, now: Instant): void {
    switch (type) {
      case MESSAGE_TYPE.open:
        this.#meet(body, now);
        return;
      case MESSAGE_TYPE.update:
        if (this.#state === "established") this.#host.heardUpdate(this.#readUpdate(body), body);
        this.on("update", now, unexpected("UPDATE", this.#state));
        return;
      case MESSAGE_TYPE.notification:
        this.#bidFarewell(decodeNotification(body), now);
        return;
      case MESSAGE_TYPE.keepalive:
        this.on("keepalive", now, unexpected("KEEPALIVE", this.#state));
        return;
      case MESSAGE_TYPE.routeRefresh:
        this.#refresh = decodeRouteRefresh(body);
        this.on("route-refresh", now, unexpected("ROUTE-REFRESH", this.#state));
    }
  }

  #meet(body: Uint8Array, now: Instant): void {
    const isDelayed = this.#delayDue !== undefined;
    if (isDelayed || this.#state === "open-sent") {
      const ours = isDelayed ? this.#host.open(now) : (this.#ourOpen as Open);
      this.negotiated = negotiate(this.#host.options, ours, decodeOpen(body));
      this.#peerOpen = frame(MESSAGE_TYPE.open, body);
      if (!this.#host.introduced(this, now)) return;
    }
    this.on(isDelayed ? "open-delayed" : "open", now, unexpected("OPEN", this.#state));
  }

  #readUpdate(body: Uint8Array): DecodedUpdate {
    const { asnOctets, external } = this.negotiated as Negotiated;
    return decodeUpdate(body, { asnOctets, external, pathIds: [] });
  }

  #bidFarewell(said: Notification, now: Instant): void {
    const { cease, open } = ERROR;
    const version = said.code === open && said.subcode === OPEN_ERROR.unsupportedVersion;
    const collision = said.code === cease && said.subcode === CEASE.collision;
    const text = `the peer says: ${describeNotification(said)}`;
    const error = { reason: collision ? "collision" : "notification", text } as const;
    this.on(version ? "version-error" : "notification", now, { error, answer: said });
  }

  /** Only what the peer did wrong; everything else is our bug. */
  #refuse(error: unknown, type: number | undefined, now: Instant): void {
    if (!(error instanceof DecodeError)) throw error;
    const answer = notificationFor(error, type);
    const event = answer === undefined ? "failed" : (REFUSALS[answer.code] ?? "update-error");
    const reason = event === "open-error" ? "open-refused" : "protocol-error";
    const isSilent = answer === undefined || this.#delayDue !== undefined; // nothing goes before our OPEN
    const told = isSilent ? "" : `; told the peer: ${describeNotification(answer)}`;
    const why = {
      error: { reason, text: error.message + told },
      answer: isSilent ? undefined : answer,
    } as const;
    this.on(event, now, why);
  }

  #perform(action: BgpAction, state: BgpState, why: Why | undefined, now: Instant): void {
    switch (action) {
      case "dial":
        this.connection = this.#host.dial();
        this.#retryDue = now + this.#host.options.connectTimeoutMs;
        return;
      case "stop-retry":
        this.#retryDue = undefined;
        return;
      case "wait":
        this.#retryDue = this.#host.retryAt(this, now);
        return;
      case "hold-off":
        this.#host.holdOff(this, now);
        return;
      case "rest":
        this.#host.rest(this);
        return;
      case "drop":
        this.#drop();
        return;
      case "delay-open":
        this.#delayDue = now + this.#host.options.delayOpenMs;
        return;
      case "send-open":
        this.#introduce(now);
        return;
      case "agree":
        this.#agree(now);
        return;
      case "send-keepalive":
        this.#say({ type: "keepalive" }, now);
        return;
      case "heard":
        this.#runHold(now);
        return;
      case "announce":
        this.#host.established(this, now);
        return;
      case "announce-again":
        if (this.#refresh !== undefined) this.#host.heardRefresh(this, this.#refresh, now);
        return;
      case "notify":
        if (why?.answer !== undefined) this.#say(why.answer, now);
        return;
      case "complain":
        this.#say(notification(ERROR.stateMachine, COMPLAINTS[state] ?? STATE_MACHINE_ERROR.unspecific), now);
        return;
    }
  }

  #introduce(now: Instant): void {
    this.#delayDue = undefined;
    this.#ourOpen = this.#host.open(now);
    this.#holdDue = now + this.#host.options.openTimeoutMs;
    this.#say(this.#ourOpen, now);
  }

  #agree(now: Instant): void {
    const { receiveMaxOctets } = this.negotiated as Negotiated;
    this.#framer.allow(receiveMaxOctets);
    this.#runHold(now);
    this.#runKeepalive(now);
    this.#say({ type: "keepalive" }, now);
  }

  #runHold(now: Instant): void {
    const seconds = this.negotiated?.holdTimeSeconds ?? 0;
    this.#holdDue = seconds === 0 ? undefined : now + seconds * 1_000;
  }

  #runKeepalive(now: Instant): void {
    const ms = this.negotiated?.keepaliveMs ?? 0;
    const gap = Math.max(LEAST_KEEPALIVE_MS, jittered(ms, this.#host.random));
    this.#keepaliveDue = ms === 0 ? undefined : now + gap;
  }

  #drop(): void {
    if (this.connection !== undefined) this.#host.emit({ type: "close", connection: this.connection });
    this.connection = undefined;
    this.#retryDue = undefined;
    this.#holdDue = undefined;
    this.#keepaliveDue = undefined;
    this.#delayDue = undefined;
  }

  #say(message: Message, now: Instant): void {
    this.send(message.type, [encodeMessage(message)], now);
  }

  #late(): string {
    return `no connection within ${this.#host.options.connectTimeoutMs / 1_000} s`;
  }

  #silence(): Why {
    const error = { reason: "hold-expired", text: this.#silenceInWords() } as const;
    return { error, answer: notification(ERROR.holdTimer, 0) };
  }

  /** Why so many words: a router that demands a TTL (GTSM) takes connections, may introduce itself, and hears nothing of us. */
  #silenceInWords(): string {
    const seconds = this.negotiated?.holdTimeSeconds;
    if (this.#state === "open-sent") {
      return `no OPEN within ${this.#host.options.openTimeoutMs / 1_000} s, although there was a connection`;
    }
    if (this.#state !== "open-confirm") return `nothing heard for the hold time of ${seconds} s`;
    return `no answer to our OPEN within the hold time of ${seconds} s: the peer may not hear us, if it demands a TTL (GTSM)`;
  }
}

/** Without anything to tell the peer. */
export function because(reason: DownReason, text: string): Why {
  return { error: { reason, text } };
}

const NAME: Readonly<Record<number, MessageName>> = {
  [MESSAGE_TYPE.open]: "open",
  [MESSAGE_TYPE.update]: "update",
  [MESSAGE_TYPE.notification]: "notification",
  [MESSAGE_TYPE.keepalive]: "keepalive",
  [MESSAGE_TYPE.routeRefresh]: "route-refresh",
};

const REFUSALS: Readonly<Record<number, BgpEvent>> = {
  [ERROR.header]: "header-error",
  [ERROR.open]: "open-error",
};

const COMPLAINTS: Readonly<Partial<Record<BgpState, number>>> = {
  "open-sent": STATE_MACHINE_ERROR.openSent,
  "open-confirm": STATE_MACHINE_ERROR.openConfirm,
  established: STATE_MACHINE_ERROR.established,
};

function unexpected(what: string, state: BgpState): Why {
  return because("protocol-error", `${what} in state ${state}`);
}

function isDue(due: Instant | undefined, now: Instant): boolean {
  return due !== undefined && due <= now;
}

function join(messages: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(messages.reduce((sum, message) => sum + message.length, 0));
  let at = 0;
  for (const message of messages) {
    bytes.set(message, at);
    at += message.length;
  }
  return bytes;
}
