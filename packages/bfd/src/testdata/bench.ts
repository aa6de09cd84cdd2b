import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import { SeededRandom } from "@herald/lab/random";
import type { BfdDatagram, BfdEffect } from "../effect.ts";
import { pathKey } from "../effect.ts";
import type { BfdOptions, BfdPath } from "../options.ts";
import { type ControlPacket, decodePacket, encodePacket } from "../packet.ts";
import { BfdSessions } from "../sessions.ts";
import type { SessionStatus } from "../status.ts";

export const PATH: BfdPath = {
  hops: "single",
  remote: "192.0.2.254" as IpAddress,
  local: undefined,
  interface: "eth0",
};

/** Three times 50 ms. */
export const OPTIONS: BfdOptions = {
  transmitMs: 50,
  receiveMs: 50,
  detectMultiplier: 3,
  passive: false,
  echoReceiveMs: 0,
  minimumTtl: 254,
  authentication: undefined,
};

/** What a peer with the same options says before it knows us. */
export const THEIRS: ControlPacket = {
  diagnostic: 0,
  state: "down",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  demand: false,
  detectMultiplier: 3,
  myDiscriminator: 77,
  yourDiscriminator: 0,
  desiredMinTxMicros: 1_000_000,
  requiredMinRxMicros: 50_000,
  requiredMinEchoRxMicros: 0,
  authentication: undefined,
};

export function datagram(packet: Partial<ControlPacket>, about: Partial<BfdDatagram> = {}): BfdDatagram {
  return {
    hops: "single",
    from: PATH.remote,
    to: undefined,
    interface: "eth0",
    ttl: 255,
    bytes: encodePacket({ ...THEIRS, ...packet }),
    ...about,
  };
}

/** Effects as a person reads them; packets by what a table wants to see of them. */
export function told(effects: readonly BfdEffect[]): readonly string[] {
  return effects.map((effect) => {
    switch (effect.type) {
      case "send": {
        const { state, poll, final, diagnostic } = decodePacket(effect.bytes);
        return `send ${state}${poll ? " P" : ""}${final ? " F" : ""} diag ${diagnostic}`;
      }
      case "state":
        return `${effect.from} -> ${effect.to}`;
      case "down":
        return `${effect.failed ? "failed" : "down"} ${effect.reason}: ${effect.text}`;
      case "drop":
        return `drop ${effect.reason}`;
      case "ended":
        return "ended";
    }
  });
}

/** One session of ours, and a peer that says what the test wants it to. */
export class Bench {
  readonly core: BfdSessions;
  readonly path: BfdPath;
  now: Instant = 0;
  /** All that was sent, with when. */
  readonly sent: (ControlPacket & { readonly at: Instant })[] = [];

  constructor(options: Partial<BfdOptions> = {}, path: BfdPath = PATH) {
    this.path = path;
    this.core = new BfdSessions(new SeededRandom(7));
    this.want(options);
  }

  want(options: Partial<BfdOptions>, disabled = false): readonly string[] {
    const wanted = [{ path: this.path, options: { ...OPTIONS, ...options }, disabled }];
    return this.#note(this.core.handle({ type: "sessions", wanted }, this.now));
  }

  wantNone(): readonly string[] {
    return this.#note(this.core.handle({ type: "sessions", wanted: [] }, this.now));
  }

  /** The peer says this, knowing our discriminator. */
  hear(packet: Partial<ControlPacket>, about: Partial<BfdDatagram> = {}): readonly string[] {
    return this.datagram(datagram({ yourDiscriminator: this.status.localDiscriminator, ...packet }, about));
  }

  /** The peer says its first word. */
  datagramFirst(): readonly string[] {
    return this.datagram(datagram({}));
  }

  datagram(one: BfdDatagram): readonly string[] {
    return this.#note(this.core.handle({ type: "datagram", datagram: one }, this.now));
  }

  /** Time passes, and what is due happens when it is due. */
  run(ms: number): readonly string[] {
    const end = this.now + ms;
    const all: string[] = [];
    for (let due = this.core.nextWake(); due !== undefined && due <= end; due = this.core.nextWake()) {
      this.now = Math.max(this.now, due);
      all.push(...this.#note(this.core.wake(this.now)));
    }
    this.now = end;
    return all;
  }

  /** Time passes while the peer says this every so many ms. */
  runHearing(ms: number, everyMs: number, packet: Partial<ControlPacket>): readonly string[] {
    const all: string[] = [];
    for (const end = this.now + ms; this.now < end; ) {
      all.push(...this.run(everyMs), ...this.hear(packet));
    }
    return all;
  }

  /** By the shortest way, the Poll Sequences of both sides behind it. */
  up(fast: Partial<ControlPacket> = {}): this {
    this.hear({ ...fast, state: "down" });
    this.hear({ state: "up", desiredMinTxMicros: 50_000, final: false, ...fast });
    this.hear({ state: "up", desiredMinTxMicros: 50_000, ...fast, final: true });
    this.hear({ state: "up", desiredMinTxMicros: 50_000, ...fast });
    this.sent.length = 0;
    return this;
  }

  get status(): SessionStatus {
    const status = this.core.status(pathKey(this.path));
    if (status === undefined) throw new Error("no session");
    return status;
  }

  #note(effects: readonly BfdEffect[]): readonly string[] {
    for (const effect of effects) {
      if (effect.type === "send") this.sent.push({ ...decodePacket(effect.bytes), at: this.now });
    }
    return told(effects);
  }
}
