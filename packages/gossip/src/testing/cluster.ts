import type { Clock, Instant, Random } from "@herald/shared/core";
import type { MemberChange, SwimEffect, SwimInput } from "../effect.ts";
import type { Member } from "../member.ts";
import type { DatagramMessage, Endpoint, StreamMessage } from "../message.ts";
import { FULL_VERSIONS } from "../message.ts";
import type { SwimOptions } from "../options.ts";
import { Swim } from "../swim.ts";

/** What travels: a datagram's messages, or the one message of a stream. */
export type Cargo = readonly DatagramMessage[] | StreamMessage;

/** The part of a network in memory that members need (`DatagramNet` in lab is one). */
export interface Net {
  plugIn(
    address: string,
    host: {
      datagram(from: string, data: Cargo): void;
      request(from: string, data: Cargo, answer: (data: Cargo | undefined) => void): void;
    },
  ): NetPort;
}

type Outcome =
  | { readonly type: "answer"; readonly data: Cargo }
  | { readonly type: "refused" }
  | { readonly type: "closed" };

interface NetPort {
  readonly clock: Clock;
  send(to: string, data: Cargo): void;
  request(to: string, data: Cargo, outcome: (outcome: Outcome) => void): void;
  unplug(what: "machine" | "process"): void;
}

export interface Happening {
  readonly at: Instant;
  /** Whose view it is. */
  readonly observer: string;
  readonly change: MemberChange;
  readonly member: Member;
}

export interface ClusterOptions {
  readonly net: Net;
  readonly random: Random;
  readonly swim: SwimOptions;
  readonly onMember?: (happening: Happening) => void;
  /** What goes with every table of the member of that name; nothing when left out. */
  readonly userState?: (name: string) => Uint8Array;
  readonly onEffect?: (observer: string, effect: SwimEffect, now: Instant) => void;
}

/** One machine of the cluster, with a member running on it. */
export interface Machine {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly core: Swim;
  feed(input: SwimInput): void;
  /** Whoever is not stopped properly has crashed. */
  stop(what: "machine" | "process"): void;
}

export const PORT = 7_946;

/** Encryption of version 1 around every datagram, without a label. */
export const FRAMING_OCTETS = 29;

const NOTHING = new Uint8Array();

/** Many members on one virtual network; they speak in values, encoded sizes are estimates. */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly machines = new Map<string, Machine>();
  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** @param seeds addresses as the API would know them. */
  boot(name: string, index: number, incarnation: number, seeds: readonly Endpoint[]): Machine {
    const { net, random, swim, onMember, onEffect } = this.#options;
    const endpoint = endpointOf(index);
    const place = keyOf(endpoint);
    const self = { name, endpoint, meta: new Uint8Array(), versions: FULL_VERSIONS, incarnation };
    const measure = { octetsOf: estimateOctets, overheadOctets: FRAMING_OCTETS };
    const userState = () => this.#options.userState?.(name) ?? NOTHING;
    const core = new Swim(swim, self, random, measure, { userState });
    let answers = 0;
    const pending = new Map<number, (data: Cargo | undefined) => void>(); // by stream, inbound
    const port: NetPort = net.plugIn(place, {
      datagram: (from, data) => {
        if (Array.isArray(data)) feed({ type: "datagram", from: parseKey(from), messages: data });
      },
      request: (_from, data, answer) => {
        answers += 1;
        pending.set(answers, answer);
        feed({ type: "stream-request", stream: answers, message: data as StreamMessage });
      },
    });
    const answer = (stream: number, message: StreamMessage | undefined) => {
      pending.get(stream)?.(message);
      pending.delete(stream);
    };
    const perform = (effect: SwimEffect): void => {
      onEffect?.(name, effect, port.clock.now());
      switch (effect.type) {
        case "send":
          port.send(keyOf(effect.to), effect.messages);
          return;
        case "open": {
          const { stream, to, message } = effect;
          port.request(keyOf(to), message, (outcome) => feed(inputOf(stream, outcome)));
          return;
        }
        case "reply":
          answer(effect.stream, effect.message);
          return;
        case "close":
          answer(effect.stream, undefined);
          return;
        case "member":
          onMember?.({
            at: port.clock.now(),
            observer: name,
            change: effect.change,
            member: effect.member,
          });
          return;
        case "abandon":
        case "joined":
        case "left":
        case "told":
        case "acked":
        case "state":
        case "notice":
          return;
      }
    };
    const feed = driveLazily(core, port.clock, perform);
    const machine: Machine = { name, endpoint, core, feed, stop: (what) => port.unplug(what) };
    this.machines.set(name, machine);
    feed({ type: "start" });
    feed({ type: "discovered", endpoints: seeds });
    return machine;
  }
}

function inputOf(stream: number, outcome: Outcome): SwimInput {
  if (outcome.type === "answer")
    return { type: "stream-reply", stream, message: outcome.data as StreamMessage };
  return { type: "stream-failed", stream, why: outcome.type === "refused" ? "refused" : "broken" };
}

export function endpointOf(index: number): Endpoint {
  return { address: new Uint8Array([10, 0, index >> 8, index & 255]), port: PORT };
}

const KEYS = new WeakMap<Endpoint, string>();

/** The address of an endpoint on the virtual network. */
export function keyOf(endpoint: Endpoint): string {
  let key = KEYS.get(endpoint);
  if (key === undefined) {
    key = endpoint.address.join(".");
    KEYS.set(endpoint, key);
  }
  return key;
}

const ENDPOINTS = new Map<string, Endpoint>();

function parseKey(key: string): Endpoint {
  let endpoint = ENDPOINTS.get(key);
  if (endpoint === undefined) {
    endpoint = { address: Uint8Array.from(key.split("."), Number), port: PORT };
    ENDPOINTS.set(key, endpoint);
  }
  return endpoint;
}

/** Sizes as memberlist's messages have them, for short names over IPv4. */
export function estimateOctets(message: DatagramMessage): number {
  switch (message.type) {
    case "ping":
      return 57 + message.node.length + message.sourceNode.length;
    case "indirect-ping":
      return 83 + message.node.length + message.sourceNode.length;
    case "ack":
      return 18 + message.payload.length;
    case "nack":
      return 9;
    case "alive":
      return 56 + message.node.length + message.meta.length;
    case "suspect":
    case "dead":
      return 27 + message.node.length + message.from.length;
    case "user":
      return 1 + message.payload.length;
  }
}

/** Like `drive`, but a timer that would only come too early is left alone: many inputs, few timers. */
function driveLazily(
  core: Swim,
  clock: Clock,
  perform: (effect: SwimEffect) => void,
): (input: SwimInput) => void {
  let armedFor = Number.POSITIVE_INFINITY;
  let disarm = (): void => {};
  const arm = (): void => {
    const due = core.nextWake();
    if (due === undefined || due >= armedFor) return;
    disarm();
    armedFor = due;
    disarm = clock.at(due, () => {
      armedFor = Number.POSITIVE_INFINITY;
      const now = clock.now();
      if ((core.nextWake() ?? Number.POSITIVE_INFINITY) <= now) {
        for (const effect of core.wake(now)) perform(effect);
      }
      arm();
    });
  };
  return (input) => {
    for (const effect of core.handle(input, clock.now())) perform(effect);
    arm();
  };
}
