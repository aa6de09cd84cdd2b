import { DatagramNet, type DatagramPort } from "@herald/lab/datagrams";
import { happens, SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { Instant } from "@herald/shared/core";
import { drive } from "@herald/shared/driver";
import type { IpAddress } from "@herald/shared/ip/address";
import { type BfdEffect, pathKey } from "../effect.ts";
import type { BfdOptions, BfdPath } from "../options.ts";
import { type ControlPacket, decodePacket } from "../packet.ts";
import { BfdSessions } from "../sessions.ts";
import type { SessionStatus } from "../status.ts";
import { OPTIONS } from "./bench.ts";

export interface Happened {
  readonly at: Instant;
  readonly who: "left" | "right";
  readonly effect: BfdEffect;
}

const ADDRESS = { left: "192.0.2.1" as IpAddress, right: "192.0.2.2" as IpAddress };

export interface PairOptions {
  readonly seed?: number;
  readonly loss?: number;
  readonly duplication?: number;
  readonly delayMs?: readonly [number, number];
  readonly left?: Partial<BfdOptions>;
  readonly right?: Partial<BfdOptions>;
}

/** One end, on a host that can be paused or lose its power. */
export class End {
  readonly core: BfdSessions;
  readonly #path: BfdPath;
  readonly #port: DatagramPort<Uint8Array>;
  readonly #feed;

  constructor(pair: Pair, who: "left" | "right") {
    const peer = who === "left" ? "right" : "left";
    this.#path = { hops: "single", remote: ADDRESS[peer], local: undefined, interface: undefined };
    this.core = new BfdSessions(pair.random);
    this.#port = pair.net.plugIn(ADDRESS[who], {
      datagram: (from, bytes) =>
        this.#feed({
          type: "datagram",
          datagram: {
            hops: "single",
            from: from as IpAddress,
            to: undefined,
            interface: undefined,
            ttl: 255,
            bytes,
          },
        }),
      request: () => {},
    });
    const driven = drive(this.core, this.#port.clock, (effect) => {
      pair.happened.push({ at: pair.clock.now(), who, effect });
      if (effect.type === "send") this.#port.send(effect.path.remote, effect.bytes);
    });
    this.#feed = driven.feed;
  }

  want(options: Partial<BfdOptions>, disabled = false): void {
    const wanted = [{ path: this.#path, options: { ...OPTIONS, ...options }, disabled }];
    this.#feed({ type: "sessions", wanted });
  }

  wantNone(): void {
    this.#feed({ type: "sessions", wanted: [] });
  }

  /** The machine is gone. */
  unplug(): void {
    this.#port.unplug("machine");
  }

  get status(): SessionStatus | undefined {
    return this.core.status(pathKey(this.#path));
  }
}

/** Two sessions with each other over a net that loses, doubles, delays and reorders by seed. */
export class Pair {
  readonly clock = new VirtualClock();
  readonly random: SeededRandom;
  readonly net: DatagramNet<Uint8Array>;
  readonly happened: Happened[] = [];
  left: End;
  right: End;

  constructor({ seed = 1, loss = 0, duplication = 0, delayMs = [0.1, 1], left = {}, right = {} }: PairOptions = {}) {
    this.random = new SeededRandom(seed);
    this.net = new DatagramNet({ clock: this.clock, random: this.random, loss, duplication, delayMs });
    this.left = new End(this, "left");
    this.right = new End(this, "right");
    this.left.want(left);
    this.right.want(right);
  }

  run(ms: number): this {
    this.clock.advance(ms);
    return this;
  }

  /** Runs until both have been up for two seconds, and forgets what led there. */
  up(): this {
    let turns = 0;
    for (let turn = 0; turn < 600 && turns < 20; turn += 1) {
      this.run(100);
      turns = this.isUp ? turns + 1 : 0;
    }
    if (turns < 20) throw new Error("not up within a minute");
    this.happened.length = 0;
    return this;
  }

  get isUp(): boolean {
    return this.left.status?.state === "up" && this.right.status?.state === "up";
  }

  pause(who: "left" | "right", ms: number): this {
    this.net.pause(ADDRESS[who], ms);
    return this;
  }

  /** Nothing gets through to that side any more. */
  cutTowards(who: "left" | "right"): this {
    this.net.cut(ADDRESS[who === "left" ? "right" : "left"], ADDRESS[who]);
    return this;
  }

  /** The same process again, that knows nothing. */
  restart(who: "left" | "right"): this {
    this[who].unplug();
    this[who] = new End(this, who);
    this[who].want({});
    return this;
  }

  /** All that was sent. */
  packets(): readonly { at: Instant; who: "left" | "right"; packet: ControlPacket }[] {
    return this.happened.flatMap(({ at, who, effect }) =>
      effect.type === "send" ? [{ at, who, packet: decodePacket(effect.bytes) }] : [],
    );
  }

  downs(): readonly { at: Instant; who: string; reason: string }[] {
    return this.happened.flatMap(({ at, who, effect }) =>
      effect.type === "down" ? [{ at, who, reason: effect.reason }] : [],
    );
  }

  chance(probability: number): boolean {
    return happens(this.random, probability);
  }
}
