import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpInput } from "./effect.ts";
import { encodeMessage } from "./message.ts";
import { Bench, ip, KEEPALIVE, OPTIONS, theirOpen, UPDATE } from "./testdata/bench.ts";

describe("a session's timers", () => {
  it("sends KEEPALIVEs at a third of the hold time, less up to a quarter", () => {
    const bench = new Bench().reach("established");
    bench.pass(22_000);
    const before = bench.session.status().counters.sent.keepalive;
    bench.now = 0;
    for (let turn = 0; turn < 100; turn += 1) {
      bench.pass(30_000);
      bench.hear(KEEPALIVE);
    }
    const sent = bench.session.status().counters.sent.keepalive - before;
    assert.ok(sent >= 100 && sent <= 134, `${sent} in 3,000 s`);
  });

  it("gives the peer up when nothing was heard for the hold time (MetalLB defect 16)", () => {
    const bench = new Bench().reach("established");
    bench.pass(89_999);
    assert.equal(bench.state, "established");
    assert.deepEqual(bench.pass(1), [
      "1 < hold timer expired",
      "1 close",
      "established > idle",
      "lost: hold-expired: nothing heard for the hold time of 90 s",
    ]);
  });

  it("counts from the last that was heard, the KEEPALIVE that begins the session among it", () => {
    const bench = new Bench().reach("open-confirm");
    bench.pass(80_000);
    bench.hear(KEEPALIVE);
    bench.pass(80_000);
    bench.hear(UPDATE);
    bench.pass(89_999);
    assert.equal(bench.state, "established");
    bench.pass(1);
    assert.equal(bench.state, "idle");
  });

  it("takes the lower hold time of both", () => {
    const bench = new Bench().reach("established", theirOpen({ holdTimeSeconds: 3 }));
    assert.ok(bench.pass(3_000).includes("lost: hold-expired: nothing heard for the hold time of 3 s"));
  });

  it("has none when one of both wants none", () => {
    const bench = new Bench().reach("established", theirOpen({ holdTimeSeconds: 0 }));
    assert.equal(bench.session.nextWake(), undefined);
  });

  it("sends no two KEEPALIVEs within a second, however short the hold time (RFC 4271 §4.4)", () => {
    const bench = new Bench().reach("established", theirOpen({ holdTimeSeconds: 3 }));
    const gaps = new Set<number>();
    for (let turn = 0; turn < 20; turn += 1) {
      const gap = (bench.session.nextWake() ?? 0) - bench.now;
      gaps.add(gap);
      bench.pass(gap);
      bench.hear(KEEPALIVE);
    }
    assert.deepEqual([...gaps], [1_000]);
  });

  it("sends KEEPALIVEs as often as configured, if that is more often", () => {
    const bench = new Bench({ keepaliveSeconds: 1 }).reach("established");
    bench.pass(30_000);
    const { keepalive } = bench.session.status().counters.sent;
    assert.ok(keepalive > 30 && keepalive < 42, `${keepalive}`);
  });

  const timers = ({ holdTimeSeconds = 90, keepaliveSeconds = 30, retryMaxMs = 10_000 } = {}): BgpInput => ({
    type: "timers",
    timers: { holdTimeSeconds, keepaliveSeconds, retryMaxMs, advertisementIntervalMs: 0, delayOpenMs: 0 },
  });

  it("may become others without an end of it: KEEPALIVEs go by them from then on", () => {
    const bench = new Bench().reach("established");
    assert.deepEqual(bench.handle(timers({ keepaliveSeconds: 2 })), []);
    const due = (bench.session.nextWake() ?? 0) - bench.now;
    assert.ok(due >= 1_500 && due <= 2_000, `${due}`);
    assert.deepEqual([bench.pass(2_000).includes("1 < KEEPALIVE"), bench.state], [true, "established"]);
  });

  it("may become others, of which the hold time is offered in the next OPEN", () => {
    const bench = new Bench().reach("established");
    bench.handle(timers({ holdTimeSeconds: 9 }));
    bench.pass(30_000);
    assert.deepEqual([bench.state, bench.session.status().negotiated?.holdTimeSeconds], ["established", 90]);
    bench.closed(1);
    bench.pass((bench.session.nextWake() ?? 0) - bench.now);
    bench.connected(2);
    bench.hear(encodeMessage(theirOpen()), 2);
    bench.hear(KEEPALIVE, 2);
    assert.deepEqual([bench.state, bench.session.status().negotiated?.holdTimeSeconds], ["established", 9]);
  });

  it("may become others, and later waits go by them", () => {
    const bench = new Bench({ retryMinMs: 5_000, retryMaxMs: 5_000 });
    bench.start();
    bench.handle(timers({ retryMaxMs: 80_000 }));
    const waits: number[] = [];
    for (let connection = 1; connection <= 6; connection += 1) {
      bench.closed(connection, "ECONNREFUSED");
      waits.push((bench.session.nextWake() ?? 0) - bench.now);
      bench.pass(waits.at(-1) ?? 0);
    }
    assert.ok((waits.at(-1) ?? 0) >= 60_000, `${waits}`);
  });

  it("may become others, and no wait for the next try is longer than it would be", () => {
    const bench = new Bench({ ...OPTIONS, retryMinMs: 600_000, retryMaxMs: 600_000 });
    bench.start();
    bench.closed(1, "ECONNREFUSED");
    bench.handle(timers());
    assert.equal((bench.session.nextWake() ?? 0) - bench.now, 10_000);
  });

  it("may become others, and no wait after an error is longer than it would be", () => {
    const bench = new Bench({ ...OPTIONS, retryMinMs: 600_000, retryMaxMs: 600_000 }).reach("open-sent");
    bench.hear(Uint8Array.of(1));
    bench.handle(timers());
    assert.equal((bench.session.nextWake() ?? 0) - bench.now, 10_000);
  });

  it("does not wait for an OPEN forever", () => {
    const bench = new Bench().reach("open-sent");
    assert.deepEqual(bench.pass(30_000).slice(0, 4), [
      "1 < hold timer expired",
      "1 close",
      "open-sent > idle",
      "down: hold-expired: no OPEN within 30 s, although there was a connection",
    ]);
  });

  it("does not wait for a connection forever", () => {
    const bench = new Bench().reach("connect");
    assert.deepEqual(bench.pass(5_000), [
      "1 close",
      "connect > active",
      "down: connect-failed: no connection within 5 s",
    ]);
  });
});

describe("a session that lets the peer introduce itself first (DelayOpen, RFC 4271 §8.1.1)", () => {
  const delayed = (): Bench => new Bench({ delayOpenMs: 2_000 }).reach("connect");

  it("answers its OPEN with both messages, and is there with the next one", () => {
    const bench = delayed();
    bench.connected();
    assert.deepEqual(bench.hear(encodeMessage(theirOpen())), [
      "connect > open-confirm",
      "1 < OPEN 5",
      "1 < KEEPALIVE",
    ]);
    assert.deepEqual(bench.hear(KEEPALIVE), ["open-confirm > established", "established"]);
    assert.equal(bench.session.status().negotiated?.holdTimeSeconds, 90);
  });

  it("introduces itself when that took too long, and waits for an answer like any other", () => {
    const bench = delayed();
    bench.connected();
    assert.deepEqual(bench.pass(1_999), []);
    assert.deepEqual(bench.pass(1), ["connect > open-sent", "1 < OPEN 5"]);
    assert.deepEqual(bench.pass(30_000).slice(0, 2), ["1 < hold timer expired", "1 close"]);
  });

  it("is not called anew while it waits for that", () => {
    const bench = new Bench({ delayOpenMs: 60_000 }).reach("connect");
    bench.connected();
    assert.deepEqual(bench.pass(59_999), []);
  });

  it("is made over one of two connections when both sides connected at once", () => {
    const bench = delayed();
    bench.connected();
    assert.deepEqual(bench.accepted(), []);
    bench.hear(encodeMessage(theirOpen()));
    assert.deepEqual(bench.hear(encodeMessage(theirOpen()), -1), [
      "1 < Cease, connection collision resolution",
      "1 close",
      "open-confirm > idle",
      "-1 < OPEN 5",
      "-1 < KEEPALIVE",
      "idle > open-confirm",
    ]);
  });

  it("closes the one of them that has to go before it said anything", () => {
    const bench = new Bench({ delayOpenMs: 2_000, routerId: ip("192.0.2.255") }).reach("connect");
    bench.connected();
    bench.accepted();
    bench.hear(encodeMessage(theirOpen()));
    assert.deepEqual(bench.hear(encodeMessage(theirOpen()), -1), ["-1 close"]);
    assert.deepEqual(bench.hear(KEEPALIVE), ["open-confirm > established", "established"]);
  });

  it("knows a connection that ended from one that was not made", () => {
    const bench = delayed();
    assert.equal(bench.closed(1, "ECONNREFUSED").at(-1), "down: connect-failed: no connection: ECONNREFUSED");
    bench.pass(250);
    bench.connected(2);
    assert.equal(bench.closed(2, "ECONNRESET").at(-1), "down: closed: the connection was closed: ECONNRESET");
  });
});
