import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog, describeError, type LogLevel } from "./log.ts";

function record(level: LogLevel): { log: ReturnType<typeof createLog>; lines: () => unknown[] } {
  const written: string[] = [];
  const log = createLog({ level, program: "thing", write: (line) => written.push(line) });
  const lines = (): unknown[] =>
    written.map((line) => {
      const { ts, ...rest } = JSON.parse(line);
      assert.match(ts, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return rest;
    });
  return { log, lines };
}

describe("the log", () => {
  it("writes one JSON line per fact, data beside a constant message", () => {
    const { log, lines } = record("info");
    log.info("address held", { service: "default/web", address: "192.0.2.1" });
    log.with({ pool: "a" }).warn("pool is full");
    assert.deepEqual(lines(), [
      {
        level: "info",
        program: "thing",
        service: "default/web",
        address: "192.0.2.1",
        msg: "address held",
      },
      { level: "warn", program: "thing", pool: "a", msg: "pool is full" },
    ]);
  });

  const kept: Record<LogLevel, readonly string[]> = {
    all: ["debug", "info", "warn", "error"],
    debug: ["debug", "info", "warn", "error"],
    info: ["info", "warn", "error"],
    warn: ["warn", "error"],
    error: ["error"],
    none: [],
  };
  for (const [level, wanted] of Object.entries(kept)) {
    it(`at level ${level} keeps ${wanted.join(", ") || "nothing"}`, () => {
      const { log, lines } = record(level as LogLevel);
      for (const name of kept.all) log[name as "info"]("said");
      assert.deepEqual(
        lines().map((line) => (line as { level: string }).level),
        wanted,
      );
    });
  }

  it("blots out secrets, however deep a peer hides them", () => {
    const { log, lines } = record("info");
    log.info("loaded", { password: "a", peer: { password: "b" }, config: { peer: { token: "c" } } });
    assert.deepEqual(lines(), [
      {
        level: "info",
        program: "thing",
        password: "(secret)",
        peer: { password: "(secret)" },
        config: { peer: { token: "(secret)" } },
        msg: "loaded",
      },
    ]);
  });

  it("writes a thrown error with its causes and its stack", () => {
    const { log, lines } = record("info");
    const error = new TypeError("no write", { cause: new Error("connection reset") });
    log.error("crashed", { error });
    assert.deepEqual(lines(), [
      {
        level: "error",
        program: "thing",
        error: { message: "TypeError: no write (because connection reset)", stack: error.stack },
        msg: "crashed",
      },
    ]);
  });

  it("describes what is thrown and no error", () => assert.equal(describeError("boom"), "boom"));
});
