import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Capability } from "./capability.ts";
import { CEASE } from "./iana.ts";
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
} from "./testdata/bench.ts";

const KNOWS_RESTART: Capability = {
  type: "graceful-restart",
  restarting: false,
  notifications: true,
  restartTimeSeconds: 120,
  families: [],
};
const TAKES_CARE = theirOpen({}, [KNOWS_RESTART]);

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
