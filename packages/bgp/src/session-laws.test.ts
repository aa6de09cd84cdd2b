import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import type { IpAddress } from "@herald/shared/ip/address";
import fc from "fast-check";
import type { BgpEffect, BgpInput } from "./effect.ts";
import { frame, HEADER_OCTETS } from "./header.ts";
import { CEASE, MESSAGE_TYPE } from "./iana.ts";
import { encodeMessage } from "./message.ts";
import { cease, decodeNotification, describeNotification, notification } from "./notification.ts";
import { decodeOpen } from "./open.ts";
import type { SessionOptions } from "./options.ts";
import { BgpSession } from "./session.ts";
import type { BgpState } from "./states.ts";
import {
  framesIn,
  ip,
  KEEPALIVE,
  LOCAL,
  OPTIONS,
  RESTART,
  routes,
  theirOpen,
  UPDATE,
} from "./testdata/bench.ts";

/** Random lives. More of them: `HERALD_BGP_LIVES=100000`. */
const LIVES = Number(process.env["HERALD_BGP_LIVES"] ?? 1_500);

const COLLISION = describeNotification(cease(CEASE.collision));
/** Than ours. */
const SMALLER = ip("192.0.2.0");
const OPENS = [
  theirOpen(),
  theirOpen({ routerId: SMALLER, holdTimeSeconds: 3 }),
  theirOpen({ asn: 1, capabilities: [] }),
  theirOpen({ holdTimeSeconds: 0 }),
  theirOpen({ capabilities: [] }),
  theirOpen({}, [
    { type: "graceful-restart", restarting: true, notifications: true, restartTimeSeconds: 1, families: [] },
  ]),
].map(encodeMessage);

const MESSAGES: readonly Uint8Array[] = [
  ...OPENS,
  KEEPALIVE,
  KEEPALIVE,
  UPDATE,
  encodeMessage(cease(4)),
  encodeMessage(notification(2, 4)),
  encodeMessage({ type: "route-refresh", family: { afi: 1, safi: 1 }, subtype: 0 }),
  frame(MESSAGE_TYPE.update, Uint8Array.of(0, 9, 0, 0)),
  frame(MESSAGE_TYPE.routeRefresh, new Uint8Array(2)),
  Uint8Array.of(1, 2, 3),
  KEEPALIVE.subarray(0, 7),
];

const TABLES = [routes(), routes("203.0.113.1/32"), routes("203.0.113.1/32", "2001:db8:1::/48")];

type Step = { readonly type: "sleep"; readonly ms: number } | { readonly type: "good" } | BgpInput;

/** Connections are those that there are, mostly. */
const connection = fc.integer({ min: -3, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("sleep" as const), ms: fc.integer({ min: 0, max: 40_000 }) }),
  },
  { weight: 6, arbitrary: fc.constant({ type: "good" } as const) },
  { weight: 2, arbitrary: fc.constant({ type: "start" } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("stop" as const),
      how: fc.constantFrom(
        "shutdown" as const,
        "reset" as const,
        "deconfigured" as const,
        "restart" as const,
      ),
      text: fc.constantFrom("", "bye"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("connected" as const), connection, local: fc.constant(LOCAL) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("accepted" as const), connection, local: fc.constant(LOCAL) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("closed" as const), connection, why: fc.constant("") }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("bytes" as const),
      connection,
      bytes: fc.constantFrom(...MESSAGES),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constant("routes" as const), routes: fc.constantFrom(...TABLES) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("drain" as const), draining: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("timers" as const),
      timers: fc.record({
        holdTimeSeconds: fc.constantFrom(0, 3, 90),
        keepaliveSeconds: fc.constantFrom(undefined, 1),
        retryMaxMs: fc.constantFrom(250, 10_000, 60_000),
        advertisementIntervalMs: fc.constantFrom(0, 5_000),
        delayOpenMs: fc.constantFrom(0, 10_000),
      }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ type: "announce-again" } as const) },
  { weight: 1, arbitrary: fc.constant({ type: "peer-down", why: "" } as const) },
  { weight: 1, arbitrary: fc.constant({ type: "reachable" } as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("addresses" as const),
      connection,
      local: fc.constantFrom(LOCAL, { ...LOCAL, ipv6: undefined }),
    }),
  },
);

const OPTION_SETS: readonly SessionOptions[] = [
  OPTIONS,
  { ...OPTIONS, passive: true },
  { ...OPTIONS, gracefulRestart: { ...RESTART, restarting: true }, holdTimeSeconds: 9 },
  { ...OPTIONS, advertisementIntervalMs: 5_000, delayOpenMs: 10_000 },
  { ...OPTIONS, passive: true, delayOpenMs: 10_000 },
];

/** A session under whatever comes, and what must hold of it at any time. */
class Life {
  readonly session: BgpSession;
  readonly story: string[] = [];
  now = 0;
  #state: BgpState = "idle";
  /** Connections that the session has asked for or was given, and not closed. */
  readonly #open = new Set<number>();
  /** Which of them have sent a NOTIFICATION: only their end may follow. */
  readonly #farewelled = new Set<number>();
  /** Which of them both sides agreed on: a KEEPALIVE answered the peer's OPEN. */
  readonly #agreed = new Set<number>();
  /** What the peer says it is in the OPEN that is heard just now. */
  #identifier: IpAddress | undefined;
  /** How often one of two connections had to go. */
  collisions = 0;
  #used = 0;
  /** The connection that was there when a session was brought on last. */
  #made = 0;
  readonly #options: SessionOptions;
  constructor(options: SessionOptions) {
    this.#options = options;
    this.session = new BgpSession(options, new SeededRandom(5));
  }

  take(each: Step): void {
    this.story.push(`${this.now} ${each.type}`);
    if (each.type === "sleep") this.#sleep(each.ms);
    else if (each.type === "good") this.#forward();
    else this.#feed(this.#renumbered(each));
    this.#judgeTimers();
  }

  /** What brings a session on: the connection that is asked for, an OPEN, a KEEPALIVE. */
  #forward(): void {
    const connection = Math.max(...this.#open, 0);
    const { state } = this.session.status();
    const isMade = this.#made === connection;
    this.#made = connection;
    if (state === "connect" && !isMade) this.#feed({ type: "connected", connection, local: LOCAL });
    if (state === "open-sent" || (state === "connect" && isMade))
      this.#feed({ type: "bytes", connection, bytes: OPENS[0] as Uint8Array });
    if (state === "open-confirm") this.#feed({ type: "bytes", connection, bytes: KEEPALIVE });
  }

  /** No number of an accepted connection comes twice. */
  #renumbered(input: BgpInput): BgpInput {
    if (input.type !== "accepted") return input;
    this.#used -= 1;
    this.#open.add(this.#used);
    return { ...input, connection: this.#used };
  }

  #sleep(ms: number): void {
    const until = this.now + ms;
    for (let turns = 0; ; turns += 1) {
      const due = this.session.nextWake();
      if (due === undefined || due > until) break;
      assert.ok(turns < 2_000, "wakes and wakes");
      this.now = Math.max(this.now, due);
      for (const effect of this.session.wake(this.now)) this.#judge(effect);
    }
    this.now = until;
  }

  #feed(input: BgpInput): void {
    if (input.type === "closed") this.#forget(input.connection);
    const isOpen = input.type === "bytes" && OPENS.includes(input.bytes);
    this.#identifier = isOpen ? identifierOf(input.bytes) : undefined;
    for (const effect of this.session.handle(input, this.now)) this.#judge(effect);
    assert.ok(this.#open.size <= 2, `${this.#open.size} connections`);
    assert.ok(this.#agreed.size <= 1, "both connections go on");
    assert.equal(this.session.status().state, this.#state, "states are told");
  }

  #judge(effect: BgpEffect): void {
    switch (effect.type) {
      case "state":
        assert.equal(effect.from, this.#state);
        assert.notEqual(effect.to, effect.from);
        this.#state = effect.to;
        return;
      case "connect":
        assert.ok(!this.#options.passive, "who waits does not call");
        this.#open.add(effect.connection);
        return;
      case "close":
        assert.ok(this.#open.has(effect.connection), "what is closed was open");
        this.#forget(effect.connection);
        return;
      case "established":
        assert.equal(this.#state, "established");
        return;
      case "send":
        this.#judgeSent(effect.connection, effect.bytes);
        return;
    }
  }

  #judgeSent(connection: number, bytes: Uint8Array): void {
    assert.ok(this.#open.has(connection), "nothing is sent on what is closed");
    assert.ok(!this.#farewelled.has(connection), "nothing follows a NOTIFICATION");
    for (const { type, body } of framesIn(bytes)) {
      if (type === MESSAGE_TYPE.update) assert.equal(this.#state, "established");
      if (type === MESSAGE_TYPE.keepalive) this.#agreed.add(connection);
      if (type !== MESSAGE_TYPE.notification) continue;
      if (describeNotification(decodeNotification(body)) === COLLISION) this.#judgeCollision(connection);
      this.#farewelled.add(connection);
    }
  }

  /** RFC 4271 §6.8: while neither is established, the one stays that the side with the greater identifier made. */
  #judgeCollision(gone: number): void {
    this.collisions += 1;
    const [stays, ...more] = [...this.#open].filter((each) => each !== gone);
    assert.ok(stays !== undefined, "one stays");
    if (this.#identifier === undefined) {
      assert.ok(
        gone < 0 && this.#open.has(this.#used),
        "unless the peer made a third, which takes the second's place",
      );
      return;
    }
    assert.deepEqual(more, [], "no third one waits");
    if (this.#state === "established" || (gone < 0 && stays < 0)) return; // of two of the peer's, the later stays
    assert.equal(stays > 0, this.#identifier === SMALLER, `${stays} stays, the peer is ${this.#identifier}`);
  }

  #forget(connection: number): void {
    this.#open.delete(connection);
    this.#agreed.delete(connection);
  }

  /** A connection is never without a bound on the peer's silence, unless both agreed on that. */
  #judgeTimers(): void {
    const { state, negotiated } = this.session.status();
    const due = this.session.nextWake();
    const { openTimeoutMs, holdTimeSeconds } = this.#options;
    if (state === "idle" || (state === "active" && this.#open.size === 0)) return;
    if (negotiated?.holdTimeSeconds === 0) return;
    assert.ok(due !== undefined, `no timer in ${state}`);
    assert.ok(due - this.now <= Math.max(openTimeoutMs, holdTimeSeconds * 1_000), `${due} in ${state}`);
  }
}

function identifierOf(message: Uint8Array): IpAddress {
  return decodeOpen(message.subarray(HEADER_OCTETS)).routerId;
}

/** @param tries of each whether the peer is silent; else it refuses. */
function judgeTries(tries: readonly boolean[], retryMaxMs: number): void {
  const session = new BgpSession({ ...OPTIONS, retryMaxMs }, new SeededRandom(7));
  const { connectTimeoutMs, retryMinMs } = session.options;
  session.handle({ type: "start" }, 0);
  let now = 0;
  for (const [at, isSilent] of tries.entries()) {
    if (isSilent) now += connectTimeoutMs;
    if (isSilent) session.wake(now);
    else session.handle({ type: "closed", connection: at + 1, why: "ECONNREFUSED" }, now);
    const due = session.nextWake() ?? assert.fail("given up");
    const most = Math.min(retryMinMs * 2 ** at, retryMaxMs);
    assert.ok(due - now <= most && due - now >= 0.75 * most, `${due - now} after ${at + 1} tries`);
    now = due;
    assert.deepEqual(session.wake(now).at(-1), { type: "connect", connection: at + 2 });
  }
}

describe("any life of a session", () => {
  it(`keeps the laws: ${LIVES} lives`, () => {
    let established = 0;
    let collisions = 0;
    fc.assert(
      fc.property(
        fc.constantFrom(...OPTION_SETS),
        fc.array(step, { maxLength: 60, size: "max" }),
        (options, steps) => {
          const life = new Life(options);
          try {
            life.take({ type: "start" });
            for (const each of steps) life.take(each);
          } catch (error) {
            throw new Error(`${life.story.join("\n")}\n${error}`, { cause: error });
          }
          established += life.session.status().counters.established;
          collisions += life.collisions;
        },
      ),
      { numRuns: LIVES },
    );
    assert.ok(established > LIVES / 8, `established only ${established} times`);
    assert.ok(collisions > LIVES / 10, `only ${collisions} collisions`);
  });

  it("never tries a peer sooner than it backs off for, however tries end, nor later than it is to", () => {
    const tries = fc.array(fc.boolean(), { minLength: 1, maxLength: 20 });
    fc.assert(fc.property(tries, fc.constantFrom(250, 1_000, 10_000, 60_000), judgeTries));
  });

  it("ends in quiet when nothing is wanted any more", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const life = new Life(OPTIONS);
        life.take({ type: "start" });
        for (const each of steps) life.take(each);
        life.take({ type: "stop", how: "shutdown", text: "" });
        assert.deepEqual([life.session.status().state, life.session.nextWake()], ["idle", undefined]);
      }),
      { numRuns: 300 },
    );
  });
});
