import { DEFAULT_EXCLUDED_INTERFACES } from "@herald/speaker/interface-rules";
import { parseDocument } from "yaml";
import type { ClusterReading, GossipSecret } from "./cluster-reading.ts";
import { differs, type Finding, finding, LINKS, type Remark, same } from "./findings.ts";
import type { Workload } from "./workloads.ts";

/** MetalLB's programs and what they read beside the configuration. */
export function judgeSurroundings(reading: ClusterReading): readonly Finding[] {
  return [
    ...reading.workloads.map(judgeWorkload),
    ...reading.secrets.map((secret) => judgeSecret(reading.namespace, secret)),
    ...judgeExtras(reading),
    ...reading.frrConfigurations.map((name) =>
      finding("FRRConfiguration", name, [
        differs(
          "nothing of Herald's reads it: there is no FRR, and routes of others are not taken",
          LINKS.bgp,
        ),
      ]),
    ),
  ];
}

function judgeWorkload(workload: Workload): Finding {
  const { kind, name, product, program, version } = workload;
  const what = `${product}'s ${program}${version === "" ? "" : ` ${version}`}`;
  if (product === "Herald") return same(kind, name, what);
  const remarks = program === "speaker" ? speakerRemarks(workload) : [];
  return remarks.length === 0 ? same(kind, name, what) : finding(kind, name, [lead(what), ...remarks]);
}

function lead(text: string): Remark {
  return { field: "", text, link: "" };
}

function speakerRemarks({ bgp, gossips, version }: Workload): readonly Remark[] {
  const remarks: Remark[] = [];
  if (bgp !== "native") {
    const text = `speaks BGP through FRR (${bgp}); Herald's speaker does itself, with no sidecar`;
    remarks.push(differs(text, LINKS.bgp));
  }
  if (hashesServices(version)) {
    const text = "elects by the name of the Service: owners of layer 2 addresses change once";
    remarks.push(differs(text, LINKS.announcing));
  }
  if (!gossips && !hasNoGossip(version)) {
    const text = "has no gossip: it cannot be replaced node by node, both would answer";
    remarks.push(differs(text, LINKS.gossip));
  }
  if (gossips && derivesShortKey(version)) {
    const text =
      "makes a key of 16 octets for the gossip, Herald one of 32: go to MetalLB 0.14.2 or newer first";
    remarks.push(differs(text, LINKS.gossip));
  }
  return remarks;
}

/** Before 0.14.2. */
function derivesShortKey(version: string): boolean {
  const [, patch] = /^v?0\.14\.(\d+)/.exec(version) ?? [];
  return minorOf(version) < 14 || Number(patch ?? "2") < 2;
}

/** 0.7 to 0.10. */
function hashesServices(version: string): boolean {
  return minorOf(version) < 11;
}

/** Memberlist came with 0.9. */
function hasNoGossip(version: string): boolean {
  return minorOf(version) < 9;
}

function minorOf(version: string): number {
  const [, minor] = /^v?0\.(\d+)\./.exec(version) ?? [];
  return minor === undefined ? Number.POSITIVE_INFINITY : Number(minor);
}

function judgeSecret(namespace: string, { name, state }: GossipSecret): Finding {
  const place = `${namespace}/${name}`;
  if (state === "keyed")
    return same("Secret", place, "key of the gossip; Herald makes the same key of it, so keep it");
  const text = state === "missing" ? "is not there" : "has no key `secretkey`";
  return finding("Secret", place, [differs(`${text}: gossip is not encrypted`, LINKS.gossip)]);
}

function judgeExtras({ extras, namespace }: ClusterReading): readonly Finding[] {
  return [...extras].map(([name, data]) => {
    const place = `${namespace}/${name}`;
    const isEmpty = Object.values(data).every((text) => text.trim() === "");
    if (isEmpty) return finding("ConfigMap", place, []);
    switch (name) {
      case "bgpextras":
        return finding("ConfigMap", place, [
          differs("raw configuration for FRR, which nothing of Herald's reads", LINKS.bgp, "data.extras"),
        ]);
      case "metallb-excludel2":
        return judgeExcluded(place, data);
      default:
        return finding("ConfigMap", place, [
          differs("is not read: --gossip-profile says how closely speakers watch each other", LINKS.gossip),
        ]);
    }
  });
}

/** Patterns that MetalLB's list has got since 0.14: lists without them are older, and not somebody's own. */
const ADDED_LATER = 1;

/** Key of metallb-excludel2 that MetalLB's speaker reads, as a file. */
const EXCLUDED_FILE = "excludel2.yaml";

/** MetalLB's chart always has it, mostly with the list that Herald has built in. */
function judgeExcluded(place: string, data: Readonly<Record<string, string>>): Finding {
  const written = excludedIn(data[EXCLUDED_FILE] ?? "");
  const usual = new Set<unknown>(DEFAULT_EXCLUDED_INTERFACES);
  const isUsual =
    Array.isArray(written) &&
    written.every((pattern) => usual.has(pattern)) &&
    written.length >= usual.size - ADDED_LATER;
  if (isUsual) return finding("ConfigMap", place, []);
  const text = "is not read, and is not the usual list: give yours to speaker.excludeInterfaces.patterns";
  return finding("ConfigMap", place, [differs(text, LINKS.announcing)]);
}

/** Whatever stands where the list should; `undefined` where a person wrote nothing that can be read. */
function excludedIn(text: string): unknown {
  const document = parseDocument(text, { logLevel: "silent" });
  if (document.errors.length > 0) return undefined;
  try {
    return (document.toJS() as Excluded | null)?.announcedInterfacesToExclude;
  } catch {
    return undefined; // an alias of nothing, or too many of them
  }
}

interface Excluded {
  readonly announcedInterfacesToExclude?: unknown;
}
