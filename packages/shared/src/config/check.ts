import { suggest } from "../closest.ts";
import { quoted } from "../quoted.ts";
import { narrowestRange } from "./aggregation.ts";
import { toPeer } from "./build.ts";
import { parseCommunity } from "./community.ts";
import type { DocumentPath } from "./document.ts";
import { type Finding, valueAt } from "./issues.ts";
import { overlapsIn } from "./overlaps.ts";
import type { ParsedConfig, ParsedPeer, ParsedPool } from "./schema.ts";

/**
 * The rules between fields.
 *
 * @param raw the whole document, to know the names in entries that the schema refused.
 */
export function checkConfig(parsed: ParsedConfig, raw: unknown, lineOf: LineOf): readonly Finding[] {
  const entriesOf = <T>(section: string, values: readonly T[]): readonly Entry<T>[] =>
    values.map((value, index) => ({ value, path: [section, index] }));
  const pools = entriesOf("address-pools", parsed["address-pools"]);
  const peers = entriesOf("peers", parsed.peers);
  const profiles = entriesOf("bfd-profiles", parsed["bfd-profiles"]);
  const aliasNames = new Set(Object.keys(Object(valueAt(raw, ["bgp-communities"]))));
  const profileNames = namesIn(raw, "bfd-profiles");
  return [
    ...duplicateNames(pools, "pool", lineOf),
    ...duplicateNames(profiles, "BFD profile", lineOf),
    ...overlaps(pools, lineOf),
    ...pools.flatMap((pool) => checkPool(pool, aliasNames, lineOf)),
    ...peers.flatMap((peer) => checkPeer(peer, profileNames)),
    ...duplicates(peers, toPeer, "peer", lineOf),
  ];
}

interface Entry<T> {
  readonly value: T;
  /** In the document. */
  readonly path: DocumentPath;
}

type LineOf = (path: DocumentPath) => number;

function namesIn(raw: unknown, section: string): ReadonlySet<string> {
  const entries = valueAt(raw, [section]);
  const names = (Array.isArray(entries) ? entries : []).map((entry) => valueAt(entry, ["name"]));
  return new Set(names.filter((name) => typeof name === "string"));
}

function duplicateNames(
  entries: readonly Entry<{ readonly name: string }>[],
  kind: string,
  lineOf: LineOf,
): readonly Finding[] {
  const first = new Map<string, DocumentPath>();
  return entries.flatMap(({ value: { name }, path }) => {
    const earlier = first.get(name);
    first.set(name, earlier ?? path);
    if (earlier === undefined) return [];
    const message = `another ${kind} is called ${quoted(name)} (line ${lineOf([...earlier, "name"])})`;
    return [{ path: [...path, "name"], message }];
  });
}

/** Entries that say the same as an earlier one. */
function duplicates<T>(
  entries: readonly Entry<T>[],
  meaning: (value: T) => unknown,
  kind: string,
  lineOf: LineOf,
): readonly Finding[] {
  const first = new Map<string, DocumentPath>();
  return entries.flatMap((entry) => {
    const text = JSON.stringify(meaning(entry.value));
    const earlier = first.get(text);
    first.set(text, earlier ?? entry.path);
    if (earlier === undefined) return [];
    return [{ path: entry.path, message: `this ${kind} stands twice, first in line ${lineOf(earlier)}` }];
  });
}

/** One finding for each range that overlaps another, at the later of the two in the document. */
function overlaps(pools: readonly Entry<ParsedPool>[], lineOf: LineOf): readonly Finding[] {
  const ranges = pools.flatMap(({ value: { name, addresses }, path }) =>
    addresses.map((range, index) => ({ range, pool: name, place: [...path, "addresses", index] })),
  );
  return overlapsIn(ranges).map(({ earlier, later }) => {
    const message =
      `${quoted(later.range.text)} of pool "${later.pool}" overlaps ${quoted(earlier.range.text)} ` +
      `of pool "${earlier.pool}" (line ${lineOf(earlier.place)})`;
    return { path: later.place, message };
  });
}

function checkPool(
  { value: pool, path }: Entry<ParsedPool>,
  aliasNames: ReadonlySet<string>,
  lineOf: LineOf,
): readonly Finding[] {
  const place = [...path, "bgp-advertisements"];
  const entries = pool["bgp-advertisements"].map((value, index) => ({ value, path: [...place, index] }));
  if (pool.protocol === "layer2") {
    const message = "a pool of protocol layer2 has no BGP advertisements, want protocol bgp or none of them";
    return entries.length > 0 ? [{ path: place, message }] : [];
  }
  return [
    ...checkAggregation(entries, pool),
    ...entries.flatMap((entry) => checkCommunities(entry, aliasNames)),
    ...duplicates(entries, (value) => value, "advertisement", lineOf),
  ];
}

type Advertisement = ParsedPool["bgp-advertisements"][number];

/** Every range must have room for a block as large as what is advertised. */
function checkAggregation(entries: readonly Entry<Advertisement>[], pool: ParsedPool): readonly Finding[] {
  return ([4, 6] as const).flatMap((family) => {
    const narrowest = narrowestRange(pool.addresses, family);
    if (narrowest === undefined) return [];
    const key = family === 4 ? "aggregation-length" : "aggregation-length-v6";
    return entries
      .filter(({ value }) => value[key] < narrowest.prefix)
      .map(({ value, path }) => ({
        path: [...path, key],
        message: `${value[key]} is wider than "${narrowest.text}", want at least ${narrowest.prefix}`,
      }));
  });
}

function checkCommunities(
  { value: { communities }, path }: Entry<Advertisement>,
  aliasNames: ReadonlySet<string>,
): readonly Finding[] {
  const seen = new Set<string>();
  return communities.flatMap((text, index) => {
    const place = [...path, "communities", index];
    if (seen.has(text)) return [{ path: place, message: `${quoted(text)} stands twice` }];
    seen.add(text);
    return aliasNames.has(text) ? [] : checkCommunity(text, place, aliasNames);
  });
}

function checkCommunity(
  text: string,
  path: DocumentPath,
  aliasNames: ReadonlySet<string>,
): readonly Finding[] {
  const parsed = parseCommunity(text);
  if ("community" in parsed) return [];
  if (text.includes(":")) return [{ path, message: parsed.mistake }];
  const hint = () =>
    suggest(text, aliasNames) || ', want an alias of bgp-communities or numbers as in "64512:100"';
  return [{ path, message: `unknown community ${quoted(text)}`, hint }];
}

function checkPeer(
  { value: peer, path }: Entry<ParsedPeer>,
  profileNames: ReadonlySet<string>,
): readonly Finding[] {
  const findings: Finding[] = [];
  const keepalive = peer["keepalive-time"];
  if (keepalive !== undefined && keepalive > peer["hold-time"]) {
    const message = `a keepalive time of ${keepalive}s is longer than the hold time of ${peer["hold-time"]}s`;
    findings.push({ path: [...path, "keepalive-time"], message });
  }
  if (peer["ebgp-multihop"] && peer["my-asn"] === peer["peer-asn"]) {
    const message = `my-asn and peer-asn are both ${peer["my-asn"]}: routers of one system need no ebgp-multihop`;
    findings.push({ path: [...path, "ebgp-multihop"], message });
  }
  const profile = peer["bfd-profile"];
  if (profile !== "" && !profileNames.has(profile)) {
    const hint = () => suggest(profile, profileNames) || ", want the name of an entry of bfd-profiles";
    findings.push({ path: [...path, "bfd-profile"], message: `unknown BFD profile "${profile}"`, hint });
  }
  return findings;
}
