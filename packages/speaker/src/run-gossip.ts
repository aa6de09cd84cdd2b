import { userOctets } from "@herald/gossip/application";
import { decodeDatagram, encodeDatagram } from "@herald/gossip/datagram";
import type { MemberChange, SwimEffect, SwimInput } from "@herald/gossip/effect";
import { type Framing, framingOverhead } from "@herald/gossip/framing";
import type { Member } from "@herald/gossip/member";
import type { Identity } from "@herald/gossip/membership";
import type { DatagramMessage, Endpoint } from "@herald/gossip/message";
import { encodeMessage } from "@herald/gossip/message-codec";
import type { SwimNotice } from "@herald/gossip/notices";
import type { SwimOptions } from "@herald/gossip/options";
import type { Measure } from "@herald/gossip/post";
import { encodeStream, StreamDecoder } from "@herald/gossip/stream";
import type { StreamLimits } from "@herald/gossip/stream-message";
import { Swim, type SwimHealth } from "@herald/gossip/swim";
import type { Clock, Random } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import { DecodeError } from "@herald/wire/bytes";
import type { GossipListeners, GossipSockets } from "./gossip-port.ts";

export interface GossipOptions {
  readonly swim: SwimOptions;
  readonly self: Identity;
  readonly framing: Framing;
}

/**
 * The application on top of the gossip: octets that mean nothing here. What it says from inside one of these is
 * handled once the effects under way are performed.
 */
export interface GossipApplication {
  /** Some member's application said this; `from` is where its datagram came from, `undefined` for a stream. */
  readonly onTold: (payload: Uint8Array, from: Endpoint | undefined) => void;
  /** A member that was probed answered, and its answer carries this; never empty. Many times a second. */
  readonly onAcked: (node: string, payload: Uint8Array) => void;
  /** What a table came with; never empty. `node` is whom we asked, `undefined` when somebody asked us. */
  readonly onState: (userState: Uint8Array, node: string | undefined) => void;
  /** What goes with every table we send, asked each time; at most 1 MiB, else nothing is sent. It must not call back. */
  readonly userState: () => Uint8Array;
}

/** Of the application, what is left out is dropped; without `userState` none is sent. */
export interface GossipPorts extends Partial<GossipApplication> {
  readonly clock: Clock;
  readonly random: Random;
  /** Opens the sockets; what they hear goes to the listeners. */
  readonly open: (listeners: GossipListeners) => Promise<GossipSockets>;
  readonly onMember: (change: MemberChange, member: Member) => void;
  /** The first exchange with somebody, or somebody joined us. */
  readonly onJoined: () => void;
  readonly onNotice: (reason: SwimNotice, node: string, detail: string) => void;
  /** Bytes that were refused, datagram or stream. */
  readonly onRefused: (error: DecodeError, from: "datagram" | "stream") => void;
}

/** The gossip at work. */
export interface Gossip {
  /** Where speakers are, as the API tells: the whole list each time. */
  discovered(endpoints: readonly Endpoint[]): void;
  members(): Iterable<Member>;
  health(): SwimHealth;
  /** The longest payload of `broadcast` and `tell`, octets. */
  readonly userOctets: number;
  /**
   * Tells everybody, after news of members. Who hears it does not pass it on: that is the application's to do. A later
   * one of the same name takes the place of one not yet told often enough.
   */
  broadcast(name: string, payload: Uint8Array): void;
  /** Tells one member by one datagram, which may get lost. */
  tell(node: string, payload: Uint8Array): void;
  /** What our answers to probes carry from now on, at most 32 octets. */
  setAckPayload(payload: Uint8Array): void;
  /** What our record carries from now on, at most 512 octets. */
  setMeta(meta: Uint8Array): void;
  /** Says good-bye, waits until it was told, closes the sockets. Harmless when done before. */
  leave(): Promise<void>;
}

/** A table of 4,096 members has well under 1 MiB; more would hold the thread that answers pings. */
const STREAM_LIMITS: StreamLimits = { octets: 2 ** 21, inflatedOctets: 2 ** 22, nodes: 8_192 };

/** Runs the core on sockets: bytes to messages and back, nothing decided here. */
export async function runGossip(options: GossipOptions, ports: GossipPorts): Promise<Gossip> {
  const runner = new Runner(options, ports);
  await runner.start();
  return runner;
}

/** Effects that are not for the sockets. */
type Outcome = Extract<SwimEffect, { type: "member" | "joined" | "notice" | "told" | "acked" | "state" }>;

const NOTHING = new Uint8Array();

const NEWS: ReadonlySet<DatagramMessage["type"]> = new Set(["alive", "suspect", "dead", "user"]);

class Runner implements Gossip, GossipListeners {
  readonly userOctets: number;
  readonly #framing: Framing;
  readonly #ports: GossipPorts;
  readonly #swim: Swim;
  readonly #requests = new Map<number, StreamDecoder>(); // not complete yet; bounded by the sockets
  readonly #replies = new Map<number, StreamDecoder>(); // bounded by the core
  readonly #left = Promise.withResolvers<void>();
  /** News is measured and sent many times; pings and answers once. */
  readonly #encodings = new WeakMap<DatagramMessage, Uint8Array>();
  #sockets: GossipSockets | undefined;
  #driven: Driven<SwimInput> | undefined;

  constructor({ framing, swim, self }: GossipOptions, ports: GossipPorts) {
    this.#framing = framing;
    this.#ports = ports;
    const overheadOctets = framingOverhead(framing);
    this.userOctets = userOctets(swim, overheadOctets);
    const measure: Measure = { octetsOf: (message) => this.#encoded(message).length, overheadOctets };
    const userState = () => ports.userState?.() ?? NOTHING;
    this.#swim = new Swim(swim, self, ports.random, measure, { userState });
  }

  async start(): Promise<void> {
    const sockets = await this.#ports.open(this);
    this.#sockets = sockets;
    this.#driven = drive(this.#swim, this.#ports.clock, (effect) => this.#perform(effect, sockets));
    this.#feed({ type: "start" });
  }

  discovered(endpoints: readonly Endpoint[]): void {
    this.#feed({ type: "discovered", endpoints });
  }

  members(): Iterable<Member> {
    return this.#swim.members();
  }

  health(): SwimHealth {
    return this.#swim.health();
  }

  broadcast(name: string, payload: Uint8Array): void {
    this.#feed({ type: "broadcast", name, payload });
  }

  tell(node: string, payload: Uint8Array): void {
    this.#feed({ type: "tell", node, payload });
  }

  setAckPayload(payload: Uint8Array): void {
    this.#feed({ type: "ack-payload", payload });
  }

  setMeta(meta: Uint8Array): void {
    this.#feed({ type: "update-meta", meta });
  }

  async leave(): Promise<void> {
    this.#feed({ type: "leave" });
    await this.#left.promise;
    this.#driven?.stop();
    const sockets = this.#sockets;
    this.#sockets = undefined;
    await sockets?.stop();
  }

  onDatagram(from: Endpoint, bytes: Uint8Array): void {
    const datagram = this.#attempt("datagram", () => decodeDatagram(bytes, this.#framing));
    if (datagram === undefined) return;
    for (const error of datagram.refused) this.#ports.onRefused(error, "datagram");
    this.#feed({ type: "datagram", from, messages: datagram.messages });
  }

  onSendFailed(to: Endpoint): void {
    this.#feed({ type: "send-failed", to });
  }

  onRequest(stream: number, chunk: Uint8Array): void {
    const decoder = this.#requests.get(stream) ?? new StreamDecoder("dialler", this.#framing, STREAM_LIMITS);
    this.#requests.set(stream, decoder);
    const heard = this.#attempt("stream", () => ({ received: decoder.push(chunk) }));
    if (heard !== undefined && heard.received === undefined) return; // there is more to come
    this.#requests.delete(stream);
    if (heard?.received === undefined) {
      this.#sockets?.close(stream);
      return;
    }
    for (const error of heard.received.refused) this.#ports.onRefused(error, "stream");
    this.#feed({ type: "stream-request", stream, message: heard.received.message });
  }

  onRequestEnd(stream: number): void {
    this.#requests.delete(stream);
    this.#sockets?.close(stream);
  }

  onReply(stream: number, chunk: Uint8Array): void {
    const decoder = this.#replies.get(stream);
    if (decoder === undefined) return;
    const heard = this.#attempt("stream", () => ({ received: decoder.push(chunk) }));
    if (heard !== undefined && heard.received === undefined) return; // there is more to come
    this.#sockets?.abandon(stream);
    if (heard?.received === undefined) {
      this.onDialFailed(stream, "broken");
      return;
    }
    this.#replies.delete(stream);
    for (const error of heard.received.refused) this.#ports.onRefused(error, "stream");
    this.#feed({ type: "stream-reply", stream, message: heard.received.message });
  }

  onReplyEnd(stream: number): void {
    this.onDialFailed(stream, "broken");
  }

  onDialFailed(stream: number, why: "refused" | "unreachable" | "broken"): void {
    if (this.#replies.delete(stream)) this.#feed({ type: "stream-failed", stream, why });
  }

  #perform(effect: SwimEffect, sockets: GossipSockets): void {
    switch (effect.type) {
      case "send":
        sockets.send(
          effect.to,
          encodeDatagram(effect.messages.map(this.#encoded), { crc: false }, this.#framing),
        );
        return;
      case "open":
        this.#replies.set(effect.stream, new StreamDecoder("listener", this.#framing, STREAM_LIMITS));
        sockets.dial(effect.stream, effect.to, encodeStream(effect.message, "dialler", this.#framing));
        return;
      case "abandon":
        this.#replies.delete(effect.stream);
        sockets.abandon(effect.stream);
        return;
      case "reply":
        sockets.answer(effect.stream, encodeStream(effect.message, "listener", this.#framing));
        return;
      case "close":
        sockets.close(effect.stream);
        return;
      case "left":
        this.#left.resolve();
        return;
      default:
        this.#tell(effect);
    }
  }

  #tell(effect: Outcome): void {
    switch (effect.type) {
      case "member":
        this.#ports.onMember(effect.change, effect.member);
        return;
      case "joined":
        this.#ports.onJoined();
        return;
      case "notice":
        this.#ports.onNotice(effect.reason, effect.node, effect.detail);
        return;
      case "told":
        this.#ports.onTold?.(effect.payload, effect.from);
        return;
      case "acked":
        this.#ports.onAcked?.(effect.node, effect.payload);
        return;
      case "state":
        this.#ports.onState?.(effect.userState, effect.node);
        return;
    }
  }

  readonly #encoded = (message: DatagramMessage): Uint8Array => {
    const known = this.#encodings.get(message);
    if (known !== undefined) return known;
    const bytes = encodeMessage(message);
    if (NEWS.has(message.type)) this.#encodings.set(message, bytes);
    return bytes;
  };

  #feed(input: SwimInput): void {
    this.#driven?.feed(input);
  }

  /** The one place where refused bytes are caught. */
  #attempt<T>(from: "datagram" | "stream", decode: () => T): T | undefined {
    try {
      return decode();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#ports.onRefused(error, from);
      return undefined;
    }
  }
}
