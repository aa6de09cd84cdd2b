import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ConditionWish } from "@herald/k8s/service-condition";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { NO_SPEAKER_YET } from "@herald/shared/service/no-speaker-yet";
import { type ConditionView, serviceKey } from "@herald/shared/service/view";
import { Corrections, patienceMs, type Standing } from "./corrections.ts";

type Found = Pick<ConditionView, "status" | "reason" | "message">;

const key = serviceKey("shop", "web");
const DAY_MS = 86_400_000;

describe("What was said of a Service and written over by another speaker", () => {
  const here: ConditionWish = { status: "True", reason: "Announced", message: "from node-1" };
  const there: ConditionWish = { status: "True", reason: "Announced", message: "from node-2" };
  const asked: ConditionWish = { status: "False", reason: "Probing", message: "it is asked for" };
  const conflict: ConditionWish = { status: "False", reason: "AddressConflict", message: "another, too" };
  const givenUp: ConditionWish = { status: "False", reason: "AddressQuarantined", message: "given up" };
  const stopped: ConditionWish = { status: "False", reason: "SpeakerStopped", message: "no other" };
  const noPods: ConditionWish = { status: "False", reason: "NoEndpoints", message: "no pods" };
  for (const [sentence, standing, said, found, expected] of [
    ["corrects whatever is not why nobody announces it", "spokesman", noPods, there, 2_000],
    ["corrects also another reason why nobody does", "spokesman", noPods, { ...noPods, message: "" }, 2_000],
    ["corrects that nobody announces it", "alone", here, noPods, 1_000],
    ["corrects that nobody announces it, whatever it said", "alone", asked, noPods, 1_000],
    ["corrects what is wrong at another", "alone", here, givenUp, 1_000],
    ["corrects that another was stopped", "alone", here, stopped, 1_000],
    ["corrects that another announces it, but not soon", "alone", here, there, 30_000],
    ["leaves that another announces it, having given it up", "alone", givenUp, there, undefined],
    ["leaves what is wrong at another, where something is wrong here", "alone", conflict, givenUp, undefined],
    ["corrects that nobody announces it", "among-others", here, noPods, 1_000],
    [
      "corrects that no speaker has spoken, as the controller says of a status that was emptied",
      "alone",
      conflict,
      NO_SPEAKER_YET,
      1_000,
    ],
    ["corrects that no speaker has spoken", "among-others", here, NO_SPEAKER_YET, 1_000],
    ["leaves what is wrong at one of them", "among-others", here, givenUp, undefined],
    ["corrects that nothing is wrong", "among-others", conflict, here, 1_000],
    ["leaves that others announce it while it asks", "among-others", asked, here, undefined],
  ] as const satisfies readonly (readonly [string, Standing, ConditionWish, Found, unknown])[]) {
    it(`${standing} ${sentence}`, () => {
      assert.equal(patienceMs(standing, said, { ...found, since: "" }), expected);
    });
  }

  it("is news once, and again when it is written again after something that was not seen", () => {
    const corrections = new Corrections(new VirtualClock());
    const seen = [
      { ...there, since: "08:00" },
      { ...there, since: "08:00" },
      { ...there, since: "08:05" },
      { ...here, since: "08:05" },
    ];
    assert.deepEqual(
      seen.map((found) => corrections.find(key, found)),
      [true, false, true, true],
    );
  });

  it("is said again later and later, once at a time, and soon after a long quiet or something new", () => {
    const clock = new VirtualClock();
    const corrections = new Corrections(clock);
    const begin = (afterMs: number, leastMs = 1_000): number | undefined => {
      clock.advance(afterMs);
      return corrections.begin(key, leastMs);
    };
    assert.deepEqual(
      [begin(0), begin(999), begin(1), begin(1_999), begin(1), begin(4_000, 30_000), begin(30_000)],
      [1_000, undefined, 2_000, undefined, 4_000, 30_000, 60_000],
    );
    assert.deepEqual([begin(60_000 + 600_000), begin(120_000 + 600_001)], [120_000, 1_000]);
    begin(1_000);
    corrections.end(key);
    assert.equal(begin(0), 1_000);
  });

  for (const seenAfterMs of [0, 1_000, 60_000]) {
    for (const [one, other] of [
      [1_000, 2_000],
      [1_000, 30_000],
      [30_000, 30_000],
    ] as const) {
      it(`is not fought over by two for ever, of ${one} and ${other} ms, each of whom sees the other's after ${seenAfterMs} ms`, () => {
        const clock = new VirtualClock();
        let writes = 0;
        const write = (turn: number): void => {
          writes += 1;
          clock.at(clock.now() + seenAfterMs, () => {
            const { corrections, leastMs } = sides[turn % 2] as (typeof sides)[number];
            const holdMs = corrections.begin(key, leastMs);
            if (holdMs !== undefined) clock.at(clock.now() + holdMs, () => write(turn + 1));
          });
        };
        const sides = [one, other].map((leastMs) => ({ corrections: new Corrections(clock), leastMs }));
        write(0);
        clock.advance(DAY_MS);
        const firstDay = writes;
        clock.advance(30 * DAY_MS);
        assert.ok(
          firstDay <= 36 && writes - firstDay <= 12,
          `${firstDay} on the first day, ${writes} by the end`,
        );
      });
    }
  }
});
