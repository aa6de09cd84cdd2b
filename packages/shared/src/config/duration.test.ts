import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseDuration } from "./duration.ts";

describe("durations", () => {
  for (const { text, milliseconds } of [
    { text: "90s", milliseconds: 90_000 },
    { text: "1m30s", milliseconds: 90_000 },
    { text: "1.5h", milliseconds: 5_400_000 },
    { text: ".5s", milliseconds: 500 },
    { text: "2.s", milliseconds: 2_000 },
    { text: "1h2m3s4ms", milliseconds: 3_723_004 },
    { text: "5us", milliseconds: 0.005 },
    { text: "5µs", milliseconds: 0.005 },
    { text: "5μs", milliseconds: 0.005 },
    { text: "7ns", milliseconds: 7e-6 },
    { text: "0", milliseconds: 0 },
    { text: "-3s", milliseconds: -3_000 },
    { text: "+3s", milliseconds: 3_000 },
  ]) {
    it(`reads ${text}`, () => assert.deepEqual(parseDuration(text), { milliseconds }));
  }

  for (const { text, mistake } of [
    { text: "120", mistake: '"120" has no unit, want "120s" for seconds' },
    { text: "1.5", mistake: '"1.5" has no unit, want "1.5s" for seconds' },
    { text: "", mistake: '"" is no duration, want for example "90s" or "1m30s"' },
    { text: "s", mistake: '"s" is no duration, want for example "90s" or "1m30s"' },
    { text: "1d", mistake: '"1d" is no duration, want for example "90s" or "1m30s"' },
    { text: "1 s", mistake: '"1 s" is no duration, want for example "90s" or "1m30s"' },
    { text: "1m30", mistake: '"1m30" is no duration, want for example "90s" or "1m30s"' },
    { text: "--1s", mistake: '"--1s" is no duration, want for example "90s" or "1m30s"' },
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.deepEqual(parseDuration(text), { mistake }));
  }

  it("refuses endless digits at once", () => {
    const digits = "1".repeat(200_000);
    const before = process.cpuUsage();
    assert.deepEqual(parseDuration(`${digits}x`), {
      mistake: `"${digits.slice(0, 64)}" is no duration, want for example "90s" or "1m30s"`,
    });
    // Why not the clock's time: others may have the processor. A pattern that goes back and forth takes a minute of it.
    assert.ok(process.cpuUsage(before).user < 5_000_000);
  });

  it("adds up its parts in any order", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.nat(1000), (hours, minutes, seconds) => {
        const milliseconds = ((hours * 60 + minutes) * 60 + seconds) * 1000;
        assert.deepEqual(parseDuration(`${seconds}s${hours}h${minutes}m`), { milliseconds });
      }),
    );
  });
});
