import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import type { Capability } from "./capability.ts";
import type { BgpInput } from "./effect.ts";
import { frame } from "./header.ts";
import { CEASE, MESSAGE_TYPE } from "./iana.ts";
import { encodeMessage } from "./message.ts";
import { cease, notification } from "./notification.ts";
import { decodeOpen } from "./open.ts";
import {
  Bench,
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
import { RouterTable } from "./testdata/router-table.ts";
import { AS_PATH, body, LOCAL_PREF, NEXT_HOP, NLRI, ORIGIN, REACH } from "./testdata/update-body.ts";

const KNOWS_RESTART: Capability = {
  type: "graceful-restart",
  restarting: false,
  notifications: true,
  restartTimeSeconds: 120,
  families: [],
};
const TAKES_CARE = theirOpen({}, [KNOWS_RESTART]);

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

describe("a session that cannot be", () => {
  /** ms from the end of each try to the next; the peer refuses every connection, or says nothing at all. */
  function waits(bench: Bench, tries: number, isSilent = false): readonly number[] {
    bench.start();
    const all: number[] = [];
    for (let connection = 1; connection <= tries; connection += 1) {
      if (isSilent) bench.pass(bench.session.options.connectTimeoutMs);
      else bench.closed(connection, "ECONNREFUSED");
      const due = bench.session.nextWake() ?? assert.fail("given up");
      all.push(due - bench.now);
      bench.pass(due - bench.now);
    }
    return all;
  }

  for (const [how, isSilent, retryMaxMs, bounds] of [
    ["refuses", false, 10_000, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]],
    ["is silent", true, 10_000, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]],
    ["is silent and has a connect time of 1 s", true, 1_000, [250, 500, 1_000, 1_000, 1_000]],
    ["is silent and has one of 15 s", true, 15_000, [250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]],
  ] as const) {
    it(`is tried ever less often when the peer ${how}, up to a bound, with jitter`, () => {
      for (const [at, ms] of waits(new Bench({ retryMaxMs }), bounds.length, isSilent).entries()) {
        const most = bounds[at] as number;
        assert.ok(ms <= most && ms >= 0.75 * most, `wait ${at}: ${ms}`);
      }
    });
  }

  it("is tried less often also when the peer refuses us only then", () => {
    const bench = new Bench();
    bench.start();
    const starts: number[] = [];
    for (let connection = 1; connection <= 5; connection += 1) {
      bench.connected(connection);
      bench.hear(encodeMessage(theirOpen()), connection);
      bench.hear(KEEPALIVE, connection);
      bench.hear(encodeMessage(notification(6, 1)), connection);
      const due = bench.session.nextWake() ?? assert.fail("given up");
      starts.push(due - bench.now);
      bench.pass(due - bench.now);
    }
    assert.ok((starts[4] as number) > 2_900, `${starts}`);
    assert.deepEqual(bench.session.status().lastError, {
      reason: "notification",
      text: "the peer says: Cease, maximum number of prefixes reached",
      at: starts.slice(0, 4).reduce((sum, each) => sum + each, 0),
    });
  });

  it("is tried again soon once it has lasted", () => {
    const bench = new Bench();
    waits(bench, 6);
    bench.connected(7);
    bench.hear(encodeMessage(theirOpen()), 7);
    bench.hear(KEEPALIVE, 7);
    bench.pass(20_000);
    bench.closed(7);
    assert.ok((bench.session.nextWake() ?? 0) - bench.now <= 250);
  });

  it("is tried ever less often again when it cannot be any more after it lasted", () => {
    const bench = new Bench().reach("established");
    bench.pass(20_000);
    bench.closed();
    for (let connection = 2; connection <= 7; connection += 1) {
      bench.pass((bench.session.nextWake() ?? 0) - bench.now);
      bench.closed(connection, "ECONNREFUSED");
    }
    assert.equal(bench.session.status().failures, 7);
    assert.ok((bench.session.nextWake() ?? 0) - bench.now >= 7_500);
  });

  it("refuses who connects too soon after an error, unless all it does is wait", () => {
    const bench = new Bench().reach("open-sent");
    bench.hear(encodeMessage(theirOpen({ asn: 1, capabilities: [] })));
    assert.deepEqual(bench.accepted(), ["-1 close", "connection-refused: too soon after an error"]);
    const passive = new Bench({ passive: true });
    assert.deepEqual(passive.start(), ["idle > active"]);
    passive.accepted(-1);
    passive.hear(encodeMessage(theirOpen({ asn: 1, capabilities: [] })), -1);
    assert.equal(passive.state, "active");
    assert.deepEqual(passive.accepted(-2), ["active > open-sent", "-2 < OPEN 5"]);
  });

  it("says the wrong AS in words", () => {
    const bench = new Bench().reach("open-sent");
    bench.hear(encodeMessage(theirOpen({ asn: 64_514, capabilities: [] })));
    assert.equal(
      bench.session.status().lastError?.text,
      "open.asn: invalid (the peer is AS 64514, want AS 64513); told the peer: OPEN message error, bad peer AS",
    );
  });

  it("still says what the peer said when it keeps silent afterwards", () => {
    const bench = new Bench().reach("open-sent");
    bench.hear(encodeMessage(notification(2, 2)));
    bench.pass(250);
    bench.closed(2, "ECONNREFUSED");
    const { lastError, lastNotification } = bench.session.status();
    assert.deepEqual(
      [lastError?.text, lastNotification?.text],
      ["no connection: ECONNREFUSED", "the peer says: OPEN message error, bad peer AS"],
    );
  });

  it("is tried without capabilities when the peer chokes on them, once (RFC 5492 §3)", () => {
    const bench = new Bench().reach("open-sent");
    bench.hear(encodeMessage(notification(2, 4)));
    bench.pass(250);
    assert.deepEqual(bench.connected(2), ["connect > open-sent", "2 < OPEN 0"]);
    bench.hear(encodeMessage(theirOpen({ capabilities: [] })), 2);
    assert.deepEqual(bench.session.status().negotiated?.families, [4]);
    assert.equal(bench.session.status().negotiated?.asnOctets, 2);
    bench.closed(2);
    bench.pass(500);
    assert.deepEqual(bench.connected(3), ["connect > open-sent", "3 < OPEN 5"]);
  });

  const SILENCES: Readonly<Record<string, (bench: Bench, connection: number) => void>> = {
    "takes no connection": (bench, connection) => bench.closed(connection, "ECONNREFUSED"),
    "closes each connection": (bench, connection) => {
      bench.connected(connection);
      bench.closed(connection);
    },
    "says on each connection that it takes none": (bench, connection) => {
      bench.connected(connection);
      bench.hear(encodeMessage(cease(CEASE.rejected)), connection);
    },
  };
  for (const [what, silence] of Object.entries(SILENCES)) {
    it(`is tried without them for an hour while a peer that choked on them ${what}`, () => {
      const bench = new Bench().reach("open-sent");
      bench.hear(encodeMessage(notification(2, 4)));
      let connection = 1;
      const silentUntil = (ms: number): string | undefined => {
        for (;;) {
          const due = bench.session.nextWake() ?? assert.fail("given up");
          connection += 1;
          assert.equal(bench.pass(due - bench.now).at(-1), `${connection} connect`);
          if (bench.now >= ms) return bench.connected(connection).at(-1);
          silence(bench, connection);
        }
      };
      assert.equal(silentUntil(3_580_000), `${connection} < OPEN 0`);
      bench.closed(connection);
      assert.equal(silentUntil(3_600_000), `${connection} < OPEN 5`);
    });
  }

  it("is tried without them although the pauses are longer than that", () => {
    const bench = new Bench({ retryMinMs: 65_535_000, retryMaxMs: 65_535_000 }).reach("open-sent");
    bench.hear(encodeMessage(notification(2, 4)));
    bench.pass((bench.session.nextWake() ?? 0) - bench.now);
    assert.deepEqual([bench.now > 3_600_000, bench.connected(2).at(-1)], [true, "2 < OPEN 0"]);
  });
});

describe("a peer that says nothing of what it can do (RFC 5492 §3)", () => {
  const silent = theirOpen({ capabilities: [] });

  it("takes IPv4 and AS numbers of two octets, and that it takes no IPv6 is told", () => {
    const bench = new Bench().reach("open-confirm", silent);
    assert.deepEqual(bench.hear(KEEPALIVE), [
      "open-confirm > established",
      "established",
      "family-refused: the peer takes no routes of IPv6",
    ]);
    const { negotiated } = bench.session.status();
    assert.deepEqual([negotiated?.families, negotiated?.asnOctets, negotiated?.endOfRib], [[4], 2, false]);
  });

  it("is none for a session that is for IPv6 alone", () => {
    const bench = new Bench({ families: [6] }).reach("open-sent");
    assert.deepEqual(bench.hear(encodeMessage(silent)), [
      "1 < OPEN message error, unsupported capability",
      "1 close",
      "open-sent > idle",
      "down: open-refused: open.capabilities: invalid (the peer offers no IPv6 unicast); told the peer: OPEN message error, unsupported capability",
    ]);
  });
});

describe("two connections at once (RFC 4271 §6.8)", () => {
  const open = encodeMessage(theirOpen()); // 192.0.2.254, greater than ours

  it("the one that the greater identifier made stays: theirs", () => {
    const bench = new Bench().reach("open-confirm");
    bench.accepted();
    assert.deepEqual(bench.hear(open, -1), [
      "1 < Cease, connection collision resolution",
      "1 close",
      "open-confirm > idle",
      "-1 < KEEPALIVE",
      "idle > open-confirm",
    ]);
    assert.deepEqual(bench.hear(KEEPALIVE, -1), ["open-confirm > established", "established"]);
  });

  it("the one that the greater identifier made stays: ours", () => {
    const bench = new Bench({ routerId: ip("192.0.2.255") }).reach("open-confirm");
    bench.accepted();
    assert.deepEqual(bench.hear(open, -1), ["-1 < Cease, connection collision resolution", "-1 close"]);
    assert.deepEqual(bench.hear(KEEPALIVE), ["open-confirm > established", "established"]);
  });

  it("it does not matter on which the OPEN comes first", () => {
    const bench = new Bench().reach("open-sent");
    bench.accepted();
    bench.hear(open, -1);
    assert.deepEqual(bench.hear(open, 1), [
      "1 < Cease, connection collision resolution",
      "1 close",
      "open-sent > idle",
      "idle > open-confirm",
    ]);
    assert.equal(bench.session.status().lastError, undefined);
  });

  it("of equal identifiers the greater AS counts (RFC 6286)", () => {
    const bench = new Bench({ routerId: ip("192.0.2.254") }).reach("open-confirm");
    bench.accepted();
    assert.deepEqual(bench.hear(open, -1).slice(0, 2), [
      "1 < Cease, connection collision resolution",
      "1 close",
    ]);
  });

  it("the peer's is taken while ours is not made yet", () => {
    const bench = new Bench().reach("connect");
    bench.accepted();
    bench.hear(open, -1);
    assert.deepEqual(bench.hear(KEEPALIVE, -1), ["1 close", "connect > established", "established"]);
  });

  it("that the other one came to nothing is no failure of the peer's", () => {
    const bench = new Bench().reach("open-sent");
    for (const end of [() => bench.closed(-1), () => bench.hear(Uint8Array.of(1), -2)]) {
      bench.accepted(-1);
      bench.accepted(-2);
      end();
      bench.closed(-2);
    }
    assert.equal(bench.session.status().failures, 0);
    assert.equal(bench.state, "open-sent");
  });

  it("a session stays, and the newcomer goes", () => {
    const bench = new Bench().reach("established");
    bench.accepted();
    assert.deepEqual(bench.hear(open, -1), ["-1 < Cease, connection collision resolution", "-1 close"]);
    assert.equal(bench.state, "established");
  });

  it("a session goes when its peer restarts gracefully (RFC 4724 §4.2)", () => {
    const bench = new Bench({ gracefulRestart: RESTART }).reach("established", TAKES_CARE);
    bench.accepted();
    assert.deepEqual(bench.hear(encodeMessage(TAKES_CARE), -1), [
      "1 close",
      "established > idle",
      "lost: closed: the peer came back",
      "-1 < KEEPALIVE",
      "idle > open-confirm",
    ]);
  });

  it("of two that the peer made, the later stays", () => {
    const bench = new Bench({ passive: true });
    bench.start();
    bench.accepted(-1);
    bench.hear(open, -1);
    bench.accepted(-2);
    assert.deepEqual(bench.hear(open, -2).slice(0, 2), [
      "-1 < Cease, connection collision resolution",
      "-1 close",
    ]);
    assert.equal(bench.state, "open-confirm");
  });

  it("a third takes the place of the second", () => {
    const bench = new Bench().reach("open-sent");
    bench.accepted(-1);
    assert.deepEqual(bench.accepted(-2), [
      "-1 < Cease, connection collision resolution",
      "-1 close",
      "-2 < OPEN 5",
    ]);
  });

  it("the other one goes on when the first is closed, and nothing has failed", () => {
    const bench = new Bench().reach("open-sent");
    bench.accepted();
    bench.hear(open, -1);
    assert.deepEqual(bench.closed(1), ["open-sent > active", "active > open-confirm"]);
    assert.equal(bench.session.status().lastError, undefined);
    assert.equal(bench.session.nextWake() !== undefined, true);
  });
});

describe("the end of a session", () => {
  it("is counted, and since when it is so", () => {
    const bench = new Bench().reach("established");
    bench.pass(20_000);
    bench.closed();
    const { since, counters } = bench.session.status();
    assert.deepEqual([since, counters.established, counters.lost], [20_000, 1, 1]);
  });

  it("ends the wait after an error, too", () => {
    const bench = new Bench().reach("open-sent");
    bench.hear(Uint8Array.of(1));
    const waits = bench.session.nextWake() !== undefined;
    bench.handle({ type: "stop", how: "shutdown", text: "" });
    assert.deepEqual([waits, bench.session.nextWake(), bench.pass(60_000)], [true, undefined, []]);
    assert.equal(bench.session.status().failures, 0);
  });

  it("says why (RFC 9003), and is no end of what is wanted (MetalLB defect 16: it says nothing)", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32") });
    assert.deepEqual(bench.handle({ type: "stop", how: "shutdown", text: "rack 3 moves" }), [
      '1 < Cease, administrative shutdown: "rack 3 moves"',
      "1 close",
      "established > idle",
      "lost: stopped: ended from this side, shutdown: rack 3 moves",
    ]);
    assert.equal(bench.session.nextWake(), undefined);
    assert.deepEqual(bench.session.status().told, { 4: 0, 6: 0 });
    assert.deepEqual(bench.start(), ["idle > connect", "2 connect"]);
    bench.connected(2);
    bench.hear(encodeMessage(theirOpen()), 2);
    assert.deepEqual(bench.hear(KEEPALIVE, 2), [
      "open-confirm > established",
      "established",
      "2 < UPDATE 29",
      "told 1, took back 0, in 1",
    ]);
  });

  const ends = [
    { how: "shutdown", said: 'Cease, hard reset (Cease, administrative shutdown: "x")' },
    { how: "deconfigured", said: "Cease, hard reset (Cease, peer de-configured)" },
    { how: "reset", said: 'Cease, administrative reset: "x"' },
  ] as const;
  for (const { how, said } of ends) {
    it(`by ${how} is told a peer that keeps routes as ${said} (RFC 8538)`, () => {
      const bench = new Bench({ gracefulRestart: RESTART }).reach("established", TAKES_CARE);
      assert.equal(bench.handle({ type: "stop", how, text: "x" })[0], `1 < ${said}`);
    });
  }

  it("by restart is not told at all to a peer that keeps routes (RFC 4724)", () => {
    const bench = new Bench({ gracefulRestart: RESTART }).reach("established", TAKES_CARE);
    assert.deepEqual(bench.handle({ type: "stop", how: "restart", text: "" }), [
      "1 close",
      "established > idle",
      "lost: restarting: restarting",
    ]);
  });

  it("comes in the same tick when BFD says so", () => {
    const bench = new Bench().reach("established");
    assert.deepEqual(bench.handle({ type: "peer-down", why: "control detection time expired" }), [
      "1 < Cease, BFD down",
      "1 close",
      "established > idle",
      "lost: peer-down: BFD: control detection time expired",
    ]);
  });
});

describe("a peer that can be reached now", () => {
  const reachable = { type: "reachable" } as const;

  it("is tried at once where an error was to be slept off", () => {
    const bench = new Bench().reach("established");
    bench.closed();
    assert.deepEqual(bench.handle(reachable), ["idle > connect", "2 connect"]);
  });

  it("is left alone once no session is wanted", () => {
    const bench = new Bench().reach("active");
    bench.handle({ type: "stop", how: "shutdown", text: "" });
    assert.deepEqual(bench.handle(reachable), []);
  });

  it("is waited for where it is to call us", () => {
    const bench = new Bench({ passive: true });
    bench.start();
    assert.deepEqual(bench.handle(reachable), []);
  });
});

describe("graceful restart, our side", () => {
  const restarting = { ...RESTART, restarting: true };
  /** The flags and time of the capability in our OPEN. */
  const said = (bench: Bench): boolean => {
    const [effect] = bench.session
      .handle({ type: "connected", connection: 1, local: LOCAL }, bench.now)
      .slice(1);
    assert.ok(effect?.type === "send");
    return framesIn(effect.bytes).some(({ body }) =>
      decodeOpen(body).capabilities.some((each) => each.type === "graceful-restart" && each.restarting),
    );
  };

  it("is said in the first OPEN after the start", () => {
    const bench = new Bench({ gracefulRestart: restarting }).reach("connect");
    assert.equal(said(bench), true);
  });

  it("is not said by who has not restarted, nor when it took too long", () => {
    assert.equal(said(new Bench({ gracefulRestart: RESTART }).reach("connect")), false);
    const late = new Bench({ gracefulRestart: restarting, connectTimeoutMs: 500_000 }).reach("connect");
    late.pass(120_000);
    assert.equal(said(late), false);
  });

  it("ends no table before the routes are known", () => {
    const bench = new Bench({ gracefulRestart: restarting }).reach("open-confirm", TAKES_CARE);
    assert.deepEqual(bench.hear(KEEPALIVE), ["open-confirm > established", "established"]);
    assert.deepEqual(bench.handle({ type: "routes", routes: routes("203.0.113.1/32") }), [
      "1 < UPDATE 29",
      "told 1, took back 0, in 1",
      "1 < UPDATE 4, UPDATE 10",
    ]);
  });

  it("ends tables also without any routes", () => {
    const bench = new Bench({ gracefulRestart: restarting }).reach("established", TAKES_CARE);
    assert.deepEqual(bench.handle({ type: "routes", routes: routes() }), ["1 < UPDATE 4, UPDATE 10"]);
    assert.deepEqual(bench.handle({ type: "routes", routes: routes() }), []);
  });
});

describe("what the peer says", () => {
  it("is counted and forgotten", () => {
    const bench = new Bench().reach("established");
    const body = hex`
      0004 18 cb0072
      0014 40 01 01 00  40 02 06 02 01 0000fc01  40 03 04 c00002fe
      18 cb0071 20 c6336401`;
    assert.deepEqual(bench.hear(frame(MESSAGE_TYPE.update, body)), []);
    const { routesReceived, withdrawalsReceived, received } = bench.session.status().counters;
    assert.deepEqual([routesReceived, withdrawalsReceived, received.update], [2, 1, 1]);
  });

  it("is noticed when an attribute is wrong, and the session stays (RFC 7606)", () => {
    const bench = new Bench().reach("established");
    const body = hex`0000 0014 40 01 01 09  40 02 06 02 01 0000fc01  40 03 04 c00002fe 18 cb0071`;
    assert.deepEqual(bench.hear(frame(MESSAGE_TYPE.update, body)), [
      "attribute-error: ORIGIN: origin: invalid (9): treat-as-withdraw",
    ]);
    assert.equal(bench.state, "established");
    const { routesReceived, attributeErrors } = bench.session.status().counters;
    assert.deepEqual([routesReceived, attributeErrors], [0, 1]);
  });

  it("may be longer than messages used to be, as this side says that it takes such (RFC 8654)", () => {
    const [withdrawals, prefix] = [2_000, [24, 203, 0, 113]];
    const gone = Array.from({ length: withdrawals }, () => prefix).flat();
    const long = frame(
      MESSAGE_TYPE.update,
      Uint8Array.of(gone.length >>> 8, gone.length & 255, ...gone, 0, 0),
    );
    const outcomes = [true, false].map((extendedMessages) => {
      const bench = new Bench({ extendedMessages }).reach("established");
      const [first = ""] = bench.hear(long);
      return [bench.session.status().counters.withdrawalsReceived, first];
    });
    assert.deepEqual(outcomes, [
      [withdrawals, ""],
      [0, "1 < message header error, bad message length"],
    ]);
  });

  it("counts no more in a family of which it said what cannot be read, until the session is over", () => {
    const bench = new Bench({ peerAsn: "internal" });
    const ours = { type: "four-octet-asn", asn: 64_512 } as const;
    const open = theirOpen({ asn: 64_512, capabilities: [...theirOpen().capabilities.slice(0, 2), ours] });
    const establish = (connection: number): void => {
      bench.connected(connection);
      bench.hear(encodeMessage(open), connection);
      bench.hear(KEEPALIVE, connection);
    };
    const told: number[] = [];
    const hear = (attributes: readonly string[], nlri: string, connection = 1): readonly string[] => {
      const before = bench.session.status().counters.routesReceived;
      const notices = bench.hear(frame(MESSAGE_TYPE.update, body(attributes, nlri)), connection);
      told.push(bench.session.status().counters.routesReceived - before);
      return notices;
    };
    const about = [ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF];
    bench.start();
    establish(1);
    assert.deepEqual(hear([REACH, ...about], NLRI), []);
    assert.deepEqual(hear([`c${REACH.slice(1)}`, ...about], NLRI), [
      "attribute-error: mp-reach: invalid (flags 0xc0): afi-safi-disable; routes of IPv6 are not counted until the session is over",
    ]);
    assert.deepEqual(hear([REACH, ...about], NLRI), []);
    assert.equal(bench.state, "established");
    bench.closed(1);
    bench.pass(250);
    establish(2);
    assert.deepEqual(hear([REACH, ...about], NLRI, 2), []);
    assert.deepEqual(told, [2, 1, 1, 2]);
  });

  it("ends its tables", () => {
    const bench = new Bench().reach("established");
    assert.deepEqual(bench.hear(frame(MESSAGE_TYPE.update, hex`0000 0006 80 0f 03 0002 01`)), [
      "end of IPv6",
    ]);
  });
});

describe("what the peer is told", () => {
  const refresh = (afi: number, subtype = 0) =>
    encodeMessage({ type: "route-refresh", family: { afi, safi: 1 }, subtype });

  it("comes again when it asks, but not more often than once in a while", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32", "2001:db8:1::/48") });
    const again = ["1 < UPDATE 29", "told 1, took back 0, in 1"];
    assert.deepEqual(bench.hear(refresh(1)), again);
    bench.pass(400);
    assert.deepEqual(bench.hear(refresh(1)), []);
    assert.deepEqual(bench.hear(refresh(1)), []);
    assert.deepEqual(bench.pass(599), []);
    assert.deepEqual(bench.pass(1), again);
    assert.deepEqual(bench.pass(5_000), []);
  });

  it("does not come again for a family that is not ours, nor for the end of an answer", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32") });
    assert.deepEqual(
      [...bench.hear(refresh(25)), ...bench.hear(refresh(1, 2)), ...bench.hear(refresh(2))],
      [],
    );
  });

  it("does not come again later to a peer that is not there", () => {
    const bench = new Bench();
    bench.handle({ type: "announce-again" });
    bench.handle({ type: "announce-again" });
    assert.equal(bench.session.nextWake(), undefined);
  });

  it("asks it to look for others before we go (RFC 8326), and takes that back", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32") });
    assert.deepEqual(bench.handle({ type: "drain", draining: true }), [
      "1 < UPDATE 36", // seven octets more: COMMUNITIES
      "told 1, took back 0, in 1",
    ]);
    assert.deepEqual(bench.handle({ type: "drain", draining: true }), []);
    assert.deepEqual(bench.handle({ type: "drain", draining: false }), [
      "1 < UPDATE 29",
      "told 1, took back 0, in 1",
    ]);
  });

  it("is nothing when the session is over, whatever happens here", () => {
    const bench = new Bench().reach("established");
    bench.handle({ type: "routes", routes: routes("203.0.113.1/32") });
    bench.closed();
    const told = [
      ...bench.handle({ type: "drain", draining: true }),
      ...bench.handle({ type: "addresses", connection: 1, local: { ...LOCAL, ipv4: undefined } }),
      ...bench.handle({ type: "routes", routes: routes("203.0.113.2/32") }),
    ];
    assert.deepEqual([told, bench.session.status().told], [[], { 4: 0, 6: 0 }]);
  });

  it("has another next hop once this side's addresses are others, and none while there is none", () => {
    const bench = new Bench().reach("established");
    const router = new RouterTable({ asnOctets: 4, external: true, pathIds: [] });
    const hopNow = (input: BgpInput): string | undefined => {
      for (const effect of bench.session.handle(input, 0))
        if (effect.type === "send") router.take(effect.bytes);
      return router.routes.get("2001:db8:1::/48")?.reach?.address;
    };
    const on = (ipv6: string | undefined) =>
      ({
        type: "addresses",
        connection: 1,
        local: { ...LOCAL, ipv6: ipv6 === undefined ? undefined : ip(ipv6) },
      }) as const;
    assert.deepEqual(
      [
        hopNow({ type: "routes", routes: routes("203.0.113.1/32", "2001:db8:1::/48") }),
        hopNow(on("2001:db8::9")),
        hopNow(on(undefined)),
        hopNow(on("2001:db8::1")),
      ],
      ["2001:db8::1", "2001:db8::9", undefined, "2001:db8::1"],
    );
    assert.equal(router.routes.get("203.0.113.1/32")?.attributes.nextHop, "192.0.2.1");
    assert.deepEqual(bench.handle(on("2001:db8::1")), []); // nothing new
    assert.deepEqual(bench.handle({ ...on("2001:db8::9"), connection: 7 }), []); // of another connection
  });

  it("has the next hop that was there last before the session was", () => {
    const bench = new Bench().reach("open-confirm");
    const router = new RouterTable({ asnOctets: 4, external: true, pathIds: [] });
    bench.handle({ type: "routes", routes: routes("2001:db8:1::/48") });
    bench.handle({ type: "addresses", connection: 1, local: { ...LOCAL, ipv6: ip("2001:db8::9") } });
    for (const effect of bench.session.handle({ type: "bytes", connection: 1, bytes: KEEPALIVE }, 0)) {
      if (effect.type === "send") router.take(effect.bytes);
    }
    assert.equal(router.routes.get("2001:db8:1::/48")?.reach?.address, "2001:db8::9");
  });

  it("is only what it understands", () => {
    const bench = new Bench().reach("established", theirOpen({ capabilities: [], asn: 64_513 }));
    assert.deepEqual(bench.handle({ type: "routes", routes: routes("203.0.113.1/32", "2001:db8:1::/48") }), [
      "1 < UPDATE 27", // an AS_PATH of two octets each
      "told 1, took back 0, in 1",
    ]);
    assert.deepEqual(bench.session.status().told, { 4: 1, 6: 0 });
  });

  it("is told that there is no next hop only once", () => {
    const bench = new Bench({ families: [6] }).reach("connect");
    const local = { transport: 4, ipv4: ip("192.0.2.1"), ipv6: undefined, linkLocal: undefined } as const;
    bench.handle({ type: "connected", connection: 1, local });
    bench.hear(encodeMessage(theirOpen()));
    bench.hear(KEEPALIVE);
    assert.deepEqual(bench.handle({ type: "routes", routes: routes("2001:db8:1::/48", "2001:db8:2::/48") }), [
      "no-next-hop: IPv6: 2001:db8:1::/48 and 1 more",
    ]);
    assert.deepEqual(bench.handle({ type: "drain", draining: true }), []);
  });
});

describe("inputs that come too late", () => {
  it("count for nothing", () => {
    const bench = new Bench().reach("established");
    bench.hear(encodeMessage(cease(4)));
    assert.deepEqual(
      [...bench.closed(1), ...bench.hear(KEEPALIVE, 1), ...bench.connected(1), ...bench.closed(99)],
      [],
    );
    assert.deepEqual(bench.session.wake(bench.now), []);
  });

  it("take nothing behind the message that ended the connection", () => {
    const bench = new Bench().reach("established");
    const bytes = Uint8Array.of(...encodeMessage(cease(4)), ...KEEPALIVE, 1, 2, 3);
    assert.deepEqual(bench.hear(bytes), [
      "1 close",
      "established > idle",
      "lost: notification: the peer says: Cease, administrative reset",
    ]);
  });
});

describe("an internal session", () => {
  it("needs another identifier than ours", () => {
    const bench = new Bench({ peerAsn: "internal" }).reach("open-sent");
    const same = theirOpen({ asn: 64_512, capabilities: [], routerId: OPTIONS.routerId });
    assert.deepEqual(bench.hear(encodeMessage(same))[0], "1 < OPEN message error, bad BGP identifier");
  });
});
