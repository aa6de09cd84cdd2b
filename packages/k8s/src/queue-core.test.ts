import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { QueueCore, type QueueEffect, type QueueInput } from "./queue-core.ts";

/** Dice in the middle: 150, 300, 600 ms, up to 3,000. */
const newCore = (concurrency: number): QueueCore =>
  new QueueCore({ concurrency, retry: { minMs: 100, maxMs: 4000 }, random: { next: () => 0.5 } });

type Step = readonly [at: number, input: QueueInput | "-", ...effects: string[]];
const add = (key: string): QueueInput => ({ type: "add", key });
const addAfter = (key: string, delayMs: number): QueueInput => ({ type: "add-after", key, delayMs });
const done = (key: string): QueueInput => ({ type: "done", key });
const failed = (key: string, retryAfterMs = 0): QueueInput => ({ type: "failed", key, retryAfterMs });
const open = { type: "open" } as const;
const close = { type: "close" } as const;

const stories: readonly { name: string; concurrency?: number; steps: readonly Step[] }[] = [
  {
    name: "hands keys out in the order they came, each once",
    steps: [
      [0, add("a")],
      [0, add("b")],
      [0, add("a")],
      [0, open, "handle a"],
      [1, done("a"), "handle b"],
      [2, done("b"), "idle"],
    ],
  },
  {
    name: "never hands a key to two handlers, and handles it again when it was added meanwhile",
    concurrency: 2,
    steps: [
      [0, open, "idle"],
      [0, add("a"), "handle a"],
      [1, add("a")],
      [1, add("a")],
      [2, done("a"), "handle a"],
      [3, done("a"), "idle"],
    ],
  },
  {
    name: "hands out no more than its concurrency",
    concurrency: 2,
    steps: [
      [0, open, "idle"],
      [0, add("a"), "handle a"],
      [0, add("b"), "handle b"],
      [0, add("c")],
      [0, add("d")],
      [1, done("b"), "handle c"],
      [1, done("a"), "handle d"],
    ],
  },
  {
    name: "retries for ever, waiting twice as long each time up to the bound",
    steps: [
      [0, open, "idle"],
      [0, add("a"), "handle a"],
      [0, failed("a"), "retry a in 150 after 1"],
      [149, "-"],
      [150, "-", "handle a"],
      [150, failed("a"), "retry a in 300 after 2"],
      [450, "-", "handle a"],
      [450, failed("a"), "retry a in 600 after 3"],
      [1050, "-", "handle a"],
      [1050, failed("a"), "retry a in 1200 after 4"],
      [2250, "-", "handle a"],
      [2250, failed("a"), "retry a in 2400 after 5"],
      [4650, "-", "handle a"],
      [4650, failed("a"), "retry a in 3000 after 6"],
      [7650, "-", "handle a"],
      [7650, done("a"), "idle"],
      [7650, add("a"), "handle a"],
      [7650, failed("a"), "retry a in 150 after 1"],
    ],
  },
  {
    name: "waits as long as the server asks",
    steps: [
      [0, open, "idle"],
      [0, add("a"), "handle a"],
      [0, failed("a", 5000), "retry a in 5000 after 1"],
      [5000, "-", "handle a"],
    ],
  },
  {
    name: "lets others pass while a key waits for its retry",
    steps: [
      [0, open, "idle"],
      [0, add("a"), "handle a"],
      [0, add("b")],
      [0, failed("a"), "retry a in 150 after 1", "handle b"],
      [10, done("b")],
      [150, "-", "handle a"],
    ],
  },
  {
    name: "does not make news wait for a retry",
    steps: [
      [0, open, "idle"],
      [0, add("a"), "handle a"],
      [5, failed("a"), "retry a in 150 after 1"],
      [6, add("a"), "handle a"],
      [7, add("a")],
      [8, failed("a"), "retry a in 300 after 2", "handle a"],
      [9, done("a"), "idle"],
    ],
  },
  {
    name: "adds later what is to be added later, the earliest wish first",
    steps: [
      [0, open, "idle"],
      [0, addAfter("a", 500)],
      [0, addAfter("b", 100)],
      [0, addAfter("a", 900)],
      [100, "-", "handle b"],
      [100, done("b")],
      [500, "-", "handle a"],
      [500, done("a"), "idle"],
    ],
  },
  {
    name: "hands nothing out after closing and goes on where it was when opened again",
    steps: [
      [0, open, "idle"],
      [0, add("a"), "handle a"],
      [0, add("b")],
      [1, close],
      [2, done("a")],
      [3, add("c")],
      [9, open, "handle b"],
      [9, done("b"), "handle c"],
    ],
  },
];

describe("queue core", () => {
  for (const { name, concurrency = 1, steps } of stories) {
    it(name, () => {
      const core = newCore(concurrency);
      const told = steps.map(([at, input]): Step => {
        const effects = input === "-" ? core.wake(at) : core.handle(input, at);
        return [at, input, ...effects.map(describeEffect)];
      });
      assert.deepEqual(told, steps);
    });
  }

  it("looks through the keys that wait once, however many fall due together", () => {
    const core = newCore(1);
    for (let index = 0; index < 200; index += 1) core.handle(addAfter(`${index}`, 100), 0);
    const walks = walksDuring(() => core.wake(100));
    assert.deepEqual([walks, core.depth, core.nextWake()], [1, 200, undefined]);
  });

  it("handles every key after its last addition, never twice at once, never above its concurrency", () => {
    const step = fc.record({
      deed: fc.constantFrom("add", "later", "done", "failed", "sleep"),
      key: fc.constantFrom("a", "b", "c", "d"),
      ms: fc.integer({ min: 0, max: 900 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const handlers = new Handlers(newCore(2));
        for (const { deed, key, ms } of steps) handlers.live(deed, key, ms);
        handlers.finish();
        assert.deepEqual([...handlers.owed], []);
      }),
    );
  });
});

/** How many times the values of any map are walked through. */
function walksDuring(deed: () => void): number {
  const { values } = Map.prototype;
  let walks = 0;
  Map.prototype.values = function (this: Map<unknown, unknown>) {
    walks += 1;
    return values.call(this);
  };
  try {
    deed();
  } finally {
    Map.prototype.values = values;
  }
  return walks;
}

/** Handlers on a core, checking what they are given. */
class Handlers {
  readonly #core: QueueCore;
  readonly #inHand = new Set<string>();
  #now = 0;
  /** Keys added since they were last handed out. */
  readonly owed = new Set<string>();

  constructor(core: QueueCore) {
    this.#core = core;
    this.#see(core.handle(open, 0));
  }

  live(deed: string, key: string, ms: number): void {
    if (deed === "sleep") {
      this.#now += ms;
      this.#see(this.#core.wake(this.#now));
    } else if (deed === "add" || deed === "later") {
      this.owed.add(key);
      this.#see(this.#core.handle(deed === "add" ? add(key) : addAfter(key, ms), this.#now));
    } else if (this.#inHand.delete(key)) {
      if (deed === "failed") this.owed.add(key);
      this.#see(this.#core.handle(deed === "done" ? done(key) : failed(key), this.#now));
    }
  }

  finish(): void {
    for (let rounds = 0; rounds < 50; rounds += 1) {
      for (const key of [...this.#inHand]) this.live("done", key, 0);
      this.live("sleep", "", 1000);
    }
  }

  #see(effects: readonly QueueEffect[]): void {
    for (const effect of effects) {
      if (effect.type !== "handle") continue;
      assert.ok(!this.#inHand.has(effect.key), `${effect.key} is in hand already`);
      this.#inHand.add(effect.key);
      this.owed.delete(effect.key);
    }
    assert.ok(this.#inHand.size <= 2);
  }
}

function describeEffect(effect: QueueEffect): string {
  switch (effect.type) {
    case "handle":
      return `handle ${effect.key}`;
    case "retry":
      return `retry ${effect.key} in ${effect.inMs} after ${effect.failures}`;
    case "idle":
      return "idle";
  }
}
