import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LeaseCore, type LeaseEffect, type LeaseInput, type LeaseRecord } from "./lease-core.ts";

const TIMING = { leaseDurationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };

type Step = readonly [at: number, input: LeaseInput | "-", ...effects: string[]];

const lease = (resourceVersion: string, holder: string, durationMs = 15_000): LeaseRecord => ({
  holder,
  durationMs,
  transitions: 3,
  acquireTime: "then",
  resourceVersion,
});
const read = (record: LeaseRecord | undefined): LeaseInput => ({ type: "read", lease: record });
const written = (record: LeaseRecord): LeaseInput => ({ type: "written", lease: record });
const failed = (status: number): LeaseInput => ({ type: "failed", status, reason: "R", message: "m" });
const start = { type: "start" } as const;
const stop = { type: "stop" } as const;
const led = { type: "led" } as const;

const LEADING: readonly Step[] = [
  [0, start, "read"],
  [10, read(undefined), "acquire on nothing"],
  [20, written(lease("1", "me")), "leading", "lead"],
];

const stories: readonly { name: string; steps: readonly Step[] }[] = [
  {
    name: "creates the Lease where there is none and renews it every two seconds",
    steps: [
      ...LEADING,
      [2009, "-"],
      [2010, "-", "renew on 1"],
      [2020, written(lease("2", "me"))],
      [4010, "-", "renew on 2"],
    ],
  },
  {
    name: "takes a released Lease at once",
    steps: [
      [0, start, "read"],
      [10, read(lease("5", "", 1000)), "acquire on 5"],
      [20, written(lease("6", "me")), "leading", "lead"],
    ],
  },
  {
    name: "waits until it has seen a record unchanged for fifteen seconds by its own clock",
    steps: [
      [0, start, "read"],
      [10, read(lease("5", "other")), "following other"],
      [2210, "-", "read"],
      [2220, read(lease("6", "other"))],
      [15_020, "-", "read"],
      [15_030, read(lease("6", "other"))],
      [17_219, "-"],
      [17_230, "-", "read"],
      [17_240, read(lease("6", "other")), "acquire on 6"],
      [17_250, written(lease("7", "me")), "leading", "lead"],
    ],
  },
  {
    name: "waits as long as the holder's own record says, when that is longer",
    steps: [
      [0, start, "read"],
      [0, read(lease("5", "other", 60_000)), "following other"],
      [59_000, "-", "read"],
      [59_000, read(lease("5", "other", 60_000))],
      [61_200, "-", "read"],
      [61_200, read(lease("5", "other", 60_000)), "acquire on 5"],
    ],
  },
  {
    name: "does not lead when another candidate was faster",
    steps: [
      [0, start, "read"],
      [10, read(lease("5", "")), "acquire on 5"],
      [20, failed(409), "failed 409"],
      [2220, "-", "read"],
      [2230, read(lease("6", "other")), "following other"],
    ],
  },
  {
    name: "steps down ten seconds after it sent the last renewal that got through",
    steps: [
      ...LEADING,
      [2010, "-", "renew on 1"],
      [2900, written(lease("2", "me"))],
      [4010, "-", "renew on 2"],
      [4011, failed(0), "failed 0"],
      [6211, "-", "read"],
      [11_211, "-", "abort", "failed 0"],
      [12_009, "-"],
      [12_010, "-", "halt", "lost renew-deadline"],
      [12_500, led, "read"],
      [12_510, read(lease("2", "me")), "acquire on 2"],
    ],
  },
  {
    name: "gives up a renewal under way when its time is over",
    steps: [...LEADING, [8000, "-", "renew on 1"], [10_010, "-", "halt", "abort", "lost renew-deadline"]],
  },
  {
    name: "reads at once after a conflict and goes on when the Lease is still its own",
    steps: [
      ...LEADING,
      [2010, "-", "renew on 1"],
      [2020, failed(409), "failed 409", "read"],
      [2030, read(lease("2", "me")), "renew on 2"],
      [2040, written(lease("3", "me"))],
      [4030, "-", "renew on 3"],
    ],
  },
  {
    name: "halts at once when somebody else holds the Lease",
    steps: [
      ...LEADING,
      [2010, "-", "renew on 1"],
      [2020, failed(409), "failed 409", "read"],
      [2030, read(lease("2", "other")), "halt", "lost taken"],
      [2040, led, "read"],
      [2050, read(lease("2", "other")), "following other"],
    ],
  },
  {
    name: "creates the Lease again when somebody has deleted it",
    steps: [
      ...LEADING,
      [2010, "-", "renew on 1"],
      [2020, failed(404), "failed 404"],
      [4220, "-", "read"],
      [4230, read(undefined), "renew on nothing"],
    ],
  },
  {
    name: "does not compete again before its work has ended",
    steps: [...LEADING, [10_010, "-", "halt", "lost renew-deadline"], [99_000, "-"], [99_000, led, "read"]],
  },
  {
    name: "releases the Lease once its work has ended",
    steps: [
      ...LEADING,
      [500, stop, "halt"],
      [900, led, "release on 1"],
      [910, written(lease("2", "")), "released", "stopped"],
    ],
  },
  {
    name: "waits for the renewal under way before it releases",
    steps: [
      ...LEADING,
      [2010, "-", "renew on 1"],
      [2011, stop, "halt"],
      [2012, led],
      [2020, written(lease("2", "me")), "release on 2"],
      [2030, written(lease("3", "")), "released", "stopped"],
    ],
  },
  {
    name: "looks before it releases when the last renewal may have got through",
    steps: [
      ...LEADING,
      [2010, "-", "renew on 1"],
      [2020, failed(0), "failed 0"],
      [2500, stop, "halt"],
      [2510, led, "read"],
      [2520, read(lease("2", "me")), "release on 2"],
      [2530, failed(0), "failed 0", "stopped"],
    ],
  },
  {
    name: "releases nothing that is not its own",
    steps: [
      [0, start, "read"],
      [10, read(lease("5", "other")), "following other"],
      [20, stop, "stopped"],
    ],
  },
  {
    name: "releases what it wins while it is being stopped",
    steps: [
      [0, start, "read"],
      [10, read(undefined), "acquire on nothing"],
      [20, stop],
      [30, written(lease("1", "me")), "release on 1"],
      [40, written(lease("2", "")), "released", "stopped"],
    ],
  },
  {
    name: "releases and stops when its work ends by itself",
    steps: [...LEADING, [100, led, "release on 1"], [110, written(lease("2", "")), "released", "stopped"]],
  },
];

describe("lease core", () => {
  for (const { name, steps } of stories) {
    it(name, () => {
      const core = new LeaseCore({ identity: "me", timing: TIMING, random: { next: () => 0.5 } });
      const told = steps.map(([at, input]): Step => {
        const effects = input === "-" ? core.wake(at) : core.handle(input, at);
        return [at, input, ...effects.map(describeEffect)];
      });
      assert.deepEqual(told, steps);
    });
  }

  it("does not claim to lead when its timer is late", () => {
    const core = new LeaseCore({ identity: "me", timing: TIMING, random: { next: () => 0.5 } });
    for (const [at, input] of LEADING) if (input !== "-") core.handle(input, at);
    assert.deepEqual([core.isLeading(10_009), core.isLeading(10_010)], [true, false]);
  });

  for (const { name, inputs, leads } of [
    {
      name: "may be finished while it stops in order, until its time is up",
      inputs: [stop],
      leads: [true, false],
    },
    { name: "may not be finished once its work has ended", inputs: [stop, led], leads: [false, false] },
    {
      name: "may not be finished when the Lease was taken",
      inputs: [failed(409), read(lease("9", "other"))],
      leads: [false, false],
    },
  ]) {
    it(`says that what is in hand ${name}`, () => {
      const core = new LeaseCore({ identity: "me", timing: TIMING, random: { next: () => 0.5 } });
      for (const [at, input] of LEADING) if (input !== "-") core.handle(input, at);
      core.wake(2010);
      for (const input of inputs) {
        core.handle(input, 2020);
        core.wake(5000);
      }
      assert.deepEqual([core.isLeading(10_009), core.isLeading(10_010)], leads);
    });
  }
});

function describeEffect(effect: LeaseEffect): string {
  switch (effect.type) {
    case "write":
      return `${effect.kind} on ${effect.base?.resourceVersion ?? "nothing"}`;
    case "notice":
      return describeNotice(effect.notice);
    default:
      return effect.type;
  }
}

function describeNotice(notice: Extract<LeaseEffect, { type: "notice" }>["notice"]): string {
  switch (notice.type) {
    case "following":
      return `following ${notice.holder}`;
    case "lost":
      return `lost ${notice.why}`;
    case "failed":
      return `failed ${notice.status}`;
    default:
      return notice.type;
  }
}
