import { readdirSync, readFileSync, statSync } from "node:fs";

/** One process as /proc shows it. A pid alone is no identity: the kernel hands it out again. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot (proc(5), stat field 22). */
  readonly startTicks: number;
}

export interface ProcessRow extends ProcessIdentity {
  readonly parent: number;
  readonly name: string;
  /** "Z" for one that has ended and waits to be reaped. */
  readonly state: string;
}

/** Undefined when there is no such process. */
export function readProcess(pid: number): ProcessRow | undefined {
  const text = readOrUndefined(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  // Why: the name is in brackets and may itself hold brackets and spaces.
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  const fields = text.slice(close + 2).split(" ");
  return {
    pid,
    name: text.slice(open + 1, close),
    state: fields[0] ?? "",
    parent: Number(fields[1]),
    startTicks: Number(fields[19]),
  };
}

export function identify(pid: number): ProcessIdentity | undefined {
  const row = readProcess(pid);
  return row && { pid, startTicks: row.startTicks };
}

/** True while this very process runs: not a later one with the same pid, not a zombie. */
export function isAlive(process: ProcessIdentity): boolean {
  const row = readProcess(process.pid);
  return row !== undefined && row.startTicks === process.startTicks && row.state !== "Z";
}

export function listProcesses(): readonly ProcessRow[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((entry) => readProcess(Number(entry)))
    .filter((row) => row !== undefined);
}

export function commandLineOf(pid: number): string {
  return (readOrUndefined(`/proc/${pid}/cmdline`) ?? "").replaceAll("\0", " ");
}

/** Inode of the network namespace a process is in; undefined when it has just ended, or is closed even to root. */
export function networkOf(pid: number): number | undefined {
  return inodeOf(`/proc/${pid}/ns/net`);
}

export function inodeOf(path: string): number | undefined {
  return orUndefined(() => statSync(path).ino);
}

/** True when something in this process's network namespace listens on the TCP port. */
export function listens(pid: number, port: number): boolean {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  return ["tcp", "tcp6"].some((table) =>
    (readOrUndefined(`/proc/${pid}/net/${table}`) ?? "").split("\n").some((line) => {
      const [, local, , state] = line.trim().split(/\s+/);
      return state === "0A" && local?.endsWith(wanted) === true;
    }),
  );
}

function readOrUndefined(path: string): string | undefined {
  return orUndefined(() => readFileSync(path, "utf8"));
}

/** Between looking and reading, a process may end: ENOENT, ESRCH. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
