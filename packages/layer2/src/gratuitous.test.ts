import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import fc from "fast-check";
import { framesOf as framesIn, GratuitousSchedule, SLOT_MS, type Turn } from "./gratuitous.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const options = { ...DEFAULT_ANNOUNCER_OPTIONS, gratuitousFramesPerSlot: 4 };
const turn = (last: number, name = "eth0"): Turn => ({
  address: parseAddress(`192.0.2.${last}`) as IpAddress,
  interface: name,
});

/** Wakes the schedule whenever it asks to be, until it asks no more. */
const run = (schedule: GratuitousSchedule, from = 0): { at: number; turns: readonly Turn[] }[] => {
  const log: { at: number; turns: readonly Turn[] }[] = [];
  let now = from;
  for (let due: number | undefined = now; due !== undefined; due = schedule.nextWake()) {
    now = Math.max(now, due);
    log.push({ at: now, turns: schedule.wake(now) });
  }
  return log;
};

const framesOf = (turns: readonly Turn[]): readonly Turn[] =>
  turns.flatMap((each) => new Array<Turn>(framesIn(each)).fill(each));

describe("GratuitousSchedule", () => {
  it("takes a turn at once and then every 1,100 ms for about five seconds", () => {
    const schedule = new GratuitousSchedule(options);
    schedule.start(turn(1));
    assert.deepEqual(
      run(schedule),
      [0, 1100, 2200, 3300, 4400].map((at) => ({ at, turns: [turn(1)] })),
    );
  });

  it("takes first turns before repeats", () => {
    const schedule = new GratuitousSchedule({ ...options, gratuitousRounds: 2 });
    schedule.start(turn(1));
    schedule.wake(0);
    for (const last of [2, 3, 4]) schedule.start(turn(last));
    assert.deepEqual(run(schedule, 1100).slice(0, 2), [
      { at: 1100, turns: [turn(2), turn(3)] },
      { at: 1110, turns: [turn(4), turn(1)] },
    ]);
  });

  it("takes what is for everybody before what is for one client, and that before what is for a node", () => {
    const schedule = new GratuitousSchedule({ ...options, gratuitousRounds: 1 });
    const toNode = { ...turn(1), client: 1, node: "b" };
    const toClient = { ...turn(1), client: 1 };
    for (const each of [toNode, toClient, turn(2), turn(3)]) schedule.start(each);
    assert.deepEqual(run(schedule), [
      { at: 0, turns: [turn(2), turn(3)] },
      { at: 10, turns: [toClient, toNode] },
    ]);
  });

  it("takes what is said again after all first turns, and before repeats", () => {
    const schedule = new GratuitousSchedule({ ...options, gratuitousRounds: 2 });
    const toClient = { ...turn(2), client: 1 };
    schedule.start(turn(1));
    schedule.wake(0);
    for (const last of [3, 4]) schedule.again(turn(last));
    for (const each of [toClient, turn(5)]) schedule.start(each);
    assert.deepEqual(run(schedule, 1100).slice(0, 3), [
      { at: 1100, turns: [turn(5), toClient] },
      { at: 1110, turns: [turn(3), turn(4)] },
      { at: 1120, turns: [turn(1)] },
    ]);
  });

  it("takes what is said again once, and goes on with the rounds that were under way", () => {
    const schedule = new GratuitousSchedule({ ...options, gratuitousRounds: 3 });
    schedule.start(turn(1));
    schedule.wake(0);
    for (const each of [turn(1), turn(2), turn(2)]) schedule.again(each);
    assert.deepEqual(run(schedule, 500), [
      { at: 500, turns: [turn(1), turn(2)] },
      { at: 1600, turns: [turn(1)] },
    ]);
  });

  for (const how of ["start", "once", "stop"] as const) {
    it(`takes nothing a second time that was to be said again: ${how}`, () => {
      const schedule = new GratuitousSchedule({ ...options, gratuitousRounds: 1 });
      for (const last of [1, 2]) schedule.again(turn(last));
      schedule[how](turn(2));
      if (how !== "stop") schedule.again(turn(2));
      const turns = how === "stop" ? [turn(1)] : [turn(2), turn(1)];
      assert.deepEqual(run(schedule), [{ at: 0, turns }]);
    });
  }

  it("begins again when it is started again", () => {
    const schedule = new GratuitousSchedule({ ...options, gratuitousRounds: 2 });
    schedule.start(turn(1));
    schedule.wake(0);
    schedule.start(turn(1));
    assert.deepEqual(
      run(schedule, 500),
      [500, 1600].map((at) => ({ at, turns: [turn(1)] })),
    );
  });

  it("stops one turn and leaves the others", () => {
    const schedule = new GratuitousSchedule({ ...options, gratuitousRounds: 2 });
    for (const each of [turn(1), turn(1, "eth1")]) schedule.start(each);
    schedule.wake(0);
    schedule.stop(turn(1));
    assert.deepEqual(run(schedule, 1), [
      { at: 1, turns: [] },
      { at: 1100, turns: [turn(1, "eth1")] },
    ]);
  });

  it("asks for nothing when there is nothing to do", () => {
    const schedule = new GratuitousSchedule(options);
    assert.deepEqual(
      [schedule.nextWake(), schedule.wake(0), schedule.nextWake()],
      [undefined, [], undefined],
    );
  });

  it("sends 1,000 addresses once within half a second at the usual pace", () => {
    const schedule = new GratuitousSchedule(DEFAULT_ANNOUNCER_OPTIONS);
    for (let index = 0; index < 1_000; index += 1) schedule.start(turn(index & 255, `eth${index >> 8}`));
    const log = run(schedule);
    const first = log.filter(({ at }) => at < 500).flatMap(({ turns }) => turns);
    assert.equal(new Set(first.map(({ address, interface: name }) => `${address} ${name}`)).size, 1_000);
    assert.equal(log.flatMap(({ turns }) => turns).length, 5_000);
  });

  it("never exceeds its pace in any 10 ms, whenever it is woken", () => {
    const step = fc.oneof(
      fc.record({
        type: fc.constantFrom("start" as const, "once" as const, "again" as const, "stop" as const),
        last: fc.integer({ min: 0, max: 20 }),
      }),
      fc.record({ type: fc.constant("sleep" as const), ms: fc.double({ min: 0, max: 12, noNaN: true }) }),
    );
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 80, size: "max" }),
        fc.integer({ min: 2, max: 9 }),
        (steps, pace) => {
          const schedule = new GratuitousSchedule({ ...options, gratuitousFramesPerSlot: pace });
          const sent: number[] = [];
          let now = 0;
          for (const s of steps) {
            if (s.type === "sleep") now += s.ms;
            else schedule[s.type](turn(s.last));
            sent.push(...framesOf(schedule.wake(now)).map(() => now));
          }
          sent.push(...run(schedule, now).flatMap(({ at, turns }) => framesOf(turns).map(() => at)));
          const inSlot = sent.map((end) => sent.filter((at) => at <= end && at + SLOT_MS > end).length);
          assert.deepEqual(
            inSlot.filter((frames) => frames > pace),
            [],
          );
        },
      ),
      { numRuns: 500 },
    );
  });
});
