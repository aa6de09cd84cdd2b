import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { WantedSession } from "@herald/bfd/effect";
import { type BfdOptions, bfdOptions } from "@herald/bfd/options";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { Clock } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { BfdListeners, BfdPlace, BfdPort } from "./bfd-port.ts";
import type { BfdReport, FromBfd } from "./bfd-protocol.ts";
import { BfdRunner } from "./run-bfd.ts";

const NODE = "192.0.2.2" as IpAddress;
const ROUTER = "192.0.2.1" as IpAddress;

/** One end of a cable that takes a millisecond, and what its sockets were asked for. */
class Port implements BfdPort {
  readonly asked: string[] = [];
  readonly listeners: BfdListeners;
  readonly #deliver: (bytes: Uint8Array) => void;
  constructor(listeners: BfdListeners, deliver: (bytes: Uint8Array) => void) {
    this.listeners = listeners;
    this.#deliver = deliver;
  }

  listen(places: readonly BfdPlace[]): void {
    const words = places.map(({ hops, family, device, local, leastTtls }) =>
      [
        ...[hops, family, device ?? "any"],
        ...(local === undefined ? [] : [`at ${local}`]),
        ...leastTtls.map(({ from, ttl }) => `${from}>=${ttl}`),
      ].join(" "),
    );
    this.asked.push(`listen: ${words.join(", ")}`);
  }

  send(_: string, __: unknown, bytes: Uint8Array): void {
    this.#deliver(bytes);
  }

  end(session: string): void {
    this.asked.push(`end: ${session}`);
  }

  close(): void {}
}

/** A node and a router, both with BFD of ours. */
class Pair {
  readonly clock = new VirtualClock();
  readonly posted: FromBfd[] = [];
  readonly heardOfRouter: FromBfd[] = [];
  readonly node: BfdRunner;
  readonly router: BfdRunner;
  nodePort!: Port;
  isCut = false;
  #routerPort!: Port;

  constructor(clock: (virtual: VirtualClock) => Clock = (virtual) => virtual) {
    const post = (messages: FromBfd[]) => (message: FromBfd) => messages.push(structuredClone(message));
    const common = { random: new SeededRandom(1), sharedMs: () => this.clock.now() };
    const carry = (to: () => Port, from: IpAddress) => (bytes: Uint8Array) => {
      if (this.isCut) return;
      const datagram = {
        hops: "single",
        from,
        to: undefined,
        interface: undefined,
        ttl: undefined,
        bytes,
      } as const;
      this.clock.at(this.clock.now() + 1, () => to().listeners.onDatagram(datagram));
    };
    this.node = new BfdRunner({
      ...common,
      clock: clock(this.clock),
      post: post(this.posted),
      open: (listeners) => {
        this.nodePort = new Port(
          listeners,
          carry(() => this.#routerPort, NODE),
        );
        return this.nodePort;
      },
    });
    this.router = new BfdRunner({
      ...common,
      clock: this.clock,
      post: post(this.heardOfRouter),
      open: (listeners) => {
        this.#routerPort = new Port(
          listeners,
          carry(() => this.nodePort, ROUTER),
        );
        return this.#routerPort;
      },
    });
  }

  /** Both come up. */
  begin(): void {
    this.router.obey({ type: "sessions", wanted: [to(NODE)] });
    this.node.obey({ type: "sessions", wanted: [to(ROUTER)] });
    this.clock.advance(3_000);
  }

  /** What the node's end posted since it was asked last, without its reports. */
  news(): readonly FromBfd[] {
    return this.posted.splice(0).filter(({ type }) => type !== "report");
  }

  report(): BfdReport {
    const report = this.posted.findLast((message) => message.type === "report");
    assert.ok(report?.type === "report");
    return report;
  }

  /** How late the node's thread ran, of all that it told. */
  worstMs(): number {
    return Math.max(...this.posted.map((each) => (each.type === "report" ? each.latestMs : 0)));
  }
}

const SESSION = `single ${ROUTER}`;

function to(remote: IpAddress, change: Partial<BfdOptions> = {}): WantedSession {
  const path = { hops: "single", remote, local: undefined, interface: undefined } as const;
  const options = { ...bfdOptions(undefined, path), transmitMs: 50, receiveMs: 50, ...change };
  return { path, options, disabled: false };
}

describe("the BFD thread", () => {
  it("tells when a session comes up, and how all stand each second", () => {
    const pair = new Pair();
    pair.begin();
    const { statuses, drops } = pair.report();
    assert.deepEqual(
      [...statuses].map(([key, { state, detectionTimeMs }]) => [key, state, detectionTimeMs]),
      [[SESSION, "up", 150]],
    );
    assert.deepEqual(
      Object.values(drops).filter((count) => count > 0),
      [],
    );
    const ups = pair.news().flatMap((message) => (message.type === "state" ? [message.to] : [message.type]));
    assert.equal(ups.at(-1), "up");
    pair.clock.advance(5_000);
    assert.equal(pair.posted.length, 5);
  });

  it("tells when a peer was silent for too long, and when that was", () => {
    const pair = new Pair();
    pair.begin();
    pair.news();
    const cutAt = pair.clock.now();
    pair.isCut = true;
    pair.clock.advance(1_000);
    const [state, down, ...rest] = pair.news();
    assert.deepEqual([state, rest], [{ type: "state", session: SESSION, from: "up", to: "down" }, []]);
    assert.ok(down?.type === "down");
    const { atMs, ...words } = down;
    assert.deepEqual(words, {
      type: "down",
      session: SESSION,
      reason: "detection-expired",
      text: "nothing heard for 150 ms",
      failed: true,
    });
    assert.ok(atMs - cutAt > 100 && atMs - cutAt <= 155, `${atMs - cutAt} ms`);
  });

  it("takes other intervals over into a session that is up", () => {
    const pair = new Pair();
    pair.begin();
    pair.news();
    pair.node.obey({ type: "sessions", wanted: [to(ROUTER, { transmitMs: 200, receiveMs: 100 })] });
    pair.clock.advance(2_000);
    const { state, transmitIntervalMs, detectionTimeMs, counters } =
      pair.report().statuses.get(SESSION) ?? {};
    assert.deepEqual([state, transmitIntervalMs, detectionTimeMs, counters?.down], ["up", 200, 300, 0]);
    assert.deepEqual(pair.news(), []);
  });

  it("parts from its peers: they know that nothing broke, and then it is done", () => {
    const pair = new Pair();
    pair.begin();
    pair.news();
    pair.heardOfRouter.length = 0;
    pair.node.obey({ type: "part" });
    pair.clock.advance(50);
    assert.deepEqual(
      pair.news().map((message) => (message.type === "down" ? message.reason : message.type)),
      ["state", "disabled", "parted"],
    );
    const told = pair.heardOfRouter.find(({ type }) => type === "down");
    assert.ok(told?.type === "down");
    assert.deepEqual([told.reason, told.failed], ["peer-admin-down", false]);
    assert.deepEqual(pair.nodePort.asked.slice(-2), [`end: ${SESSION}`, "listen: "]);
  });

  it("hears before it speaks: an answer is to find it listening", () => {
    const pair = new Pair();
    const { asked } = pair.nodePort;
    pair.nodePort.send = () => asked.push("send");
    pair.node.obey({ type: "sessions", wanted: [to(ROUTER)] });
    assert.deepEqual(asked.slice(0, 2), ["listen: single 4 any", "send"]);
  });

  it("says of no session that it has parted, but when it was to", () => {
    const pair = new Pair();
    pair.node.obey({ type: "sessions", wanted: [to(ROUTER)] });
    pair.node.obey({ type: "sessions", wanted: [] });
    assert.deepEqual(
      pair.news().map(({ type }) => type),
      ["state"],
    );
  });

  it("counts what it drops", () => {
    const pair = new Pair();
    pair.node.obey({ type: "sessions", wanted: [to(ROUTER)] });
    const datagram = {
      hops: "single",
      from: ROUTER,
      to: undefined,
      interface: undefined,
      ttl: undefined,
    } as const;
    for (let count = 0; count < 2; count += 1) {
      pair.nodePort.listeners.onDatagram({ ...datagram, bytes: new Uint8Array(3) });
    }
    pair.clock.advance(1_000);
    assert.equal(pair.report().drops.truncated, 2);
  });

  it("parts at once when there is nobody to part from", () => {
    const pair = new Pair();
    pair.node.obey({ type: "part" });
    assert.deepEqual(pair.news(), [{ type: "parted" }]);
  });

  it("hears where sessions need it, with the TTL that each allows", () => {
    const pair = new Pair();
    const multi = to("203.0.113.1" as IpAddress, { minimumTtl: 250 });
    const wanted: WantedSession[] = [
      to(ROUTER),
      { ...to(ROUTER), path: { ...to(ROUTER).path, local: NODE } },
      { ...to(ROUTER), path: { ...to(ROUTER).path, local: NODE, remote: "192.0.2.9" as IpAddress } },
      { ...multi, path: { ...multi.path, hops: "multi" } },
      { ...multi, path: { ...multi.path, hops: "multi", remote: "203.0.113.2" as IpAddress } },
      { ...to(ROUTER), path: { ...to(ROUTER).path, remote: "2001:db8::1" as IpAddress, interface: "red" } },
    ];
    pair.node.obey({ type: "sessions", wanted });
    assert.equal(
      pair.nodePort.asked.at(-1),
      "listen: single 4 any, single 4 any at 192.0.2.2, multi 4 any 203.0.113.1>=250 203.0.113.2>=250, single 6 red",
    );
  });

  it("asks again each second for a port that it did not get, and says why once", () => {
    const pair = new Pair();
    pair.node.obey({ type: "sessions", wanted: [to(ROUTER)] });
    pair.nodePort.asked.length = 0;
    for (const message of ["EADDRINUSE", "EADDRINUSE", "EACCES"]) {
      pair.nodePort.listeners.onTrouble("port", message);
      pair.clock.advance(1_000);
    }
    assert.deepEqual(pair.nodePort.asked, Array(3).fill("listen: single 4 any"));
    assert.deepEqual(pair.news(), [
      { type: "trouble", what: "port", message: "EADDRINUSE" },
      { type: "trouble", what: "port", message: "EACCES" },
    ]);
  });

  it("tells of a pause in which it heard what came in, too", () => {
    let isStill = false;
    const pair = new Pair((virtual) => ({
      now: () => virtual.now(),
      at: (due, ring) => virtual.at(isStill ? due + 700 : due, ring),
    }));
    pair.begin();
    isStill = true;
    pair.clock.advance(200); // only the router's packets wake it
    isStill = false;
    pair.clock.advance(1_000);
    assert.ok(pair.worstMs() > 100, `${pair.worstMs()} ms`);
  });

  it("tells how late it ran at worst since the last time", () => {
    let lateMs = 0;
    const pair = new Pair((virtual) => ({
      now: () => virtual.now(),
      at: (due, ring) => virtual.at(due + lateMs, ring),
    }));
    pair.begin();
    assert.equal(pair.report().latestMs, 0);
    lateMs = 7;
    pair.clock.advance(500);
    lateMs = 0;
    pair.clock.advance(1_000);
    assert.equal(pair.worstMs(), 7);
    pair.clock.advance(2_000);
    assert.equal(pair.report().latestMs, 0);
  });
});
