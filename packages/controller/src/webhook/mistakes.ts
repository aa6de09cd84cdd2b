import { configFromObjects } from "@herald/shared/config/objects/config-from-objects";
import type { ConfigObjects } from "@herald/shared/config/objects/config-objects";
import { bgpInBoth, poolsInBoth } from "@herald/shared/config/objects/merge";
import { readBgp } from "@herald/shared/config/objects/read-bgp";
import { readPools } from "@herald/shared/config/objects/read-pools";
import { ConfigError, type ConfigMistake } from "@herald/shared/errors";
import type { World } from "./change.ts";

/** What is said of a configuration. */
export interface Finding extends ConfigMistake {
  /** It names what nothing has: the only kind of what mends itself that somebody may want refused. */
  readonly isDangling?: true;
}

/**
 * Everything that the programs will find wrong with objects, among themselves and beside the ConfigMap. They use
 * `ConfigSources`, which takes what is wrong in scopes and keeps what was good; here all of it is of interest.
 */
export function mistakesIn({ configMap, objects }: World): readonly Finding[] {
  const own = mistakesInObjects(objects);
  if (configMap === undefined) return own;
  const inBoth = [
    ...poolsInBoth(configMap.pools, readPools(objects).pools),
    ...bgpInBoth(configMap, readBgp(objects).part),
  ];
  // Why: whoever moves from one to the other has both for a while, and then deletes the ConfigMap.
  return [...own, ...inBoth.map((mistake) => ({ ...mistake, transient: true as const }))];
}

function mistakesInObjects(objects: ConfigObjects): readonly Finding[] {
  try {
    configFromObjects(objects);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // Why all of them: everything has been read here, so what may come is an object that is named.
    return error.mistakes.map((mistake) =>
      mistake.transient === true ? { ...mistake, isDangling: true } : mistake,
    );
  }
}
