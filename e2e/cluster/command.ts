import { spawn } from "node:child_process";

export interface CommandOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Killed after this long; 60,000 unless told. */
  readonly timeoutMs?: number;
}

/** What a command that failed said. */
export class CommandError extends Error {
  override readonly name = "CommandError";
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  constructor(argv: readonly string[], code: number | null, stdout: string, stderr: string) {
    super(`${argv.join(" ")}: exit ${code ?? "by signal"}\n${stderr.trim() || stdout.trim()}`);
    this.code = code;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

/**
 * Runs a command to its end and gives its standard output.
 *
 * @throws {CommandError} when it ends with anything but 0.
 */
export async function command(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { input = "", env, cwd, timeoutMs = 60_000 } = options;
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...argv], {
    env: { ...process.env, ...env },
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    ...(cwd === undefined ? {} : { cwd }),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => {}); // the command may end without reading all of it
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const text = Buffer.concat(stdout).toString();
  if (code !== 0) throw new CommandError(argv, code, text, Buffer.concat(stderr).toString());
  return text;
}
