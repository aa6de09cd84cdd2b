import type { Instant } from "@herald/shared/core";
import type { Awareness } from "./awareness.ts";
import { placeOf, sameEndpoint } from "./endpoint.ts";
import type { Member } from "./member.ts";
import type { Membership } from "./membership.ts";
import type { Ack, Endpoint, Ping } from "./message.ts";
import type { SwimOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import type { Post } from "./post.ts";
import { type Probe, ProbeTable } from "./probe.ts";

/** From this protocol version on, a member sends nacks; from the other, it answers pings over TCP. */
const NACK_VERSION = 4;
const TCP_PING_VERSION = 3;

/** Remembered until they are answered or others need the room. */
const MAX_CALLS = 256;

export interface ProberParts {
  readonly options: SwimOptions;
  readonly self: { readonly name: string; readonly endpoint: Endpoint };
  readonly membership: Membership;
  readonly awareness: Awareness;
  readonly post: Post;
  readonly outbox: Outbox;
  /** Opens a stream until `due`; its outcome comes to `streamAnswered` or `streamFailed`. */
  readonly open: (to: Endpoint, ping: Ping, due: Instant) => number;
  readonly nextSequence: () => number;
}

/**
 * Asks the others whether they are there: directly, then through others and over TCP, then it accuses. Probes run
 * side by side, and end as soon as nothing more can come.
 */
export class Prober {
  readonly #parts: ProberParts;
  readonly #probes: ProbeTable;
  /** Whom we called, by sequence; the last `MAX_CALLS`. */
  readonly #calls = new Map<number, string>();
  constructor(parts: ProberParts) {
    this.#parts = parts;
    this.#probes = new ProbeTable(parts.options.probesAtOnce);
  }

  get underWay(): number {
    return this.#probes.size;
  }

  /** Begins a round. */
  round(now: Instant): void {
    const { options, membership, self } = this.#parts;
    const wanted = Math.min(options.probesPerRound, this.#probes.room);
    const targets = membership.members.nextTargets(
      wanted,
      ({ name, state }) =>
        (state === "alive" || state === "suspect") && name !== self.name && !this.#probes.isProbing(name),
      () => membership.members.forgetGone(now - options.gossipToTheDeadMs),
    );
    for (const target of targets) this.#begin(target, now);
  }

  /** Asks a suspect whose time is nearly over. Only the answer matters. */
  call(name: string): void {
    const { membership, post } = this.#parts;
    const suspect = membership.members.get(name);
    const accusation = membership.accusationOf(name);
    if (suspect === undefined || accusation === undefined) return;
    const ping = this.#pingTo(suspect);
    for (const oldest of this.#calls.keys()) {
      if (this.#calls.size < MAX_CALLS) break;
      this.#calls.delete(oldest);
    }
    this.#calls.set(ping.sequence, name);
    post.bare(suspect.endpoint, [ping, accusation]);
  }

  ack(ack: Ack, from: Endpoint, now: Instant): void {
    const { membership } = this.#parts;
    const probe = this.#probes.get(ack.sequence);
    if (probe !== undefined) {
      this.#succeed(probe, now);
      this.#hearPayload(probe.target, ack, from);
    }
    const called = this.#calls.get(ack.sequence);
    if (called === undefined) return;
    this.#calls.delete(ack.sequence);
    membership.suspicions.vindicate(called, now);
    const member = membership.members.get(called);
    if (member !== undefined) this.#hearPayload(member, ack, from);
  }

  nack(sequence: number, now: Instant): void {
    const probe = this.#probes.get(sequence);
    if (probe === undefined) return;
    probe.nacks += 1;
    this.#endEarly(probe, now);
  }

  /**
   * @param ack `undefined`: something else was said.
   * @returns whether the stream was one of ours.
   */
  streamAnswered(stream: number, ack: Ack | undefined, now: Instant): boolean {
    const probe = this.#probes.byStream(stream);
    if (probe === undefined) return false;
    if (ack?.sequence === probe.sequence) {
      this.#succeed(probe, now);
      this.#hearPayload(probe.target, ack, probe.target.endpoint);
    } else {
      this.streamFailed(stream, now);
    }
    return true;
  }

  streamFailed(stream: number, now: Instant): boolean {
    const probe = this.#probes.byStream(stream);
    if (probe === undefined) return false;
    probe.stream = undefined;
    this.#endEarly(probe, now);
    return true;
  }

  /** The network says that nobody listens there: no reason to wait before asking others. */
  unreachable(to: Endpoint): void {
    for (const probe of this.#probes.values()) {
      if (probe.stage === "direct" && sameEndpoint(probe.target.endpoint, to)) this.#askOthers(probe);
    }
  }

  /** We were away; nobody is to be blamed for that. */
  discardAll(): void {
    this.#probes.clear();
  }

  wake(now: Instant): void {
    for (const probe of this.#probes.values()) {
      if (probe.deadline <= now) this.#fail(probe, now);
      else if (probe.stage === "direct" && probe.askOthersAt <= now) this.#askOthers(probe);
    }
  }

  nextWake(): Instant | undefined {
    return this.#probes.nextDue();
  }

  #begin(target: Member, now: Instant): void {
    const { options, awareness, membership, post } = this.#parts;
    const ping = this.#pingTo(target);
    this.#probes.add({
      sequence: ping.sequence,
      target,
      stage: "direct",
      askOthersAt: now + options.probeTimeoutMs,
      deadline: now + awareness.scale(options.probeIntervalMs),
      nacksExpected: 0,
      nacks: 0,
      relays: 0,
      stream: undefined,
    });
    const accusation = membership.accusationOf(target.name);
    // Why: a suspect hears of it in the very datagram that asks whether it lives (Lifeguard, buddy system).
    if (accusation === undefined) post.withNews(target.endpoint, [ping]);
    else post.bare(target.endpoint, [ping, accusation]);
  }

  #pingTo({ name }: Member): Ping {
    const { self, nextSequence } = this.#parts;
    const sequence = nextSequence();
    return { type: "ping", sequence, node: name, source: self.endpoint, sourceNode: self.name };
  }

  #askOthers(probe: Probe): void {
    const { options, membership, post, self, open } = this.#parts;
    const { target, sequence } = probe;
    probe.stage = "indirect";
    const relays = membership.members.sample(
      options.indirectChecks,
      ({ name, state }) => state === "alive" && name !== self.name && name !== target.name,
    );
    for (const relay of relays) {
      const wantsNack = relay.versions.protocolMax >= NACK_VERSION;
      probe.relays += 1;
      probe.nacksExpected += Number(wantsNack);
      const { name: node, endpoint } = target;
      const source = self.endpoint;
      const ask = { sequence, target: endpoint, node, wantsNack, source, sourceNode: self.name };
      post.withNews(relay.endpoint, [{ type: "indirect-ping", ...ask }]);
    }
    if (options.tcpPings && target.versions.protocolMax >= TCP_PING_VERSION) {
      const ping = { sequence, node: target.name, source: self.endpoint, sourceNode: self.name };
      probe.stream = open(target.endpoint, { type: "ping", ...ping }, probe.deadline);
    }
  }

  #succeed(probe: Probe, now: Instant): void {
    this.#probes.delete(probe);
    this.#parts.awareness.change(-1);
    this.#parts.membership.suspicions.vindicate(probe.target.name, now);
  }

  /** Only from the member itself: what a relay passes on has no payload, and if it has it is not the member's. */
  #hearPayload({ name, endpoint }: Member, { payload }: Ack, from: Endpoint): void {
    if (payload.length === 0) return;
    if (!sameEndpoint(endpoint, from) && placeOf(endpoint) !== placeOf(from)) return;
    this.#parts.outbox.push({ type: "acked", node: name, payload });
  }

  /** All relays heard us and nobody else, and TCP is refused: waiting any longer would tell nothing. */
  #endEarly(probe: Probe, now: Instant): void {
    const silent = probe.nacksExpected < probe.relays || probe.nacks < probe.nacksExpected;
    if (probe.stage === "direct" || silent || probe.stream !== undefined) return;
    this.#fail(probe, now);
  }

  #fail(probe: Probe, now: Instant): void {
    const { membership, awareness } = this.#parts;
    this.#probes.delete(probe);
    const { nacksExpected, nacks, target } = probe;
    awareness.change(nacksExpected > 0 ? Math.max(0, nacksExpected - nacks) : 1);
    const before = membership.members.get(target.name)?.state;
    membership.accuse(target.name, target.incarnation, now);
    const after = membership.members.get(target.name)?.state;
    // Why: it may only have missed a packet or two; it hears of the accusation now, not when its turn comes again.
    if (before === "alive" && after === "suspect") this.call(target.name);
  }
}
