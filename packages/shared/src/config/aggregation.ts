import type { IpFamily } from "../ip/address.ts";
import { type IpRange, shortestPrefix } from "../ip/range.ts";
import type { BgpAdvertisementConfig, Pool } from "./config.ts";

export interface NarrowRange {
  readonly text: string;
  /** Length of the prefix of its largest block: what may be advertised of it is not shorter. */
  readonly prefix: number;
}

/** Of a family, the range with the smallest largest block; `undefined`: there is none of the family. */
export function narrowestRange(ranges: readonly IpRange[], family: IpFamily): NarrowRange | undefined {
  return ranges
    .filter((range) => range.family === family)
    .map((range) => ({ text: range.text, prefix: shortestPrefix(range) }))
    .sort((one, other) => other.prefix - one.prefix)[0];
}

type Lengths = Pick<BgpAdvertisementConfig, "aggregationLength" | "aggregationLengthV6">;

/** How an advertisement does not go with a pool: it would tell routers of addresses that are not the pool's. */
export interface TooWide extends NarrowRange {
  readonly family: IpFamily;
  readonly length: number;
}

export function tooWideFor(pool: Pool, lengths: Lengths): readonly TooWide[] {
  return narrowestOf(pool).flatMap(([family, narrowest]) => {
    const length = family === 4 ? lengths.aggregationLength : lengths.aggregationLengthV6;
    return length >= narrowest.prefix ? [] : [{ ...narrowest, family, length }];
  });
}

type PerFamily = readonly (readonly [IpFamily, NarrowRange])[];

/** Every pool is asked for by every advertisement; forgotten with the pool. */
const known = new WeakMap<Pool, PerFamily>();

function narrowestOf(pool: Pool): PerFamily {
  const found =
    known.get(pool) ??
    ([4, 6] as const).flatMap((family) => {
      const narrowest = narrowestRange(pool.ranges, family);
      return narrowest === undefined ? [] : [[family, narrowest] as const];
    });
  known.set(pool, found);
  return found;
}
