import { parseDuration } from "../config/duration.ts";
import { ADDRESS_BITS, type IpAddress, type IpFamily, parseAddress, toBigint } from "../ip/address.ts";
import { type IpRange, parseRange } from "../ip/range.ts";
import { quoted } from "../quoted.ts";
import type { POOL_ANNOTATIONS } from "../service/annotations.ts";
import { parseServiceKey, type ServiceKey } from "../service/view.ts";

/** What only Herald knows of a pool: what annotations of its object say. */
export interface PoolRules {
  /** Never given out. May lie outside of the pool. */
  readonly excluded: readonly IpRange[];
  /** Never given out, of every block of the pool; see `rangesToGiveOut`. */
  readonly excludedOfBlocks: readonly BlockWord[];
  /** Given to those Services alone. Several may be named for one address: they may share it. */
  readonly reserved: readonly Reservation[];
  /** Addresses that Services of one namespace may have, a shared one counted once; `undefined`: as many as there are. */
  readonly quotaPerNamespace: number | undefined;
  /** Whoever has addresses keeps them, nobody gets any. */
  readonly closed: boolean;
  /** Whether Services of different namespaces may share an address, as far as everything else allows it. */
  readonly sharingAcrossNamespaces: boolean;
  /**
   * For so long the addresses of a deleted Service wait for one of its name, and at most so long where it says so
   * itself; `undefined`: not at all, or as long as it says within bounds.
   */
  readonly stickyMs: number | undefined;
}

export interface Reservation {
  readonly address: IpAddress;
  readonly service: ServiceKey;
}

export type BlockWord = (typeof BLOCK_WORDS)[number];

/** As every pool without such annotations. */
export const NO_RULES: PoolRules = {
  excluded: [],
  excludedOfBlocks: [],
  reserved: [],
  quotaPerNamespace: undefined,
  closed: false,
  sharingAcrossNamespaces: false,
  stickyMs: undefined,
};

/** What is wrong with an annotation, and what was wanted. */
export interface AnnotationMistake {
  readonly annotation: string;
  readonly message: string;
}

/** Reads the annotations of a pool's object, ours among any others. What has a mistake has no effect. */
export function readPoolRules(annotations: Readonly<Record<string, string>>): {
  readonly rules: PoolRules;
  readonly mistakes: readonly AnnotationMistake[];
} {
  const mistakes: AnnotationMistake[] = [];
  const read = <Value>(name: PoolAnnotation, otherwise: Value, parse: Parse<Value>): Value => {
    const text = annotations[name]?.trim() ?? "";
    if (text === "") return otherwise;
    const parsed = parse(text);
    if ("value" in parsed) return parsed.value;
    mistakes.push({ annotation: name, message: parsed.mistake });
    return otherwise;
  };
  const exclusion = read("herald.io/exclude", { excluded: [], excludedOfBlocks: [] }, parseExclusion);
  const rules = {
    ...exclusion,
    reserved: read("herald.io/reserve", [], parseReservations),
    quotaPerNamespace: read("herald.io/quota-per-namespace", undefined, parseQuota),
    closed: read("herald.io/disabled-for-new-services", false, parseTruth),
    sharingAcrossNamespaces: read("herald.io/allow-sharing-across-namespaces", false, parseTruth),
    stickyMs: read("herald.io/sticky", undefined, parseSticky),
  };
  return { rules, mistakes };
}

/**
 * The ranges without what is excluded, in their order. A block is a range that is just what some CIDR of 4
 * addresses or more is: its network address is the first, its gateway the second, its broadcast address the last
 * (IPv4). Ranges of other shapes have none of these.
 */
export function rangesToGiveOut(ranges: readonly IpRange[], rules: PoolRules): readonly IpRange[] {
  const holes = [...rules.excluded, ...ranges.flatMap((range) => blockHoles(range, rules.excludedOfBlocks))];
  const joined = { 4: joinedHoles(holes, 4), 6: joinedHoles(holes, 6) };
  return ranges.flatMap((range) => withoutHoles(range, joined[range.family]));
}

/**
 * How long addresses wait for a Service to return: what it says itself, but no longer than the operator would have it.
 * A mistake in `text` counts as if nothing stood there.
 */
export function stickyMsOf(text: string | undefined, ofPool: number | undefined): number {
  const parsed = text === undefined ? undefined : parseSticky(text.trim());
  if (parsed === undefined || "mistake" in parsed) return ofPool ?? 0;
  return Math.min(parsed.value, ofPool ?? MAX_OWN_STICKY_MS);
}

type PoolAnnotation = keyof typeof POOL_ANNOTATIONS;
type Parsed<Value> = { readonly value: Value } | { readonly mistake: string };
type Parse<Value> = (text: string) => Parsed<Value>;

const BLOCK_WORDS = ["network", "broadcast", "gateway"] as const;
const MAX_ENTRIES = 4_000; // of a list in one annotation; all annotations of an object have 256 KiB
/** What a Service may have where its pool says nothing. */
const MAX_OWN_STICKY_MS = 3_600_000;
/** The longest that a pool may have addresses wait. */
export const MAX_STICKY_MS = 30 * 24 * 3_600_000;

function entriesOf(text: string): readonly string[] {
  return text
    .split(/[,\n]/, MAX_ENTRIES + 1)
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "");
}

function tooMany(entries: readonly string[]): boolean {
  return entries.length > MAX_ENTRIES;
}

function parseExclusion(text: string): Parsed<Pick<PoolRules, "excluded" | "excludedOfBlocks">> {
  const entries = entriesOf(text);
  if (tooMany(entries)) return { mistake: `more than ${MAX_ENTRIES} entries` };
  const excludedOfBlocks = BLOCK_WORDS.filter((word) => entries.includes(word));
  const excluded: IpRange[] = [];
  for (const entry of entries) {
    if (BLOCK_WORDS.some((word) => word === entry)) continue;
    const range = parseRangeOrAddress(entry);
    if (range === undefined) {
      return { mistake: `${quoted(entry)} is no address, CIDR or range, nor ${BLOCK_WORDS.join(", ")}` };
    }
    excluded.push(range);
  }
  return { value: { excluded, excludedOfBlocks } };
}

function parseRangeOrAddress(text: string): IpRange | undefined {
  const address = parseAddress(text);
  if (address !== undefined) {
    const value = toBigint(address);
    return { family: address.includes(":") ? 6 : 4, first: value, last: value, text };
  }
  const parsed = parseRange(text);
  return "range" in parsed ? parsed.range : undefined;
}

function parseReservations(text: string): Parsed<readonly Reservation[]> {
  const entries = entriesOf(text);
  if (tooMany(entries)) return { mistake: `more than ${MAX_ENTRIES} entries` };
  const reserved: Reservation[] = [];
  for (const entry of entries) {
    const [addressText = "", serviceText = "", ...rest] = entry.split("=").map((part) => part.trim());
    const address = parseAddress(addressText);
    const service = parseServiceKey(serviceText);
    if (address === undefined || rest.length > 0 || service === undefined) {
      return { mistake: `${quoted(entry)} is no reservation, want for example "192.0.2.10=shop/web"` };
    }
    reserved.push({ address, service });
  }
  return { value: reserved };
}

function parseQuota(text: string): Parsed<number> {
  if (/^\d{1,9}$/.test(text)) return { value: Number(text) };
  return { mistake: `${quoted(text)} is no quota, want a whole number of 0 or more` };
}

function parseTruth(text: string): Parsed<boolean> {
  if (text === "true" || text === "false") return { value: text === "true" };
  return { mistake: `${quoted(text)} is neither "true" nor "false"` };
}

function parseSticky(text: string): Parsed<number> {
  const parsed = parseDuration(text);
  if ("mistake" in parsed) return parsed;
  if (parsed.milliseconds >= 0 && parsed.milliseconds <= MAX_STICKY_MS) return { value: parsed.milliseconds };
  return { mistake: `${quoted(text)} is out of bounds, want 0 to 720h` };
}

function blockHoles(range: IpRange, words: readonly BlockWord[]): readonly IpRange[] {
  const { family, first, last } = range;
  const size = last - first + 1n;
  const isBlock = size >= 4n && (size & (size - 1n)) === 0n && first % size === 0n;
  if (!isBlock || size > 1n << BigInt(ADDRESS_BITS[family])) return [];
  const at = (value: bigint): IpRange => ({ family, first: value, last: value, text: range.text });
  return [
    ...(words.includes("network") ? [at(first)] : []),
    ...(words.includes("gateway") ? [at(first + 1n)] : []),
    ...(words.includes("broadcast") && family === 4 ? [at(last)] : []),
  ];
}

type Hole = Pick<IpRange, "first" | "last">;

/** Those of the family, ascending, no two overlapping. Why: of thousands each would be cut out of thousands of pieces. */
function joinedHoles(holes: readonly IpRange[], family: IpFamily): readonly Hole[] {
  const sorted = holes
    .filter((hole) => hole.family === family)
    .sort((one, other) => (one.first < other.first ? -1 : 1));
  const joined: Hole[] = [];
  for (const { first, last } of sorted) {
    const before = joined.at(-1);
    if (before === undefined || before.last < first) joined.push({ first, last });
    else if (before.last < last) joined[joined.length - 1] = { first: before.first, last };
  }
  return joined;
}

function withoutHoles(range: IpRange, holes: readonly Hole[]): readonly IpRange[] {
  const pieces: IpRange[] = [];
  let { first } = range;
  for (let index = firstHoleAfter(holes, first); index < holes.length; index += 1) {
    const hole = holes[index];
    if (hole === undefined || range.last < hole.first) break;
    if (first < hole.first) pieces.push({ ...range, first, last: hole.first - 1n });
    first = hole.last + 1n;
  }
  return first > range.last ? pieces : [...pieces, { ...range, first }];
}

/** Index of the first that does not end before the address. */
function firstHoleAfter(holes: readonly Hole[], address: bigint): number {
  let [low, high] = [0, holes.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((holes[middle]?.last ?? address) < address) low = middle + 1;
    else high = middle;
  }
  return low;
}
