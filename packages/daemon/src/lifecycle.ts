import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "./log.ts";
import { StartError } from "./start-error.ts";

/** A running program, as its parts see it. */
export interface Life {
  /** Aborted at the first SIGTERM or SIGINT, and when a part fails. */
  readonly signal: AbortSignal;
  /**
   * Registers how a part stops. Parts stop one after another, the last registered first, each awaited; what
   * was registered while starting therefore finds everything it was built on still running.
   */
  onStop(part: string, stop: () => void | Promise<void>): void;
  /** Ends the program with exit code 1 after an ordered stop: a part can no longer do its work. */
  fail(message: string, error?: unknown): void;
}

export interface ProgramOptions {
  readonly log: Log;
  /** How long the ordered stop may take altogether, ms. Keep it below the pod's grace period. */
  readonly stopDeadlineMs: number;
}

/**
 * Runs a program until a signal: SIGTERM or SIGINT stops it in order and exits 0, a second one exits at once.
 * A fault nobody handled is logged with its cause and exits 1; a {@link StartError} is told in one line.
 *
 * @param start brings every part up and returns; the parts live on.
 */
export function runProgram(
  { log, stopDeadlineMs }: ProgramOptions,
  start: (life: Life) => Promise<void>,
): void {
  const abort = new AbortController();
  const parts: { readonly part: string; readonly stop: () => void | Promise<void> }[] = [];
  let stopping = false;

  const stop = async (exitCode: number): Promise<void> => {
    stopping = true;
    abort.abort();
    const late = await Promise.race([stopParts(parts, log), sleep(stopDeadlineMs, true)]);
    if (late) log.error("stop took too long", { deadlineMs: stopDeadlineMs });
    const code = late ? 1 : exitCode;
    log.info("stopped", { exitCode: code });
    process.exit(code);
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    log.info(stopping ? "stopping at once" : "stopping", { signal });
    if (stopping) process.exit(1);
    void stop(0);
  };
  const fault = (message: string, error: unknown): void => {
    log.error(message, error instanceof StartError ? { reason: error.message } : { error });
    process.exit(1);
  };

  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  process.on("uncaughtException", (error) => fault("crashed", error));
  process.on("unhandledRejection", (error) => fault("crashed", error));

  const life: Life = {
    signal: abort.signal,
    onStop: (part, stopPart) => parts.push({ part, stop: stopPart }),
    fail: (message, error) => {
      log.error(message, error === undefined ? {} : { error });
      if (!stopping) void stop(1);
    },
  };
  start(life).catch((error: unknown) => {
    if (!stopping) fault("cannot start", error);
  });
}

async function stopParts(
  parts: readonly { readonly part: string; readonly stop: () => void | Promise<void> }[],
  log: Log,
): Promise<false> {
  for (const { part, stop } of parts.toReversed()) {
    log.debug("stopping part", { part });
    await stop();
  }
  return false;
}
