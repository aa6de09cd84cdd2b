import type { Random } from "@herald/shared/core";

/** Good enough for jitter; never for keys. */
export const systemRandom: Random = { next: () => Math.random() };
