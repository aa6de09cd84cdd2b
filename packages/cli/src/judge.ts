import { countChanges, type Would, wouldDo } from "@herald/controller/observe";
import { ConfigSources } from "@herald/shared/config/config-sources";
import {
  type ConfigObject,
  type ConfigObjects,
  NO_OBJECTS,
} from "@herald/shared/config/objects/config-objects";
import type { ConfigMistake } from "@herald/shared/errors";
import type { ClusterReading } from "./cluster-reading.ts";
import { type Finding, finding, LINKS, type Remark, refused, same } from "./findings.ts";
import { remarksOn } from "./object-remarks.ts";
import { judgeServices } from "./service-findings.ts";
import { judgeSurroundings } from "./surroundings.ts";

/** What `migrate --check` came to. */
export interface Report {
  /** Every object, in the order to read them. */
  readonly findings: readonly Finding[];
  /** What Herald's controller would do, were it to begin now; by Service. */
  readonly would: readonly Would[];
  readonly addresses: number;
  /** Of these, how many would change or go. */
  readonly lost: number;
  /** To know before anything is uninstalled, and what could not be read. */
  readonly notes: readonly string[];
}

export interface JudgeOptions {
  /** `undefined`: as MetalLB's controller has it. */
  readonly lbClass: string | undefined;
  readonly sharingAcrossNamespaces: boolean;
}

/** Judges everything that was read, and asks the allocator what would become of every address. */
export function judge(reading: ClusterReading, options: JudgeOptions): Report {
  const { configMap, services } = reading;
  const objects = configObjects(reading);
  const offer = { configMap: configMap?.data, objects: reading.objects.size === 0 ? undefined : objects };
  const { config, refused: scopes } = new ConfigSources().offer(offer);
  const mistakes = [...scopes.values()].flat();
  const { sharingAcrossNamespaces } = options;
  const lbClass = options.lbClass ?? lbClassOf(reading);
  const would = wouldDo(config, services, { lbClass, sharingAcrossNamespaces });
  const { addresses, lost } = countChanges(would);
  return {
    findings: [
      ...judgeSurroundings(reading),
      ...judgeConfigMap(reading, scopes.get("configmap") ?? []),
      ...judgeObjects(reading, mistakes),
      ...judgeServices(services, would, { lbClass, sharingAcrossNamespaces }),
    ],
    would,
    addresses,
    lost,
    notes: [
      ...(config === undefined ? [UNDECIDED] : []),
      ...keptNotes(reading),
      ...reading.denied.map((what) => `Not read, for want of permission: ${what}.`),
    ],
  };
}

const UNDECIDED =
  "No configuration would be in force: Herald would leave every status as it is, and give out nothing, until there is one.";

/** 0: all the same; 3: something differs; 4: something is refused, or an address would change. */
export function exitCodeOf({ findings, lost }: Report): 0 | 3 | 4 {
  if (lost > 0 || findings.some(({ verdict }) => verdict === "refused")) return 4;
  return findings.some(({ verdict }) => verdict === "differs") ? 3 : 0;
}

function configObjects({ objects, namespaces, nodes }: ClusterReading): ConfigObjects {
  const of = (kind: string): readonly ConfigObject[] => objects.get(kind) ?? [];
  return {
    ...NO_OBJECTS,
    pools: of("IPAddressPool"),
    l2Advertisements: of("L2Advertisement"),
    bgpAdvertisements: of("BGPAdvertisement"),
    peers: of("BGPPeer"),
    bfdProfiles: of("BFDProfile"),
    communities: of("Community"),
    namespaces,
    nodes: nodes.length === 0 ? undefined : nodes,
  };
}

function lbClassOf({ workloads }: ClusterReading): string {
  return workloads.find(({ program }) => program === "controller")?.lbClass ?? "";
}

function judgeConfigMap(
  { configMap }: ClusterReading,
  mistakes: readonly ConfigMistake[],
): readonly Finding[] {
  if (configMap === undefined) return [];
  const name = `${configMap.namespace}/${configMap.name}`;
  if (mistakes.length === 0) return [finding("ConfigMap", name, [])];
  const remarks = mistakes.map(({ line, path, message }) => {
    const field = line === 0 ? path : `line ${line}: ${path}`;
    return { field, text: message, link: LINKS.configuration };
  });
  return [refused("ConfigMap", name, remarks)];
}

/** Of these MetalLB's programs write what is the case; ours write it anew. */
const REPORTS: ReadonlySet<string> = new Set([
  ...["ServiceL2Status", "ServiceBGPStatus", "BGPSessionState", "ConfigurationState"],
]);

function judgeObjects(reading: ClusterReading, mistakes: readonly ConfigMistake[]): readonly Finding[] {
  return [...reading.objects].flatMap(([kind, objects]) =>
    objects.map(({ metadata, spec }) => {
      const name = `${reading.namespace}/${metadata.name}`;
      if (REPORTS.has(kind)) return same(kind, name, "a report of MetalLB's; Herald writes its own");
      const own = mistakes.flatMap((mistake) => remarkOn(`${kind} ${metadata.name}: `, mistake));
      if (own.length > 0) return refused(kind, name, own);
      return finding(kind, name, remarksOn(kind, { metadata, spec }, reading));
    }),
  );
}

function remarkOn(prefix: string, { path, message }: ConfigMistake): readonly Remark[] {
  if (!path.startsWith(prefix)) return [];
  return [{ field: path.slice(prefix.length), text: message, link: LINKS.configuration }];
}

/** Helm goes by what the release has, whatever an object has been annotated with since. */
function keptNotes({ crds, workloads }: ClusterReading): readonly string[] {
  const releases = new Set(
    workloads.filter(({ product }) => product === "MetalLB").map(({ release }) => release),
  );
  const doomed = crds.filter(({ release }) => release !== "" && releases.has(release));
  if (doomed.length === 0) return [];
  const [{ release } = { release: "" }] = doomed;
  return [
    `Uninstalling the Helm release ${release} deletes ${doomed.map(({ name }) => name).join(", ")}, all objects of these kinds with them, and so takes every address back, unless they leave the release first: ${LINKS.kinds}.`,
  ];
}
