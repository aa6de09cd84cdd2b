import { readFileSync } from "node:fs";
import type { Config } from "@herald/shared/config/config";
import { configFromObjects } from "@herald/shared/config/objects/config-from-objects";
import { type ConfigObject, NO_OBJECTS } from "@herald/shared/config/objects/config-objects";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceView } from "@herald/shared/service/view";
import type { CandidateNode } from "../plan.ts";
import { fit, service } from "../planner-fixture.ts";

/** A random cluster, and what MetalLB's own code (revision 7938d3f89, July 2026) made of it. */
export interface RecordedCluster {
  readonly ignoresExcludeLabel: boolean;
  readonly nodes: ReadonlyMap<string, CandidateNode>;
  readonly config: Config;
  readonly services: readonly { readonly view: ServiceView; readonly endpoints: EndpointView[] }[];
  /** The lines after `= `, in their order. */
  readonly results: readonly string[];
}

const POOLS: readonly ConfigObject[] = ["p0", "p1"].map((name, index) => ({
  metadata: { name, labels: { kind: name } },
  spec: { addresses: [`10.0.${index}.0/24`, `fd00:${index}::/112`] },
}));
const COMMUNITIES: readonly ConfigObject[] = [
  {
    metadata: { name: "c" },
    spec: {
      communities: [
        { name: "one", value: "64512:1" },
        { name: "big", value: "large:64512:1:2" },
      ],
    },
  },
];

interface RecordedNode {
  readonly labels: Readonly<Record<string, string>>;
  readonly networkUnavailable?: string;
  readonly speaker?: boolean;
}

interface RecordedService extends Partial<Pick<ServiceView, "labels" | "annotations">> {
  readonly ips: readonly string[];
  readonly local?: boolean;
  readonly endpoints: readonly {
    readonly node?: string;
    readonly ready?: boolean;
    readonly serving?: boolean;
  }[];
}

/** @param file beside this one. */
export function readRecording(
  file: string,
  advertisements: "l2Advertisements" | "bgpAdvertisements",
): readonly RecordedCluster[] {
  return readFileSync(new URL(file, import.meta.url), "utf8")
    .split(/^case \d+\n/m)
    .slice(1)
    .map((text) => readCluster(text.trimEnd().split("\n"), advertisements));
}

function readCluster(
  lines: readonly string[],
  advertisements: "l2Advertisements" | "bgpAdvertisements",
): RecordedCluster {
  const named = <T>(word: string): readonly (readonly [name: string, value: T])[] =>
    lines
      .filter((line) => line.startsWith(`${word} `))
      .map((line) => [line.split(" ")[1] ?? "", JSON.parse(line.slice(line.indexOf("{"))) as T]);
  const peers = named<object>("peer").map(([name, spec], index) => ({
    metadata: { name },
    spec: { myASN: 64512, peerASN: 64512, peerAddress: `192.0.2.${index + 1}`, ...spec },
  }));
  const objects = named<object>("advertisement").map(([name, spec]) => ({ metadata: { name }, spec }));
  return {
    ignoresExcludeLabel: lines.includes("ignore-exclude-lb"),
    nodes: new Map(named<RecordedNode>("node").map(([name, node]) => [name, toNode(node)])),
    config: configFromObjects({
      ...NO_OBJECTS,
      pools: POOLS,
      communities: COMMUNITIES,
      peers,
      [advertisements]: objects,
    }),
    services: named<RecordedService>("service").map(([name, recorded]) => toService(name, recorded)),
    results: lines.filter((line) => line.startsWith("= ")).map((line) => line.slice(2)),
  };
}

function toNode({ labels, networkUnavailable, speaker = true }: RecordedNode): CandidateNode {
  return { ...fit, labels, networkUnavailable: networkUnavailable === "True", speakerReady: speaker };
}

function toService(name: string, { ips, local = false, endpoints, ...rest }: RecordedService) {
  const externalTrafficPolicy = local ? "Local" : "Cluster";
  return {
    view: service(name, ips, { ...rest, externalTrafficPolicy }),
    endpoints: endpoints.map(({ node: nodeName, ready = true, serving = ready }) => ({
      nodeName,
      addresses: ["10.244.0.1"],
      ready,
      serving,
    })),
  };
}
