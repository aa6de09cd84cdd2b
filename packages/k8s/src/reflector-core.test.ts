import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ReflectorCore, type ReflectorEffect, type ReflectorInput } from "./reflector-core.ts";

/** Dice in the middle: back-off 0.75 s, 1.5 s, 3 s, 6 s, 12 s, 22.5 s; watches of 360 s. */
const random = { next: () => 0.5 };

/** One line per step: what goes in at which instant ("-" is a wake), and everything that comes out. */
type Step = readonly [at: number, input: ReflectorInput | "-", ...effects: string[]];

const start = { type: "start" } as const;
const opened = { type: "opened" } as const;
const ended = { type: "ended" } as const;
const lastPage = (resourceVersion: string, objects = 1): ReflectorInput => ({
  type: "page",
  resourceVersion,
  continue: undefined,
  objects,
});
const page = (resourceVersion: string, token: string): ReflectorInput => ({
  type: "page",
  resourceVersion,
  continue: token,
  objects: 500,
});
const news = (resourceVersion: string): ReflectorInput => ({ type: "news", resourceVersion });
const failed = (status: number, retryAfterMs = 0): ReflectorInput => ({
  type: "failed",
  status,
  reason: "R",
  message: "m",
  retryAfterMs,
});

const listed = (objects: number, tookMs: number): string => `listed ${objects} in ${tookMs}`;
const SYNCED: readonly Step[] = [
  [0, start, "list"],
  [10, lastPage("7"), "complete", listed(1, 10), "watch 7 for 360 s"],
  [20, opened, "watching 7"],
];

const stories: readonly { name: string; steps: readonly Step[] }[] = [
  {
    name: "lists in pages, then watches from the version of the first page",
    steps: [
      [0, start, "list"],
      [5, page("7", "a"), "list a"],
      [9, page("8", "b"), "list b"],
      [12, lastPage("9", 20), "complete", listed(1020, 12), "watch 7 for 360 s"],
      [13, opened, "watching 7"],
    ],
  },
  {
    name: "watches again at once, from the newest version, when a watch has had its time",
    steps: [...SYNCED, [1000, news("9")], [100_000, news("12")], [200_000, ended, "watch 12 for 360 s"]],
  },
  {
    name: "resumes after a reset without listing, waiting longer each time",
    steps: [
      ...SYNCED,
      [1000, news("9")],
      [2000, failed(0), "watch failed 0, again in 750"],
      [2749, "-"],
      [2750, "-", "watch 9 for 360 s"],
      [2760, failed(0), "watch failed 0, again in 1500"],
      [4260, "-", "watch 9 for 360 s"],
      [4270, failed(503), "watch failed 503, again in 3000"],
      [7270, "-", "watch 9 for 360 s"],
    ],
  },
  {
    name: "resumes from a bookmark",
    steps: [
      ...SYNCED,
      [60_000, news("40")],
      [90_000, failed(0), "watch failed 0, again in 750"],
      [90_750, "-", "watch 40 for 360 s"],
    ],
  },
  {
    name: "forgets earlier failures only after a healthy minute",
    steps: [
      ...SYNCED,
      [1000, failed(0), "watch failed 0, again in 750"],
      [1750, "-", "watch 7 for 360 s"],
      [1760, opened, "watching 7"],
      [1800, news("8")],
      [61_000, failed(0), "watch failed 0, again in 1500"],
      [62_500, "-", "watch 8 for 360 s"],
      [62_500, opened, "watching 8"],
      [122_500, failed(0), "watch failed 0, again in 750"],
    ],
  },
  {
    name: "takes an early end for a failure",
    steps: [...SYNCED, [5000, ended, "watch failed 0, again in 750"], [5750, "-", "watch 7 for 360 s"]],
  },
  {
    name: "lists anew when its version has expired",
    steps: [
      ...SYNCED,
      [5000, failed(410), "expired", "watch failed 410, again in 750"],
      [5750, "-", "list"],
      [5760, lastPage("90"), "complete", listed(1, 10), "watch 90 for 360 s"],
    ],
  },
  {
    name: "begins the list again when a continue token has expired",
    steps: [
      [0, start, "list"],
      [5, page("7", "a"), "list a"],
      [9, failed(410), "expired", "list failed 410, again in 750"],
      [759, "-", "list"],
      [760, lastPage("8", 3), "complete", listed(3, 1), "watch 8 for 360 s"],
    ],
  },
  {
    name: "asks for the same page again after any other failure",
    steps: [
      [0, start, "list"],
      [5, page("7", "a"), "list a"],
      [9, failed(500), "list failed 500, again in 750"],
      [759, "-", "list a"],
      [770, lastPage("7", 20), "complete", listed(520, 770), "watch 7 for 360 s"],
    ],
  },
  {
    name: "keeps trying a list that fails, at most every half minute",
    steps: [
      [0, start, "list"],
      [0, failed(0), "list failed 0, again in 750"],
      [750, "-", "list"],
      [750, failed(0), "list failed 0, again in 1500"],
      [2250, "-", "list"],
      [2250, failed(403), "list failed 403, again in 3000"],
      [5250, "-", "list"],
      [5250, failed(500), "list failed 500, again in 6000"],
      [11_250, "-", "list"],
      [11_250, failed(0), "list failed 0, again in 12000"],
      [23_250, "-", "list"],
      [23_250, failed(0), "list failed 0, again in 22500"],
      [45_750, "-", "list"],
      [45_750, failed(0), "list failed 0, again in 22500"],
    ],
  },
  {
    name: "waits as long as the server asks",
    steps: [
      [0, start, "list"],
      [0, failed(429, 5000), "list failed 429, again in 5000"],
      [4999, "-"],
      [5000, "-", "list"],
    ],
  },
  {
    name: "gives up a watch that says nothing, not even a bookmark",
    steps: [
      ...SYNCED,
      [60_000, news("8")],
      [209_999, "-"],
      [210_000, "-", "abort", "silent for 150000", "watch failed 0, again in 750"],
      [210_750, "-", "watch 8 for 360 s"],
    ],
  },
  {
    name: "lists anew when a watch opened and never said anything: its version may be from the future",
    steps: [
      ...SYNCED,
      [150_019, "-"],
      [150_020, "-", "abort", "silent for 150000", "watch failed 0, again in 750"],
      [150_770, "-", "list"],
      [150_780, lastPage("3"), "complete", listed(1, 10), "watch 3 for 360 s"],
    ],
  },
  {
    name: "gives up a watch that never opens",
    steps: [
      [0, start, "list"],
      [10, lastPage("7"), "complete", listed(1, 10), "watch 7 for 360 s"],
      [30_010, "-", "abort", "watch failed 0, again in 750"],
      [30_760, "-", "watch 7 for 360 s"],
    ],
  },
  {
    name: "gives up a list that never answers",
    steps: [
      [0, start, "list"],
      [60_000, "-", "abort", "list failed 0, again in 750"],
      [60_750, "-", "list"],
    ],
  },
  {
    name: "lists when three watches in a row are refused",
    steps: [
      ...SYNCED,
      [1000, news("8")],
      [1000, failed(504), "watch failed 504, again in 750"],
      [1750, "-", "watch 8 for 360 s"],
      [1750, failed(504), "watch failed 504, again in 1500"],
      [3250, "-", "watch 8 for 360 s"],
      [3250, failed(400), "watch failed 400, again in 3000"],
      [6250, "-", "watch 8 for 360 s"],
      [6250, failed(403), "watch failed 403, again in 6000"],
      [12_250, "-", "list"],
    ],
  },
  {
    name: "lists when three watches in a row open and die without news, so that a hostile proxy costs only time",
    steps: [
      ...SYNCED,
      [100, failed(0), "watch failed 0, again in 750"],
      [850, "-", "watch 7 for 360 s"],
      [850, opened, "watching 7"],
      [900, failed(0), "watch failed 0, again in 1500"],
      [2400, "-", "watch 7 for 360 s"],
      [2400, opened, "watching 7"],
      [2500, ended, "watch failed 0, again in 3000"],
      [5500, "-", "list"],
    ],
  },
  {
    name: "does not list because the server was out of reach for long",
    steps: [
      ...SYNCED,
      [70_000, failed(0), "watch failed 0, again in 750"],
      [70_750, "-", "watch 7 for 360 s"],
      [70_750, failed(0), "watch failed 0, again in 1500"],
      [72_250, "-", "watch 7 for 360 s"],
      [72_250, failed(0), "watch failed 0, again in 3000"],
      [75_250, "-", "watch 7 for 360 s"],
      [75_250, failed(503), "watch failed 503, again in 6000"],
      [81_250, "-", "watch 7 for 360 s"],
    ],
  },
];

describe("reflector core", () => {
  for (const { name, steps } of stories) {
    it(name, () => {
      const core = new ReflectorCore(random);
      const told = steps.map(([at, input]): Step => {
        const effects = input === "-" ? core.wake(at) : core.handle(input, at);
        return [at, input, ...effects.map(describeEffect)];
      });
      assert.deepEqual(told, steps);
    });
  }

  it("spreads the time of watches from 240 to 480 seconds", () => {
    const seconds = [0, 0.9999999].map((dice) => {
      const core = new ReflectorCore({ next: () => dice });
      core.handle(start, 0);
      return core
        .handle(lastPage("7"), 0)
        .flatMap((effect) => (effect.type === "watch" ? [effect.timeoutSeconds] : []));
    });
    assert.deepEqual(seconds, [[240], [480]]);
  });

  it("always has a request in flight or one due within half a minute, whatever happens", () => {
    const happening = fc.oneof(
      fc.constantFrom<ReflectorInput>(opened, ended, news("5"), page("3", "t"), lastPage("4")),
      fc.constantFrom(0, 400, 403, 410, 429, 500, 504).map((status) => failed(status)),
      fc.integer({ min: 0, max: 400_000 }),
    );
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        const runner = new IdealRunner();
        for (const next of happenings) {
          runner.live(next);
          const { dueInMs, inFlight } = runner;
          assert.ok(dueInMs !== undefined);
          assert.ok(inFlight !== undefined || dueInMs <= 30_000, `next attempt in ${dueInMs} ms`);
        }
      }),
    );
  });
});

/** Feeds a core only what the request in flight can bring. */
class IdealRunner {
  readonly #core = new ReflectorCore(random);
  #now = 0;
  inFlight: "list" | "watch" | "open watch" | undefined;

  constructor() {
    this.#see(this.#core.handle(start, 0));
  }

  get dueInMs(): number | undefined {
    const due = this.#core.nextWake();
    return due === undefined ? undefined : due - this.#now;
  }

  /** @param next what happens, or how many milliseconds pass. */
  live(next: ReflectorInput | number): void {
    if (typeof next === "number") {
      this.#now += next;
      const effects = this.#core.wake(this.#now);
      if (effects.some(({ type }) => type === "abort")) this.inFlight = undefined;
      this.#see(effects);
    } else if (this.#isPossible(next)) {
      this.#begin(next);
      this.#see(this.#core.handle(next, this.#now));
    }
  }

  #isPossible({ type }: ReflectorInput): boolean {
    if (type === "page") return this.inFlight === "list";
    if (type === "opened") return this.inFlight === "watch";
    if (type === "news" || type === "ended") return this.inFlight === "open watch";
    return this.inFlight !== undefined;
  }

  #begin({ type }: ReflectorInput): void {
    if (type === "opened") this.inFlight = "open watch";
    else if (type !== "news") this.inFlight = undefined;
  }

  #see(effects: readonly ReflectorEffect[]): void {
    for (const { type } of effects) if (type === "list" || type === "watch") this.inFlight = type;
  }
}

function describeEffect(effect: ReflectorEffect): string {
  switch (effect.type) {
    case "list":
      return effect.continue === undefined ? "list" : `list ${effect.continue}`;
    case "watch":
      return `watch ${effect.resourceVersion} for ${effect.timeoutSeconds} s`;
    case "complete":
    case "abort":
      return effect.type;
    case "notice":
      return describeNotice(effect.notice);
  }
}

function describeNotice(notice: Extract<ReflectorEffect, { type: "notice" }>["notice"]): string {
  switch (notice.type) {
    case "listed":
      return listed(notice.objects, notice.tookMs);
    case "watching":
      return `watching ${notice.resourceVersion}`;
    case "expired":
      return "expired";
    case "silent":
      return `silent for ${notice.silentMs}`;
    case "list-failed":
      return `list failed ${notice.status}, again in ${notice.retryInMs}`;
    case "watch-failed":
      return `watch failed ${notice.status}, again in ${notice.retryInMs}`;
  }
}
