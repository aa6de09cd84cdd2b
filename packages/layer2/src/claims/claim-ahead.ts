import { DecodeError } from "@herald/wire/bytes";
import type { Change, Standing } from "./claim-messages.ts";

/**
 * How far ahead of this node's time of day others may be, ms: a year. A node whose clock is wrong by more has no part
 * in the cluster, for the certificates of the API are not valid by it.
 */
export const AHEAD_MAX_MS = 366 * 24 * 60 * 60 * 1_000;

/** News, a question, a page or a digest. */
interface Told extends Standing {
  readonly changes?: readonly Change[];
  readonly claims?: readonly Change[];
}

/**
 * Epochs and lives are counted on from: one at the end of what can be told would leave no later one to say.
 *
 * @param wallMs time of day of this node, ms since 1970.
 * @returns `said`. @throws {DecodeError} `oversized` for an epoch or a life more than {@link AHEAD_MAX_MS} ahead.
 */
export function expectNotAhead<Said extends Told>(said: Said, wallMs: number): Said {
  const latest = Math.floor(wallMs) + AHEAD_MAX_MS;
  expectAtMost(latest, said.life, "claims.life");
  for (const { epoch } of said.changes ?? said.claims ?? []) expectAtMost(latest, epoch ?? 0, "claims.epoch");
  return said;
}

function expectAtMost(latest: number, ms: number, field: string): void {
  if (ms > latest) throw new DecodeError("oversized", field, `${ms}, at most ${latest}`);
}
