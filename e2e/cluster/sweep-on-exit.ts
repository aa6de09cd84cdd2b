import { sweep } from "./sweep.ts";

const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

/**
 * Sweeps the cluster when the process exits, also by an exception nobody caught or by a signal nobody else handles.
 *
 * @returns its undo, for a cluster that was stopped in order.
 */
export function sweepOnExit(cluster: string, handleSignals: boolean): () => void {
  const onExit = () => sweep(cluster);
  process.once("exit", onExit);
  const handlers = Object.entries(SIGNALS).map(([signal, number]) => {
    const handler = () => {
      // Whoever else listens ends the process in its own order; exit sweeps in any case.
      if (process.listeners(signal as NodeJS.Signals).every((listener) => ours.has(listener)))
        process.exit(128 + number);
    };
    ours.add(handler);
    return [signal as NodeJS.Signals, handler] as const;
  });
  if (handleSignals) for (const [signal, handler] of handlers) process.on(signal, handler);
  return () => {
    process.off("exit", onExit);
    for (const [signal, handler] of handlers) process.off(signal, handler);
  };
}

/** Handlers of this module: one for each cluster of the process and signal. */
const ours = new Set<unknown>();
