import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import { Registry } from "prom-client";
import { createSpeakerMetrics } from "./metrics.ts";
import { NodeReporter } from "./node-reporter.ts";

describe("NodeReporter", () => {
  let reporter: NodeReporter;
  let lines: string[];
  beforeEach(() => {
    lines = [];
    reporter = new NodeReporter({
      log: createLog({ level: "info", program: "speaker", write: (line) => lines.push(line) }),
      metrics: createSpeakerMetrics(new Registry()),
    });
  });
  const logged = () => lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>);

  it("says what is refused, and what is in force instead", () => {
    reporter.refused("a", ["a"]);
    reporter.configured(1);
    for (const mistakes of [["a"], ["a"], ["a", "b"]]) reporter.refused(mistakes.join(), mistakes);
    const parts = "parts of the configuration are refused; of each the last good one stays";
    assert.deepEqual(
      logged().map(({ msg, mistakes }) => [msg, mistakes]),
      [
        ["configuration refused; nothing is announced until there is one", ["a"]],
        ["configuration loaded", undefined],
        [parts, ["a"]],
        [parts, ["a", "b"]],
      ],
    );
  });

  it("says once why its node is to own nothing, and that it may again", () => {
    for (const note of ["new disk", "new disk", "and a fan"]) reporter.standing("nodeDrained", note);
    reporter.standing("speakerNotReady", "");
    for (let time = 0; time < 2; time += 1) reporter.standing(undefined, "");
    const bad = "this node is to own no addresses";
    assert.deepEqual(
      logged().map(({ msg, note }) => [msg, note]),
      [
        [bad, "new disk"],
        [bad, "and a fan"],
        ["this node may own addresses again", undefined],
      ],
    );
  });
});
