import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";

const PRELUDE = `
  import { createLog } from ${JSON.stringify(new URL("log.ts", import.meta.url).href)};
  import { runProgram } from ${JSON.stringify(new URL("lifecycle.ts", import.meta.url).href)};
  import { StartError } from ${JSON.stringify(new URL("start-error.ts", import.meta.url).href)};
  const log = createLog({ level: "info", program: "thing" });
  const alive = setInterval(() => {}, 1000);
  const run = (start, stopDeadlineMs = 60_000) => runProgram({ log, stopDeadlineMs }, start);
`;

interface Outcome {
  readonly exitCode: number | null;
  readonly said: readonly Readonly<Record<string, unknown>>[];
}

/** Runs the script in a process of its own; `onLine` sees each message as it comes. */
async function runScript(
  script: string,
  onLine: (message: string, child: ChildProcess) => void = () => {},
): Promise<Outcome> {
  const child = spawn(process.execPath, ["--input-type=module", "-e", PRELUDE + script]);
  const exited = once(child, "close");
  const said: Record<string, unknown>[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const { level, msg, ts: _ts, program: _program, ...fields } = JSON.parse(line);
    said.push({ level, msg, ...fields });
    onLine(msg, child);
  }
  await exited;
  return { exitCode: child.exitCode, said };
}

describe("a program's life", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends in order at ${signal}: the last part first, each awaited`, async () => {
      const outcome = await runScript(
        `run(async (life) => {
          life.onStop("one", () => log.info("one stopped", { aborted: life.signal.aborted }));
          life.onStop("two", async () => {
            await new Promise((done) => setTimeout(done, 20));
            log.info("two stopped");
          });
          log.info("up");
        });`,
        (message, child) => message === "up" && child.kill(signal),
      );
      assert.deepEqual(outcome, {
        exitCode: 0,
        said: [
          { level: "info", msg: "up" },
          { level: "info", msg: "stopping", signal },
          { level: "info", msg: "two stopped" },
          { level: "info", msg: "one stopped", aborted: true },
          { level: "info", msg: "stopped", exitCode: 0 },
        ],
      });
    });
  }

  it("ends at once at the second signal", async () => {
    const outcome = await runScript(
      `run(async (life) => { life.onStop("slow", () => new Promise(() => {})); log.info("up"); });`,
      (message, child) => (message === "up" || message === "stopping") && child.kill("SIGTERM"),
    );
    assert.deepEqual(outcome, {
      exitCode: 1,
      said: [
        { level: "info", msg: "up" },
        { level: "info", msg: "stopping", signal: "SIGTERM" },
        { level: "info", msg: "stopping at once", signal: "SIGTERM" },
      ],
    });
  });

  it("does not wait for a stop beyond its deadline", async () => {
    const outcome = await runScript(
      `run(async (life) => { life.onStop("slow", () => new Promise(() => {})); log.info("up"); }, 30);`,
      (message, child) => message === "up" && child.kill("SIGTERM"),
    );
    assert.deepEqual(outcome.said.slice(2), [
      { level: "error", msg: "stop took too long", deadlineMs: 30 },
      { level: "info", msg: "stopped", exitCode: 1 },
    ]);
    assert.equal(outcome.exitCode, 1);
  });

  it("ends in order and with 1 when a part cannot go on", async () => {
    const outcome = await runScript(
      `run(async (life) => {
        life.onStop("one", () => log.info("one stopped"));
        life.fail("lost the lease for good");
      });`,
    );
    assert.deepEqual(outcome, {
      exitCode: 1,
      said: [
        { level: "error", msg: "lost the lease for good" },
        { level: "info", msg: "one stopped" },
        { level: "info", msg: "stopped", exitCode: 1 },
      ],
    });
  });

  it("tells an operator's mistake in one line without a stack", async () => {
    const outcome = await runScript(
      `run(async () => { throw new StartError("port 80 is in use (--port)"); });`,
    );
    assert.deepEqual(outcome, {
      exitCode: 1,
      said: [{ level: "error", msg: "cannot start", reason: "port 80 is in use (--port)" }],
    });
  });

  for (const [name, fault] of [
    ["an exception nobody caught", `setTimeout(() => { throw new Error("bug") }, 1)`],
    ["a rejection nobody handled", `Promise.reject(new Error("bug"))`],
  ] as const) {
    it(`crashes with its cause on ${name}`, async () => {
      const outcome = await runScript(`run(async () => {}); ${fault};`);
      assert.equal(outcome.exitCode, 1);
      assert.equal(outcome.said.length, 1);
      const [{ msg, error } = {}] = outcome.said;
      assert.deepEqual([msg, (error as { message: string }).message], ["crashed", "bug"]);
    });
  }
});
