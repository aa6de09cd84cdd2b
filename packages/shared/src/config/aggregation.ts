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

export function tooWideFor({ ranges }: Pool, lengths: Lengths): readonly TooWide[] {
  return ([4, 6] as const).flatMap((family) => {
    const narrowest = narrowestRange(ranges, family);
    const length = family === 4 ? lengths.aggregationLength : lengths.aggregationLengthV6;
    return narrowest === undefined || length >= narrowest.prefix ? [] : [{ ...narrowest, family, length }];
  });
}
