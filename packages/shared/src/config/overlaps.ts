import type { IpRange } from "../ip/range.ts";

/** A range of a pool, and where it is written. */
export interface PlacedRange<Place> {
  readonly range: IpRange;
  readonly pool: string;
  readonly place: Place;
}

export interface Overlap<Place> {
  readonly earlier: PlacedRange<Place>;
  readonly later: PlacedRange<Place>;
}

/** One for each range that overlaps another: with the one that reaches furthest of those that begin before it. */
export function overlapsIn<Place>(ranges: readonly PlacedRange<Place>[]): readonly Overlap<Place>[] {
  const sorted = ranges
    .map((placed, order) => ({ placed, order }))
    .sort((one, other) => byStart(one.placed.range, other.placed.range) || one.order - other.order);
  let highest: (typeof sorted)[number] | undefined; // of those before, the one that reaches furthest
  return sorted.flatMap((each) => {
    const { range } = each.placed;
    const rival = highest?.placed.range.family === range.family ? highest : undefined;
    if (rival === undefined || range.last > rival.placed.range.last) highest = each;
    if (rival === undefined || range.first > rival.placed.range.last) return [];
    const [earlier, later] = rival.order < each.order ? [rival, each] : [each, rival];
    return [{ earlier: earlier.placed, later: later.placed }];
  });
}

function byStart(one: IpRange, other: IpRange): number {
  if (one.family !== other.family) return one.family - other.family;
  if (one.first === other.first) return 0;
  return one.first < other.first ? -1 : 1;
}
