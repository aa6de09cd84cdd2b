import type { Core, Instant, Random } from "@herald/shared/core";
import { Application, type ApplicationPorts, SHORTEST_USER_OCTETS } from "./application.ts";
import { Awareness } from "./awareness.ts";
import { Broadcasts, type News, SHORTEST_NEWS_OCTETS } from "./broadcasts.ts";
import type { SwimEffect, SwimInput } from "./effect.ts";
import { Exchanges } from "./exchanges.ts";
import type { Member } from "./member.ts";
import { type Identity, Membership } from "./membership.ts";
import type { DatagramMessage, Endpoint, Ping, StreamMessage, User } from "./message.ts";
import type { SwimOptions } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { type Measure, Post } from "./post.ts";
import { Prober } from "./prober.ts";
import { Relays } from "./relays.ts";
import { Responder } from "./responder.ts";
import { Streams } from "./streams.ts";

/** What the outside may want to know of a member at work; each is bounded. */
export interface SwimHealth {
  /** 0 is well, see `Awareness`. */
  readonly awareness: number;
  readonly probesUnderWay: number;
  readonly errandsUnderWay: number;
  readonly streamsOpen: number;
  readonly suspicions: number;
  readonly newsQueued: number;
  /** What the application tells to all. */
  readonly broadcastsQueued: number;
  /** Records in the table: alive, suspect, dead and left, oneself included. */
  readonly members: number;
}

type Phase = "idle" | "running" | "leaving" | "left";

/**
 * One member of the gossip: SWIM with Lifeguard, as hashicorp/memberlist speaks it. It takes and gives messages as
 * values; their bytes, their encryption and the sockets are somebody else's.
 */
export class Swim implements Core<SwimInput, SwimEffect> {
  readonly #options: SwimOptions;
  readonly #self: Identity;
  readonly #random: Random;
  readonly #outbox = new Outbox();
  readonly #news = new Broadcasts<News>(SHORTEST_NEWS_OCTETS);
  readonly #userBroadcasts = new Broadcasts<User>(SHORTEST_USER_OCTETS);
  readonly #awareness: Awareness;
  readonly #membership: Membership;
  readonly #post: Post;
  readonly #application: Application;
  readonly #streams: Streams;
  readonly #prober: Prober;
  readonly #relays: Relays;
  readonly #responder: Responder;
  readonly #exchanges: Exchanges;
  #phase: Phase = "idle";
  #sequence = 0;
  #nextRound: Instant | undefined;
  #nextGossip: Instant = 0;
  /** When we go even if our leave was not told often enough. */
  #leaveDue: Instant | undefined;
  /** Found out once after each call: the driver asks as often as it likes. */
  #nextWake: Instant | undefined;
  constructor(
    options: SwimOptions,
    self: Identity,
    random: Random,
    measure: Measure,
    ports: ApplicationPorts,
  ) {
    const [outbox, news, userBroadcasts] = [this.#outbox, this.#news, this.#userBroadcasts];
    const awareness = new Awareness(options.awarenessMax);
    const sizeOf = (message: DatagramMessage) => measure.octetsOf(message);
    const membership = new Membership({ options, self, random, awareness, broadcasts: news, outbox, sizeOf });
    const { members } = membership;
    const streams = new Streams(outbox);
    const post = new Post({ options, measure, news, userBroadcasts, outbox, members: () => members.size });
    const told = { members, broadcasts: userBroadcasts, post, outbox };
    const application = new Application({ options, measure, ports, ...told });
    this.#options = options;
    this.#self = self;
    this.#random = random;
    this.#awareness = awareness;
    this.#membership = membership;
    this.#post = post;
    this.#application = application;
    this.#streams = streams;
    this.#relays = new Relays(options, self, post);
    this.#responder = new Responder({ name: self.name, membership, application, post, outbox });
    const open = (to: Endpoint, ping: Ping, due: Instant) => streams.open(to, ping, due);
    const nextSequence = () => this.#nextSequence();
    const exchange = { post, streams, random, nextSequence };
    this.#exchanges = new Exchanges({ options, self, membership, application, outbox, ...exchange });
    this.#prober = new Prober({ options, self, membership, awareness, post, outbox, open, nextSequence });
  }

  /** Everybody known now, the dead and the left until they are forgotten. */
  members(): Iterable<Member> {
    return this.#membership.members.values();
  }

  member(name: string): Member | undefined {
    return this.#membership.members.get(name);
  }

  health(): SwimHealth {
    return {
      awareness: this.#awareness.score,
      probesUnderWay: this.#prober.underWay,
      errandsUnderWay: this.#relays.size,
      streamsOpen: this.#streams.size,
      suspicions: this.#membership.suspicions.size,
      newsQueued: this.#news.size,
      broadcastsQueued: this.#userBroadcasts.size,
      members: this.#membership.members.size,
    };
  }

  handle(input: SwimInput, now: Instant): readonly SwimEffect[] {
    this.#noticeLag(now);
    this.#take(input, now);
    return this.#settle(now);
  }

  wake(now: Instant): readonly SwimEffect[] {
    this.#noticeLag(now);
    this.#fire(now);
    return this.#settle(now);
  }

  nextWake(): Instant | undefined {
    return this.#nextWake;
  }

  #take(input: SwimInput, now: Instant): void {
    switch (input.type) {
      case "start":
        this.#start(now);
        return;
      case "leave":
        this.#leave(now);
        return;
      case "discovered":
        this.#exchanges.discovered(input.endpoints, now);
        return;
      case "datagram":
        for (const message of input.messages) this.#hear(message, input.from, now);
        return;
      case "send-failed":
        this.#prober.unreachable(input.to);
        return;
      case "stream-request":
        this.#serve(input.stream, input.message, now);
        return;
      case "stream-reply":
        this.#streamReply(input.stream, input.message, now);
        return;
      case "stream-failed":
        if (this.#streams.close(input.stream)) this.#streamFailed(input.stream, input.why, now);
        return;
      case "update-meta":
        this.#membership.updateMeta(input.meta, now);
        return;
      case "broadcast":
      case "tell":
      case "ack-payload":
        this.#application.take(input);
        return;
      case "stalled":
        if (input.ms > this.#options.lagMs) this.#stalled(input.ms, now);
        return;
    }
  }

  #start(now: Instant): void {
    if (this.#phase === "running") return;
    this.#phase = "running";
    this.#leaveDue = undefined;
    this.#membership.start(now);
    this.#nextRound = now + this.#random.next() * this.#options.probeIntervalMs;
    this.#exchanges.start(now);
  }

  #leave(now: Instant): void {
    if (this.#phase !== "running") return;
    this.#phase = "leaving";
    this.#nextRound = undefined;
    this.#prober.discardAll();
    this.#exchanges.stop();
    this.#membership.leave(now);
    this.#leaveDue = now + this.#options.leaveTimeoutMs;
  }

  /** Probes first: what answers them must not wait behind news. */
  #hear(message: DatagramMessage, from: Endpoint, now: Instant): void {
    if (message.type === "ping" && this.#phase !== "idle") {
      this.#responder.ping(message, from);
      return;
    }
    if (this.#phase !== "running" && this.#phase !== "leaving") return;
    switch (message.type) {
      case "ack":
        this.#prober.ack(message, from, now);
        this.#relays.ack(message.sequence);
        this.#exchanges.ack(message.sequence, now);
        return;
      case "nack":
        this.#prober.nack(message.sequence, now);
        return;
      case "indirect-ping":
        this.#relays.ask(message, from, this.#nextSequence(), now);
        return;
      case "alive":
      case "suspect":
      case "dead":
        this.#membership.hear(message, from, now);
        return;
      case "user":
        this.#application.hear(message, from);
        return;
    }
  }

  #serve(stream: number, message: StreamMessage, now: Instant): void {
    const serving = this.#phase === "running" || this.#phase === "leaving";
    if (serving && message.type === "push-pull") this.#exchanges.request(stream, message, now);
    else if (serving && message.type === "ping") this.#responder.streamPing(stream, message);
    else {
      if (serving && message.type === "user") this.#application.hear(message, undefined);
      this.#outbox.push({ type: "close", stream });
    }
  }

  #streamReply(stream: number, message: StreamMessage, now: Instant): void {
    if (!this.#streams.close(stream)) return;
    const ack = message.type === "ack" ? message : undefined;
    if (!this.#prober.streamAnswered(stream, ack, now)) this.#exchanges.reply(stream, message, now);
  }

  #streamFailed(stream: number, why: string, now: Instant): void {
    if (!this.#prober.streamFailed(stream, now)) this.#exchanges.failed(stream, why, now);
  }

  #fire(now: Instant): void {
    for (const stream of this.#streams.takeExpired(now)) this.#streamFailed(stream, "no answer in time", now);
    this.#prober.wake(now);
    this.#relays.wake(now);
    for (const name of this.#membership.suspicions.takeCalls(now)) this.#prober.call(name);
    this.#membership.buryExpired(now);
    this.#exchanges.wake(now);
    if (this.#nextRound === undefined || this.#nextRound > now) return;
    this.#prober.round(now);
    // Why: the rhythm is kept, but rounds that were missed are not made up for.
    const { probeIntervalMs } = this.#options;
    this.#nextRound += probeIntervalMs * (Math.floor((now - this.#nextRound) / probeIntervalMs) + 1);
  }

  /** Our own timers tell whether we were away: then nobody else is to blame for our silence. */
  #noticeLag(now: Instant): void {
    if (this.#nextWake === undefined || now - this.#nextWake <= this.#options.lagMs) return;
    this.#stalled(now - this.#nextWake, now);
    this.#fire(now);
  }

  #stalled(ms: number, now: Instant): void {
    if (this.#phase !== "running") return;
    this.#prober.discardAll();
    this.#membership.suspicions.postpone(now + this.#options.probeIntervalMs);
    this.#outbox.notice("stalled", this.#self.name, `${Math.round(ms)} ms`);
  }

  #settle(now: Instant): readonly SwimEffect[] {
    this.#gossip(now);
    this.#finishLeave(now);
    this.#nextWake = this.#findNextWake();
    return this.#outbox.take();
  }

  /** Tells some members some news. Runs as soon as there is any; without news it costs nothing. */
  #gossip(now: Instant): void {
    const speaking = this.#phase === "running" || this.#phase === "leaving";
    if (!speaking || !this.#post.hasNews || this.#nextGossip > now) return;
    const { gossipFanout, gossipIntervalMs, gossipToTheDeadMs, probeIntervalMs } = this.#options;
    const { name: self } = this.#self;
    const targets = this.#membership.members.sample(gossipFanout, ({ name, state, since }) => {
      if (name === self || state === "left") return false;
      return state !== "dead" || now - since <= gossipToTheDeadMs;
    });
    // Why: alone, the news is kept for whoever comes, but asked for less often.
    this.#nextGossip = now + (targets.length === 0 ? probeIntervalMs : gossipIntervalMs);
    for (const { endpoint } of targets) if (!this.#post.newsOnly(endpoint)) return;
  }

  #finishLeave(now: Instant): void {
    if (this.#leaveDue === undefined) return;
    const alone = this.#membership.members.alive === 0;
    if (!alone && this.#leaveDue > now && this.#news.has(this.#self.name)) return;
    this.#leaveDue = undefined;
    this.#phase = "left";
    this.#application.stop();
    this.#outbox.push({ type: "left" });
  }

  #findNextWake(): Instant | undefined {
    if (this.#phase === "idle" || this.#phase === "left") return undefined;
    return earliest(
      this.#nextRound,
      this.#post.hasNews ? this.#nextGossip : undefined,
      this.#leaveDue,
      this.#prober.nextWake(),
      this.#relays.nextWake(),
      this.#streams.nextWake(),
      this.#membership.suspicions.nextDue(),
      this.#exchanges.nextWake(),
    );
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }
}

function earliest(...instants: readonly (Instant | undefined)[]): Instant | undefined {
  let first: Instant | undefined;
  for (const instant of instants) {
    if (instant !== undefined && (first === undefined || instant < first)) first = instant;
  }
  return first;
}
