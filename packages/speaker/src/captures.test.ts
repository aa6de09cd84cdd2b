import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "@herald/wire/mac";
import fc from "fast-check";
import { Captures, type CapturesEffect, type CapturesInput } from "./captures.ts";
import type { FitInterface } from "./interface-rules.ts";

const options = { retryMinMs: 100, retryMaxMs: 1000 };

function fit(name: string, index: number, last = 1, operational = true): FitInterface {
  const mac = parseMac(`02:00:00:00:00:0${last}`);
  assert.ok(mac);
  return { name, index, mac, operational };
}

function station({ name, index, mac }: FitInterface) {
  return { name, index, mac };
}

const eth0 = fit("eth0", 2);
const now = (...interfaces: FitInterface[]): CapturesInput => ({ type: "interfaces", interfaces });
const open = (on: FitInterface): CapturesEffect => ({ type: "open", interface: station(on) });
const up = (on: FitInterface): CapturesEffect => ({ type: "interface-up", interface: station(on) });
const opened: CapturesInput = { type: "opened", interface: "eth0" };
const failed: CapturesInput = { type: "failed", interface: "eth0" };
const down: CapturesEffect = { type: "interface-down", interface: "eth0" };
const close: CapturesEffect = { type: "close", interface: "eth0" };

/** What is known before, by inputs at time 0, then one input and all that comes of it. */
const cases: readonly {
  name: string;
  before: readonly CapturesInput[];
  input: CapturesInput;
  effects: readonly CapturesEffect[];
}[] = [
  { name: "opens an interface that is fit", before: [], input: now(eth0), effects: [open(eth0)] },
  { name: "tells of it once it is open", before: [now(eth0)], input: opened, effects: [up(eth0)] },
  { name: "leaves alone what did not change", before: [now(eth0), opened], input: now(eth0), effects: [] },
  {
    name: "closes one that is fit no more",
    before: [now(eth0), opened],
    input: now(),
    effects: [down, close],
  },
  {
    name: "opens anew one that came back under its name",
    before: [now(eth0), opened],
    input: now(fit("eth0", 7)),
    effects: [down, close, open(fit("eth0", 7))],
  },
  {
    name: "follows a MAC that changed",
    before: [now(eth0), opened],
    input: now(fit("eth0", 2, 9)),
    effects: [down, close, open(fit("eth0", 2, 9))],
  },
  { name: "tells of a capture that ended", before: [now(eth0), opened], input: failed, effects: [down] },
  {
    name: "closes one that is fit no more before it was open",
    before: [now(eth0)],
    input: now(),
    effects: [close],
  },
  {
    name: "opens the one that took the place of one that was not open yet",
    before: [now(eth0)],
    input: now(fit("eth0", 7)),
    effects: [close, open(fit("eth0", 7))],
  },
  {
    name: "waits for one that is still being opened",
    before: [now(eth0)],
    input: now(eth0),
    effects: [],
  },
  { name: "says nothing of one that never began", before: [now(eth0)], input: failed, effects: [] },
  {
    name: "does not close what has ended by itself",
    before: [now(eth0), opened, failed],
    input: now(),
    effects: [],
  },
  {
    name: "opens at once what comes back after a failure",
    before: [now(eth0), opened, failed, now()],
    input: now(eth0),
    effects: [open(eth0)],
  },
  {
    name: "announces again when the cable is back in",
    before: [now(fit("eth0", 2, 1, false)), opened],
    input: now(eth0),
    effects: [down, up(eth0)],
  },
  {
    name: "goes on while the cable is out",
    before: [now(eth0), opened],
    input: now(fit("eth0", 2, 1, false)),
    effects: [],
  },
  { name: "ignores news of an interface it does not know", before: [], input: failed, effects: [] },
  {
    name: "keeps several apart",
    before: [now(eth0), opened],
    input: now(eth0, fit("eth1", 3, 2)),
    effects: [open(fit("eth1", 3, 2))],
  },
];

describe("captures", () => {
  for (const { name, before, input, effects } of cases) {
    it(name, () => {
      const core = new Captures(options);
      for (const earlier of before) core.handle(earlier, 0);
      assert.deepEqual(core.handle(input, 0), effects);
    });
  }

  it("try again after pauses that double to a limit", () => {
    const core = new Captures(options);
    core.handle(now(eth0), 0);
    const dues: number[] = [];
    for (let at = 0; dues.length < 6; ) {
      core.handle(failed, at);
      at = core.nextWake() ?? Number.NaN;
      dues.push(at);
      assert.deepEqual(core.wake(at - 1), []);
      assert.deepEqual(core.wake(at), [open(eth0)]);
    }
    assert.deepEqual(dues, [100, 300, 700, 1500, 2500, 3500]);
  });

  it("start with the shortest pause again after a capture that lasted", () => {
    const core = new Captures(options);
    core.handle(now(eth0), 0);
    for (const at of [0, 100]) {
      core.handle(failed, at);
      core.wake(core.nextWake() ?? at);
    }
    core.handle(opened, 300);
    core.handle(failed, 700);
    assert.equal(core.nextWake(), 800);
  });

  it("pause longer after a capture that ended sooner than that", () => {
    const core = new Captures(options);
    core.handle(now(eth0), 0);
    for (const at of [0, 100]) {
      core.handle(failed, at);
      core.wake(core.nextWake() ?? at);
    }
    core.handle(opened, 300);
    core.handle(failed, 699);
    assert.equal(core.nextWake(), 1099);
  });

  it("never have two captures on an interface, and announce on none without one", () => {
    const name = fc.constantFrom("eth0", "eth1");
    const someFit = fc
      .tuple(name, fc.integer({ min: 2, max: 3 }), fc.integer({ min: 1, max: 2 }), fc.boolean())
      .map((parts) => fit(...parts));
    const step = fc.oneof(
      fc.uniqueArray(someFit, { selector: (one) => one.name, maxLength: 2 }).map((all) => now(...all)),
      name.map((of): CapturesInput => ({ type: "failed", interface: of })),
      name.map((of): CapturesInput => ({ type: "opened", interface: of })),
      fc.integer({ min: 1, max: 2000 }),
    );
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const machine = new Machine();
        for (const one of steps) {
          if (typeof one === "number") machine.pass(one);
          else machine.happens(one);
          assert.deepEqual([...machine.announcing].sort(), [...machine.running].sort());
        }
      }),
    );
  });
});

/** A node that does what the core says, and opens what it may some time later. */
class Machine {
  readonly #opening = new Set<string>();
  readonly running = new Set<string>();
  readonly announcing = new Set<string>();
  readonly #core = new Captures(options);
  #time = 0;

  pass(durationMs: number): void {
    this.#time += durationMs;
    this.#perform(this.#core.wake(this.#time));
  }

  happens(input: CapturesInput): void {
    if (input.type !== "interfaces" && !this.#answers(input)) return; // nothing there to open or fail
    this.#perform(this.#core.handle(input, this.#time));
  }

  #answers({ type, interface: name }: Exclude<CapturesInput, { type: "interfaces" }>): boolean {
    const wasOpening = this.#opening.delete(name);
    if (type === "failed") return this.running.delete(name) || wasOpening;
    if (wasOpening) this.running.add(name);
    return wasOpening;
  }

  #perform(effects: readonly CapturesEffect[]): void {
    for (const effect of effects) this.#performOne(effect);
  }

  #performOne(effect: CapturesEffect): void {
    switch (effect.type) {
      case "open":
        assert.ok(!this.running.has(effect.interface.name) && !this.#opening.has(effect.interface.name));
        this.#opening.add(effect.interface.name);
        return;
      case "close":
        assert.ok(this.running.delete(effect.interface) || this.#opening.delete(effect.interface));
        return;
      case "interface-up":
        assert.ok(!this.announcing.has(effect.interface.name));
        this.announcing.add(effect.interface.name);
        return;
      case "interface-down":
        assert.ok(this.announcing.delete(effect.interface));
    }
  }
}
