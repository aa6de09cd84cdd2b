import { countChanges, type Would, wouldDo } from "@herald/controller/observe";
import { ConfigSources } from "@herald/shared/config/config-sources";
import {
  type ConfigObject,
  type ConfigObjects,
  NO_OBJECTS,
} from "@herald/shared/config/objects/config-objects";
import type { ConfigMistake } from "@herald/shared/errors";
import { judgeAddressPools } from "./address-pools.ts";
import { type ClusterReading, type Denied, REPORTS } from "./cluster-reading.ts";
import { type Finding, finding, LINKS, type Remark, refused, same } from "./findings.ts";
import { remarksOn } from "./object-remarks.ts";
import { judgeServices } from "./service-findings.ts";
import { silencesOf } from "./silences.ts";
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
  /** How many Services keep an address, and no node would announce it any more. */
  readonly silent: number;
  /** Whether something could not be read that all the rest hinges on. */
  readonly isBlind: boolean;
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
  const silences = silencesOf(config, services, would);
  return {
    findings: [
      ...judgeSurroundings(reading),
      ...judgeConfigMap(reading, scopes.get("configmap") ?? []),
      ...judgeObjects(reading, mistakes),
      ...judgeAddressPools(reading),
      ...judgeServices(services, { would, silences }, { lbClass, sharingAcrossNamespaces }),
    ],
    would,
    addresses,
    lost,
    silent: silences.size,
    isBlind: reading.denied.some(isVital),
    notes: [
      ...reading.denied.filter(isVital).map(({ what }) => `${NOT_READ}, and needed for an answer: ${what}.`),
      ...elsewhereNotes(reading),
      ...(config === undefined ? [UNDECIDED] : []),
      ...keptNotes(reading),
      ...webhookNotes(reading),
      ...reading.denied.filter((each) => !isVital(each)).map(({ what }) => `${NOT_READ}: ${what}.`),
    ],
  };
}

const NOT_READ = "Not read, for want of permission";

function isVital({ need }: Denied): boolean {
  return need === "verdict";
}

const UNDECIDED =
  "No configuration would be in force: Herald would leave every status as it is, and give out and announce nothing, until there is one.";

/** See `MIGRATE.exitCodes`. */
export function exitCodeOf({ findings, lost, silent, isBlind }: Report): 0 | 2 | 3 | 4 {
  if (isBlind) return 2;
  if (lost > 0 || silent > 0 || findings.some(({ verdict }) => verdict === "refused")) return 4;
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

/** Whoever looks in the wrong namespace finds nothing that is wrong. */
function elsewhereNotes({ namespace, workloads }: ClusterReading): readonly string[] {
  const own = workloads.filter(({ product }) => product === "MetalLB").map(({ name }) => name.split("/")[0]);
  const [other] = own;
  if (other === undefined || own.includes(namespace)) return [];
  return [`MetalLB runs in ${other}, and ${namespace} was looked at: want --namespace ${other}.`];
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

function webhookNotes({ crds }: ClusterReading): readonly string[] {
  const isStuck = crds.some(({ name, needsWebhook }) => name === "bgppeers.metallb.io" && needsWebhook);
  if (!isStuck) return [];
  return [
    `BGPPeers may be stored as v1beta1, which MetalLB's webhook alone converts: without it none of them can be read, and speakers that start have no sessions. Take the webhook out of the definition first: ${LINKS.kinds}.`,
  ];
}
