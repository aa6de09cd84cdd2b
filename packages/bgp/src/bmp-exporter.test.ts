import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { Reader } from "@herald/wire/bytes";
import { type BmpInput, type BmpOptions, DEFAULT_BMP_OPTIONS } from "./bmp-effect.ts";
import { BmpExporter } from "./bmp-exporter.ts";
import type { PeerUp } from "./bmp-message.ts";
import { frame } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import { ip, KEEPALIVE, UPDATE } from "./testdata/bench.ts";

const NAMES = ["route-monitoring", "stats", "peer-down", "peer-up", "initiation", "termination"];
const up = (last: number): PeerUp => ({
  peer: { address: ip(`192.0.2.${last}`), asn: 64_513, routerId: ip("198.51.100.9"), asnOctets: 4 },
  local: ip("192.0.2.1"),
  ports: { local: 40_000, remote: 179 },
  opens: { sent: KEEPALIVE, received: KEEPALIVE },
});
/** An UPDATE to be told from others by its length. */
const update = (octets: number): Uint8Array => frame(MESSAGE_TYPE.update, new Uint8Array(octets));

/** Of each message what it is, which peer it is about, and of an UPDATE how long its body is: 4 and 10 end a family. */
function read(bytes: Uint8Array): readonly string[] {
  const r = new Reader(bytes);
  const told: string[] = [];
  while (r.rest().length > 0) {
    assert.equal(r.u8("version"), 3);
    const length = r.u32("length");
    const name = NAMES[r.u8("type")] ?? assert.fail();
    const body = r.bytes(length - 6, "body");
    const about = body.length < 42 ? "" : ` ${body[25]}`;
    told.push(`${name}${about}${name === "route-monitoring" ? ` ${body.length - 42 - 19}` : ""}`);
  }
  return told;
}

class Station {
  now = 0;
  readonly core: BmpExporter;
  /** What each peer was told before. */
  readonly before: Record<string, readonly Uint8Array[]> = {};
  /** For which peers that was gathered. */
  readonly gathered: string[] = [];
  constructor(options: Partial<BmpOptions> = {}) {
    this.core = new BmpExporter(
      { sysName: "iris1", sysDescr: "Herald", ...DEFAULT_BMP_OPTIONS, ...options },
      {
        random: new SeededRandom(1),
        epochMs: (now) => now,
        told: (name) => {
          this.gathered.push(name);
          return (this.before[name] ?? []).values();
        },
        families: () => [4, 6],
        count: () => ({ 4: 1, 6: 2 }),
      },
    );
  }

  handle(input: BmpInput): readonly string[] {
    return this.#tell(this.core.handle(input, this.now));
  }

  pass(ms: number): readonly string[] {
    const told: string[] = [];
    const until = this.now + ms;
    for (let due = this.core.nextWake(); due !== undefined && due <= until; due = this.core.nextWake()) {
      this.now = due;
      told.push(...this.#tell(this.core.wake(due)));
    }
    this.now = until;
    return told;
  }

  /** Until it is connected and has read all there is. */
  connect(): readonly string[] {
    return [...this.handle({ type: "connected" }), ...this.read()];
  }

  /** Reads until nothing is left. */
  read(): readonly string[] {
    const told: string[] = [];
    for (;;) {
      const more = this.handle({ type: "sent" });
      if (more.length === 0) return told;
      told.push(...more);
    }
  }

  #tell(effects: ReturnType<BmpExporter["handle"]>): readonly string[] {
    return effects.flatMap((effect) => {
      if (effect.type === "send") return read(effect.bytes);
      return effect.type === "down" ? `down: ${effect.reason}: ${effect.text}` : effect.type;
    });
  }
}

const BEGIN = ["up", "initiation"];

describe("the export to a monitoring station", () => {
  it("says who we are, then what happens in each session", () => {
    const station = new Station();
    assert.deepEqual(station.handle({ type: "start" }), ["connect"]);
    assert.deepEqual(station.connect(), BEGIN);
    const told = [
      station.handle({ type: "up", name: "a", up: up(1) }),
      station.handle({ type: "told", name: "a", updates: Uint8Array.of(...update(20), ...update(21)) }),
      station.read(),
      station.handle({ type: "told", name: "stranger", updates: UPDATE }),
      station.handle({ type: "down", name: "a", end: { type: "peer-closed" } }),
    ];
    assert.deepEqual(told, [
      ["peer-up 1"],
      [],
      ["route-monitoring 1 20", "route-monitoring 1 21"],
      [],
      ["peer-down 1"],
    ]);
    assert.deepEqual(station.handle({ type: "stop" }), ["termination", "close"]);
    assert.deepEqual(station.pass(1_000_000), []);
  });

  it("tells who comes late all that was told, peer by peer, what comes meanwhile after it, and then each thing once", () => {
    const station = new Station();
    station.handle({ type: "start" });
    for (const [name, last] of [["a", 1] as const, ["b", 2] as const]) {
      station.handle({ type: "up", name, up: up(last) });
      station.handle({ type: "told", name, updates: UPDATE });
    }
    station.before["a"] = [update(30_000), update(30_001), update(30_002), update(30_003)];
    assert.deepEqual(station.handle({ type: "connected" }), [
      ...BEGIN,
      "peer-up 1",
      "peer-up 2",
      ...some(0, 3),
    ]);
    assert.deepEqual(station.gathered, ["a"]);
    station.handle({ type: "told", name: "a", updates: update(20) });
    station.handle({ type: "told", name: "b", updates: update(21) });
    station.before["b"] = [update(21)]; // so it is among all that b has
    const ends = (last: number) => [`route-monitoring ${last} 4`, `route-monitoring ${last} 10`];
    assert.deepEqual(station.read(), [
      ...some(3, 4),
      ...ends(1),
      "route-monitoring 1 20",
      "route-monitoring 2 21",
      ...ends(2),
    ]);
    assert.deepEqual(station.gathered, ["a", "b"]);
    assert.deepEqual(station.handle({ type: "told", name: "b", updates: update(22) }), [
      "route-monitoring 2 22",
    ]);
    assert.deepEqual(station.read(), []);
  });

  it("drops what was still to be told of a session that is over", () => {
    const station = new Station();
    station.handle({ type: "start" });
    station.handle({ type: "up", name: "a", up: up(1) });
    station.before["a"] = [update(65_000), update(65_001)];
    station.handle({ type: "connected" });
    station.handle({ type: "told", name: "a", updates: update(20) });
    station.handle({ type: "down", name: "a", end: { type: "we-closed" } });
    assert.deepEqual(station.read(), ["peer-down 1"]);
  });

  it("ends a connection where more waits than may, and begins anew with all of it", () => {
    const station = new Station({ queueMaxOctets: 1_000 });
    station.handle({ type: "start" });
    station.connect();
    station.handle({ type: "up", name: "a", up: up(1) });
    station.before["a"] = [update(30)];
    assert.deepEqual(station.handle({ type: "told", name: "a", updates: update(900) }), []);
    const slow = "down: slow: 1035 octets wait for a station that does not read";
    assert.deepEqual(station.handle({ type: "told", name: "a", updates: update(1) }), ["close", slow]);
    assert.deepEqual(station.handle({ type: "told", name: "a", updates: update(5_000) }), []);
    assert.deepEqual(station.pass(1_000), ["connect"]);
    const dump = [30, 4, 10].map((octets) => `route-monitoring 1 ${octets}`);
    assert.deepEqual(station.connect(), [...BEGIN, "peer-up 1", ...dump]);
  });

  it("tries again ever later, up to a minute, and at once after a connection that lasted", () => {
    const station = new Station();
    station.handle({ type: "start" });
    const waits: number[] = [];
    const fail = (reason: string): void => {
      assert.deepEqual(station.handle({ type: "closed", why: "" }), [`down: ${reason}: `]);
      const due = station.core.nextWake() ?? assert.fail();
      waits.push(due - station.now);
      assert.deepEqual(station.pass(due - station.now), ["connect"]);
    };
    for (let attempt = 0; attempt < 8; attempt += 1) fail("connect-failed");
    station.connect();
    fail("closed");
    station.connect();
    station.pass(60_000);
    fail("closed");
    const most = [1, 2, 4, 8, 16, 32, 60, 60, 60, 1].map((seconds) => seconds * 1_000);
    assert.ok(
      waits.every((wait, at) => wait <= (most[at] ?? 0) && wait >= 0.75 * (most[at] ?? 0)),
      `${waits}`,
    );
  });

  it("gives up a connection that does not come", () => {
    const station = new Station();
    station.handle({ type: "start" });
    assert.deepEqual(station.pass(10_000), ["close", "down: connect-failed: no connection within 10 s"]);
    assert.deepEqual(station.pass(1_000), ["connect"]);
  });

  it("counts each peer's routes once a minute, as long as there is a connection", () => {
    const station = new Station();
    station.handle({ type: "start" });
    station.handle({ type: "up", name: "a", up: up(1) });
    station.connect();
    assert.deepEqual([station.pass(59_999), station.pass(1), station.read()], [[], ["stats 1"], []]);
    assert.deepEqual(station.handle({ type: "closed", why: "" }), ["down: closed: "]);
    assert.deepEqual(station.pass(5_000), ["connect"]);
  });
});

/** The big ones of the dump. */
function some(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from }, (_, at) => `route-monitoring 1 ${30_000 + from + at}`);
}
