import type { Random } from "@herald/shared/core";
import type { SwimEffect } from "../effect.ts";
import type { Alive, DatagramMessage, Dead, Endpoint, Ping, StreamMessage, Suspect } from "../message.ts";
import { FULL_VERSIONS } from "../message.ts";
import { PROFILES } from "../options.ts";
import { Swim } from "../swim.ts";
import { endpointOf, estimateOctets } from "./cluster.ts";

export const [US, B, C, D] = [1, 2, 3, 4].map(endpointOf) as [Endpoint, Endpoint, Endpoint, Endpoint];
export const OPTIONS = { ...PROFILES.default, gossipIntervalMs: 10_000_000 }; // news travels only on the back of others
export const none = new Uint8Array();

export const alive = (node: string, endpoint: Endpoint, incarnation = 1): Alive => ({
  type: "alive",
  incarnation,
  node,
  endpoint,
  meta: none,
  versions: FULL_VERSIONS,
});
export const suspect = (node: string, from: string, incarnation = 1): Suspect => ({
  type: "suspect",
  incarnation,
  node,
  from,
});
export const dead = (node: string, from: string, incarnation = 1): Dead => ({
  type: "dead",
  incarnation,
  node,
  from,
});
export const ping = (sequence: number, node: string, sourceNode = "", source?: Endpoint): Ping => ({
  type: "ping",
  sequence,
  node,
  source,
  sourceNode,
});
export const ack = (sequence: number): DatagramMessage => ({ type: "ack", sequence, payload: none });

/** A member among others that a test plays; everything that was said so far is out of the way. */
export class Bench {
  readonly core: Swim;
  now = 0;
  /** What goes with every table. */
  userState = none;
  constructor(others: readonly Alive[], options = OPTIONS) {
    const self = { name: "us", endpoint: US, meta: none, versions: FULL_VERSIONS, incarnation: 1 };
    const measure = { octetsOf: estimateOctets, overheadOctets: 29 };
    this.core = new Swim(options, self, dice(), measure, { userState: () => this.userState });
    this.core.handle({ type: "start" }, 0);
    this.hear(B, ...others);
    for (let round = 0; round < 40; round += 1) this.hear(B, ping(round, "us"));
  }

  hear(from: Endpoint, ...messages: DatagramMessage[]): readonly SwimEffect[] {
    return this.core.handle({ type: "datagram", from, messages }, this.now);
  }

  /** Steps from timer to timer, each on time. */
  pass(ms: number): readonly SwimEffect[] {
    const effects: SwimEffect[] = [];
    const until = this.now + ms;
    for (let due = this.core.nextWake(); due !== undefined && due <= until; due = this.core.nextWake()) {
      this.now = due;
      effects.push(...this.core.wake(due));
    }
    this.now = until;
    return effects;
  }

  /** To whichever stream wants to hear it. */
  answerStreams(message: StreamMessage): void {
    for (let stream = 1; stream < 5; stream += 1) {
      this.core.handle({ type: "stream-reply", stream, message }, this.now);
    }
  }

  /** Runs until the first ping goes out to `to`. @returns its sequence. */
  probed(to: Endpoint): number {
    for (let tries = 0; tries < 100; tries += 1) {
      for (const [where, [first]] of sends(this.pass(1))) {
        if (where === to && first?.type === "ping") return first.sequence;
      }
    }
    throw new Error(`no ping to ${to.address.join(".")}`);
  }
}

export function sends(effects: readonly SwimEffect[]): (readonly [Endpoint, readonly DatagramMessage[]])[] {
  return effects.flatMap((effect) => (effect.type === "send" ? [[effect.to, effect.messages] as const] : []));
}

export const changes = (effects: readonly SwimEffect[]) =>
  effects.flatMap((effect) => (effect.type === "member" ? [`${effect.member.name} ${effect.change}`] : []));

/** Always the same throws (Lehmer). */
function dice(): Random {
  let state = 1;
  return {
    next: () => {
      state = (state * 48_271) % 0x7fff_ffff;
      return state / 0x7fff_ffff;
    },
  };
}
