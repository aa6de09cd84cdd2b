/** What a command says, and its exit code. */
export interface Output {
  readonly stdout: string;
  /** For people, where stdout may be read by a program. */
  readonly stderr: string;
  readonly exitCode: number;
}

/** What an operator can put right: a file that cannot be read, a cluster that does not answer. No stack. */
export class CommandError extends Error {
  override readonly name = "CommandError";
}

/** @returns lines, each with its end; "" for none. */
export function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}
