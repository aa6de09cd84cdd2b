import type { z } from "zod";
import { type PoolRules, readPoolRules } from "../../allocator/pool-rules.ts";
import type { ConfigMistake } from "../../errors.ts";
import { quoted } from "../../quoted.ts";
import { POOL_ANNOTATIONS } from "../../service/annotations.ts";
import { matchesSelector } from "../../service/label-selector.ts";
import type { Pool, ServiceAllocation } from "../config.ts";
import { IP_ADDRESS_POOL, IpAddressPoolSpec } from "../crd/ip-address-pool.ts";
import { overlapsIn } from "../overlaps.ts";
import type { ConfigObjects, Labelled } from "./config-objects.ts";
import {
  lackIn,
  mistakeIn,
  mistakeInAnnotation,
  type Parsed,
  parseObjects,
  placeOf,
  toSelector,
} from "./parse.ts";

type Spec = z.output<typeof IpAddressPoolSpec>;

export interface PoolsReading {
  /** Those whose spec can be read, by name; they may overlap. */
  readonly pools: readonly Pool[];
  /** Those of `pools` of which nothing else is wrong. */
  readonly faultless: readonly Pool[];
  readonly mistakes: readonly ConfigMistake[];
}

export function readPools({ pools, namespaces }: Pick<ConfigObjects, "pools" | "namespaces">): PoolsReading {
  const { sound, mistakes } = parseObjects(IP_ADDRESS_POOL, IpAddressPoolSpec, pools);
  const read = sound.map((object) => {
    const reading = readPoolRules(object.annotations);
    const rules = hasOurs(object.annotations) ? reading.rules : undefined;
    const found = [
      ...reading.mistakes.map((each) => mistakeInAnnotation(object, each)),
      ...(namespaces === undefined ? namespaceMistakes(object) : []),
    ];
    return { found, pool: toPool(object, rules, namespaces ?? []) };
  });
  return {
    pools: read.map(({ pool }) => pool),
    faultless: read.filter(({ found }) => found.length === 0).map(({ pool }) => pool),
    mistakes: [...mistakes, ...read.flatMap(({ found }) => found), ...overlapMistakes(sound)],
  };
}

function hasOurs(annotations: Readonly<Record<string, string>>): boolean {
  return Object.keys(annotations).some((name) => name in POOL_ANNOTATIONS);
}

function namespaceMistakes(object: Parsed<Spec>): readonly ConfigMistake[] {
  if ((object.spec.serviceAllocation?.namespaceSelectors ?? []).length === 0) return [];
  const message = "the Namespaces to select cannot be read yet";
  return [lackIn(object, ["serviceAllocation", "namespaceSelectors"], message)];
}

function toPool(
  { name, labels, spec }: Parsed<Spec>,
  rules: PoolRules | undefined,
  namespaces: readonly Labelled[],
): Pool {
  const { addresses, avoidBuggyIPs, autoAssign, serviceAllocation } = spec;
  return {
    name,
    labels,
    ranges: addresses,
    avoidBuggyIps: avoidBuggyIPs,
    autoAssign,
    serviceAllocation:
      serviceAllocation === undefined ? undefined : toAllocation(serviceAllocation, namespaces),
    ...(rules !== undefined && { rules }),
  };
}

/** Selectors that match no namespace leave a pool for nobody; MetalLB then lets everybody ask for it. */
function toAllocation(
  written: NonNullable<Spec["serviceAllocation"]>,
  namespaces: readonly Labelled[],
): ServiceAllocation {
  const { priority = 0, namespaces: names = [], namespaceSelectors = [], serviceSelectors = [] } = written;
  const selectors = namespaceSelectors.map(toSelector);
  const selected = namespaces.filter(({ labels }) => selectors.some((each) => matchesSelector(each, labels)));
  const isForAll = names.length === 0 && selectors.length === 0;
  return {
    priority,
    namespaces: isForAll ? undefined : new Set([...names, ...selected.map(({ name }) => name)].sort()),
    serviceSelectors: serviceSelectors.map(toSelector),
  };
}

function overlapMistakes(objects: readonly Parsed<Spec>[]): readonly ConfigMistake[] {
  const ranges = objects.flatMap((object) =>
    object.spec.addresses.map((range, index) => ({
      range,
      pool: object.name,
      place: { object, path: ["addresses", index] },
    })),
  );
  return overlapsIn(ranges).map(({ earlier, later }) => {
    const message = `${quoted(later.range.text)} overlaps ${quoted(earlier.range.text)} (${placeOf(earlier.place.object, earlier.place.path)})`;
    return mistakeIn(later.place.object, later.place.path, message);
  });
}
