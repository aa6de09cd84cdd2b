import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Ledger } from "./ledger.ts";
import { identify } from "./process-table.ts";

/** How a program ended: its exit code, or the signal that ended it. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A program the harness started and keeps. */
export interface Running {
  readonly what: string;
  readonly pid: number;
  /** Standard output and error, both. */
  readonly logPath: string;
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  readonly exit: Exit | undefined;
  kill(signal?: NodeJS.Signals): void;
  /** SIGTERM, then SIGKILL after the grace; resolves when it has ended. */
  stop(graceMs?: number): Promise<Exit>;
}

export interface Launch {
  readonly what: string;
  readonly argv: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly logPath: string;
}

/** The words before a command that put it into a network namespace and leave the mounts alone. */
export function inNetwork(namespace: string): readonly string[] {
  return ["nsenter", `--net=/run/netns/${namespace}`, "--"];
}

/** As inNetwork, and with /sys showing that namespace's interfaces, as a host of its own would. */
export function onHost(namespace: string): readonly string[] {
  return ["ip", "netns", "exec", namespace];
}

/** Starts a program that is killed when the harness dies, however it dies. */
export function launch(ledger: Ledger, { what, argv, env, cwd, logPath }: Launch): Running {
  mkdirSync(dirname(logPath), { recursive: true });
  const log = openSync(logPath, "a");
  // A harness that died before setpriv had asked for the signal sends none: whoever has another parent by then is too late.
  const asLongAsWeLive = ["sh", "-c", `[ "$PPID" = ${process.pid} ] && exec "$@"`, "sh"];
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...asLongAsWeLive, ...argv], {
    // A process group of its own: Ctrl-C in the terminal is for the harness, which then stops things in order.
    detached: true,
    stdio: ["ignore", log, log],
    env: { ...process.env, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  closeSync(log);
  return watchOver(ledger, child, what, logPath);
}

function watchOver(ledger: Ledger, child: ChildProcess, what: string, logPath: string): Running {
  const { pid } = child;
  if (pid === undefined) throw new Error(`${what}: setpriv (package util-linux) could not be started`);
  const identity = identify(pid);
  if (identity !== undefined) ledger.record({ type: "process", what, ...identity });
  let exit: Exit | undefined;
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, signal) => {
      exit = { code, signal };
      resolve(exit);
    });
  });
  const running: Running = {
    what,
    pid,
    logPath,
    exited,
    get exit() {
      return exit;
    },
    kill(signal = "SIGTERM") {
      if (exit === undefined) child.kill(signal);
    },
    async stop(graceMs = 10_000) {
      running.kill("SIGTERM");
      const late = setTimeout(() => running.kill("SIGKILL"), graceMs);
      const result = await exited;
      clearTimeout(late);
      return result;
    },
  };
  return running;
}

/** The last lines of a log, for an error message. */
export function tail(logPath: string, lines = 25): string {
  try {
    return readFileSync(logPath, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch (error) {
    if (error instanceof Error && "code" in error) return "(no log)";
    throw error;
  }
}

/**
 * Asks `ready` until it says yes.
 *
 * @throws when the program ends first or the time is over, with the tail of its log.
 */
export async function until(
  running: Running,
  what: string,
  deadlineMs: number,
  ready: () => boolean | Promise<boolean>,
): Promise<void> {
  const due = performance.now() + deadlineMs;
  while (!(await ready())) {
    const ended = running.exit;
    if (ended !== undefined || performance.now() > due) {
      const why = ended
        ? `${running.what} ended (${ended.signal ?? ended.code})`
        : `not within ${deadlineMs} ms`;
      throw new Error(`${what}: ${why}; end of ${running.logPath}:\n${tail(running.logPath)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
