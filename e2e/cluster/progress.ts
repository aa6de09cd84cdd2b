/** Where progress goes: a line at a time. */
export type OnProgress = (line: string) => void;

const HEARTBEAT_MS = 15_000;

/** Tells what begins, that it still goes on, and how long it took. */
export async function withProgress<T>(
  onProgress: OnProgress,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const from = performance.now();
  const seconds = () => `${((performance.now() - from) / 1000).toFixed(0)} s`;
  onProgress(`${what} …`);
  const heart = setInterval(() => onProgress(`${what}: still at it, ${seconds()}`), HEARTBEAT_MS);
  try {
    const result = await work();
    onProgress(`${what}: ${seconds()}`);
    return result;
  } finally {
    clearInterval(heart);
  }
}
