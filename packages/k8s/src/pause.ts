import type { Clock } from "@herald/shared/core";

/** Resolves after that many ms, or once aborted. */
export function pause(clock: Clock, forMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      cancel();
      signal.removeEventListener("abort", end);
      resolve();
    };
    const cancel = clock.at(clock.now() + forMs, end);
    signal.addEventListener("abort", end);
    if (signal.aborted) end();
  });
}
