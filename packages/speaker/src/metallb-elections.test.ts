import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { configFromObjects } from "@herald/shared/config/objects/config-from-objects";
import { type ConfigObject, NO_OBJECTS } from "@herald/shared/config/objects/config-objects";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceView } from "@herald/shared/service/view";
import type { CandidateNode, PlanConfig } from "./plan.ts";
import { fit, planner, service } from "./planner-fixture.ts";

/**
 * Who announces what by MetalLB's speaker (revision 7938d3f89, July 2026), recorded from its own code in random
 * clusters: nodes, advertisements, Services with their endpoints, and after `=` the one node that announces the
 * Service above, and on which interfaces. No two Services share an address, and every node has every interface:
 * there docs/differences.md has something to say.
 */
const RECORDING = readFileSync(new URL("./testdata/metallb-elections.txt", import.meta.url), "utf8");

const POOLS: readonly ConfigObject[] = ["p0", "p1"].map((name, index) => ({
  metadata: { name, labels: { kind: name } },
  spec: { addresses: [`10.0.${index}.0/24`, `fd00:${index}::/112`] },
}));

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

interface Case {
  readonly ignoresExcludeLabel: boolean;
  readonly nodes: ReadonlyMap<string, CandidateNode>;
  readonly config: PlanConfig;
  readonly services: readonly { readonly view: ServiceView; readonly endpoints: EndpointView[] }[];
  readonly announcers: readonly string[];
}

function readCase(text: string): Case {
  const lines = text.trimEnd().split("\n");
  const named = <T>(word: string): readonly (readonly [name: string, value: T])[] =>
    lines
      .filter((line) => line.startsWith(`${word} `))
      .map((line) => [line.split(" ")[1] ?? "", JSON.parse(line.slice(line.indexOf("{"))) as T]);
  const l2Advertisements = named<object>("advertisement").map(([name, spec]) => ({
    metadata: { name },
    spec,
  }));
  return {
    ignoresExcludeLabel: lines.includes("ignore-exclude-lb"),
    nodes: new Map(named<RecordedNode>("node").map(([name, node]) => [name, toNode(node)])),
    config: configFromObjects({ ...NO_OBJECTS, pools: POOLS, l2Advertisements }),
    services: named<RecordedService>("service").map(([name, recorded]) => toService(name, recorded)),
    announcers: lines.filter((line) => line.startsWith("= ")).map((line) => line.slice(2)),
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

/** For each Service the nodes that announce it, each asked for itself. */
function announcersOf({ ignoresExcludeLabel, nodes, config, services }: Case): readonly string[] {
  const planners = [...nodes.keys()].map((self) => {
    const made = planner(self, nodes, ignoresExcludeLabel);
    made.configure(config);
    for (const { view, endpoints } of services) {
      made.setService(view);
      made.setEndpoints(view.key, endpoints);
    }
    return { self, made };
  });
  return services.map(({ view }) => {
    const announcers = planners.flatMap(({ self, made }) => {
      const decision = made.decide(view.key);
      return decision.type === "announce" ? [`${self} on ${decision.interfaces?.join("+") ?? "all"}`] : [];
    });
    return announcers.join(" and ") || "nobody";
  });
}

describe("who announces", () => {
  const cases = RECORDING.split(/^case \d+\n/m)
    .slice(1)
    .map(readCase);

  for (const [index, each] of cases.entries()) {
    it(`is whom MetalLB elects, in cluster ${index + 1}`, () => {
      assert.deepEqual(announcersOf(each), each.announcers);
    });
  }

  it("was recorded in sixty clusters, of four Services each", () => {
    assert.deepEqual([cases.length, cases.flatMap(({ announcers }) => announcers).length], [60, 240]);
  });
});
