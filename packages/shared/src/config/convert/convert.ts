import { ConfigError, type ConfigMistake } from "../../errors.ts";
import { parseConfig } from "../load.ts";
import { configFromObjects } from "../objects/config-from-objects.ts";
import { type ConfigObject, NO_OBJECTS } from "../objects/config-objects.ts";
import type { ParsedConfig } from "../schema.ts";
import { differencesOf } from "./differences.ts";
import { objectName } from "./object-names.ts";
import { objectsOf, type WrittenObject } from "./to-objects.ts";

export interface Conversion {
  /** To apply, in this order. Some are Secrets with passwords. */
  readonly objects: readonly WrittenObject[];
  /** What would be different from then on, a sentence each. */
  readonly differences: readonly string[];
}

/**
 * Writes a ConfigMap's configuration as objects of metallb.io, in the order and under the names of MetalLB's own
 * converter.
 *
 * @param text under the ConfigMap's key `config`.
 * @param namespace to write into the objects.
 * @throws {ConfigError} as `loadConfig`, and when something cannot be said in objects, or not under a name of its own.
 */
export function convert(text: string, namespace: string): Conversion {
  const parsed = parseConfig(text);
  const pools = namesFor(parsed, "address-pools", "pool");
  const profiles = namesFor(parsed, "bfd-profiles", "BFD profile");
  const mistakes = [...pools.mistakes, ...profiles.mistakes];
  if (mistakes.length > 0) throw new ConfigError(mistakes);
  const names = { pools: pools.names, profiles: profiles.names };
  const objects = objectsOf(parsed, names, namespace);
  configFromObjects(sortedByKind(objects));
  return { objects, differences: differencesOf(parsed, names) };
}

/** New names by old ones. */
export interface ObjectNames {
  readonly pools: ReadonlyMap<string, string>;
  readonly profiles: ReadonlyMap<string, string>;
}

function namesFor(
  parsed: ParsedConfig,
  section: "address-pools" | "bfd-profiles",
  what: string,
): { readonly names: ReadonlyMap<string, string>; readonly mistakes: readonly ConfigMistake[] } {
  const names = new Map<string, string>();
  const owners = new Map<string, string>(); // old names by new ones
  const mistakes = parsed[section].flatMap(({ name: old }, index): ConfigMistake[] => {
    const refuse = (message: string) => [{ path: `${section}[${index}].name`, line: 0, message }];
    const made = objectName(old);
    if ("mistake" in made) return refuse(made.mistake);
    const owner = owners.get(made.name);
    owners.set(made.name, owner ?? old);
    names.set(old, made.name);
    if (owner === undefined) return [];
    return refuse(
      `${what} "${old}" and ${what} "${owner}" would both be called "${made.name}": rename one of them first`,
    );
  });
  return { names, mistakes };
}

/** What was written, as it will be read. */
function sortedByKind(objects: readonly WrittenObject[]) {
  const ofKind = (kind: string): readonly ConfigObject[] => objects.filter((object) => object.kind === kind);
  return {
    ...NO_OBJECTS,
    pools: ofKind("IPAddressPool"),
    l2Advertisements: ofKind("L2Advertisement"),
    bgpAdvertisements: ofKind("BGPAdvertisement"),
    peers: ofKind("BGPPeer"),
    bfdProfiles: ofKind("BFDProfile"),
    communities: ofKind("Community"),
  };
}
