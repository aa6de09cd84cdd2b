import { ConfigError } from "../../errors.ts";
import type { Config } from "../config.ts";
import { checkBgp } from "./check-bgp.ts";
import type { ConfigObjects } from "./config-objects.ts";
import { grantBgp, readBgp } from "./read-bgp.ts";
import { grantLayer2, readLayer2 } from "./read-layer2.ts";
import { readPools } from "./read-pools.ts";

/**
 * The configuration that objects describe, whole. Programs take them in scopes instead: see `ConfigSources`.
 *
 * @throws {ConfigError} with every mistake that can be told apart. Never says a password.
 */
export function configFromObjects(objects: ConfigObjects): Config {
  const { pools, mistakes } = readPools(objects);
  const layer2 = readLayer2(objects);
  const bgp = readBgp(objects);
  const found = [
    ...mistakes,
    ...layer2.mistakes,
    ...bgp.mistakes,
    ...bgp.passwordMistakes,
    ...checkBgp(bgp.part, pools, objects.nodes),
  ];
  if (found.length > 0) throw new ConfigError(found);
  const { wishes, ...rest } = bgp.part;
  return {
    pools,
    l2Advertisements: grantLayer2(layer2.wishes, pools),
    bgpAdvertisements: grantBgp(wishes, pools),
    ...rest,
  };
}
