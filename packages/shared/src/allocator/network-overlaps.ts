import type { Pool } from "../config/config.ts";
import type { IpRange } from "../ip/range.ts";
import { NO_RULES, rangesToGiveOut } from "./pool-rules.ts";

/** Addresses that the cluster uses itself. */
export interface ClusterNetwork {
  /** For people: `the pod network of node "a"`. */
  readonly what: string;
  readonly range: IpRange;
}

export interface NetworkOverlap {
  readonly pool: string;
  /** Which range overlaps what; the first few are named. */
  readonly message: string;
}

/**
 * The pools that give out addresses which the cluster uses itself, in their order. Exact: what a pool excludes does
 * not count, nor does a range that only comes close.
 */
export function networkOverlaps(
  pools: readonly Pool[],
  networks: readonly ClusterNetwork[],
): readonly NetworkOverlap[] {
  return pools.flatMap(({ name, ranges, rules = NO_RULES }) => {
    const texts = rangesToGiveOut(ranges, rules).flatMap((range) =>
      networks
        .filter((network) => overlap(range, network.range))
        .map(({ what, range: { text } }) => `"${range.text}" overlaps ${what} (${text})`),
    );
    const found = [...new Set(texts)];
    if (found.length === 0) return [];
    const rest = found.length - MAX_NAMED;
    const named = found.slice(0, MAX_NAMED).join("; ") + (rest > 0 ? `; and ${rest} more` : "");
    return [{ pool: name, message: `${named}. Exclude these addresses: annotation herald.io/exclude` }];
  });
}

const MAX_NAMED = 5;

function overlap(one: IpRange, other: IpRange): boolean {
  return one.family === other.family && one.first <= other.last && other.first <= one.last;
}
