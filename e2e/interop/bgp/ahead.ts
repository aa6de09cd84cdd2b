import { CommandError, command } from "../../cluster/command.ts";

const CHRT = ["chrt", "--rr", "1"] as const;

let asked: Promise<boolean> | undefined;

/** Whether this machine lets us; asked once. */
function mayGoAhead(): Promise<boolean> {
  asked ??= command([...CHRT, "true"]).then(
    () => true,
    (error: unknown) => {
      if (!(error instanceof CommandError)) throw error;
      return false;
    },
  );
  return asked;
}

/**
 * How to run a program before all others: a router is a machine of its own, and has not to wait for what else runs on
 * this one. As any other where that is not allowed. For those that are timed: one that computes for long holds up all
 * others of this kind, BFD's own thread among them.
 */
export async function ahead(argv: readonly string[]): Promise<readonly string[]> {
  return (await mayGoAhead()) ? [...CHRT, ...argv] : argv;
}
