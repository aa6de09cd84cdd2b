import { ConfigError, type ConfigMistake } from "../errors.ts";
import { tooWideFor } from "./aggregation.ts";
import type { BgpAdvertisementConfig, Config, Pool } from "./config.ts";
import { configFromConfigMap } from "./load.ts";
import { checkBgp } from "./objects/check-bgp.ts";
import { type ConfigObjects, NO_OBJECTS } from "./objects/config-objects.ts";
import { bgpInBoth, poolsInBoth, withoutClashes } from "./objects/merge.ts";
import { type BgpPart, grantBgp, readBgp } from "./objects/read-bgp.ts";
import { grantLayer2, type Layer2Wish, readLayer2 } from "./objects/read-layer2.ts";
import { readPools } from "./objects/read-pools.ts";

/** Where a configuration is written. */
export interface Sources {
  /** Data of the ConfigMap; `undefined`: there is none. */
  readonly configMap: Readonly<Record<string, string>> | undefined;
  /** `undefined`: the API server does not know the kinds, or does not let us read them. */
  readonly objects: ConfigObjects | undefined;
}

/** What is refused as a whole while anything in it is wrong; the last good one of the same stays in force. */
export const CONFIG_SCOPES = {
  configmap: "The ConfigMap, whole.",
  pools: "IPAddressPools, with what the ConfigMap has of pools.",
  layer2: "L2Advertisements.",
  bgp: "BGPPeers, BGPAdvertisements, BFDProfiles and Communities, with what the ConfigMap has of BGP.",
} as const;

export type ConfigScope = keyof typeof CONFIG_SCOPES;

export interface ConfigOutcome {
  /** In force from now on; `undefined`: nothing is decided yet, everybody keeps what he has. */
  readonly config: Config | undefined;
  /** What is wrong; a scope that is not here is in force as written. */
  readonly refused: ReadonlyMap<ConfigScope, readonly ConfigMistake[]>;
}

/**
 * Reads both sources into one configuration and keeps the last good of each scope. Each source is for itself:
 * advertisements of objects choose among objects, a ConfigMap's pools are announced as the ConfigMap says. What
 * stands in both is a mistake; then, and until there is something good that is newer, the ConfigMap's part counts.
 */
export class ConfigSources {
  #configMap: Config | undefined;
  #objects: ConfigObjects | undefined;
  #pools: InForce<Config, readonly Pool[]> | undefined;
  #layer2: readonly Layer2Wish[] = [];
  #bgp: InForce<Config, BgpPart> | undefined;

  offer({ configMap, objects }: Sources): ConfigOutcome {
    const refused = new Map<ConfigScope, readonly ConfigMistake[]>();
    const refuse = (scope: ConfigScope, mistakes: readonly ConfigMistake[]): boolean => {
      if (mistakes.length > 0) refused.set(scope, shortened(mistakes));
      return mistakes.length > 0;
    };
    // Why: what cannot be read any more is not gone. Deleting a kind is no such case: its objects are deleted first.
    this.#objects = objects ?? this.#objects;
    const known = this.#objects ?? NO_OBJECTS;
    this.#readConfigMap(configMap, known, refuse);
    if (this.#configMap === undefined && this.#pools === undefined) {
      // Why: who starts beside a bad ConfigMap cannot know which addresses it gave out, and must not take them back.
      if (known.pools.length === 0 || refused.has("configmap")) return { config: undefined, refused };
    }
    const base = this.#configMap ?? NOTHING;
    this.#readPools(base, known, refuse);
    const layer2 = readLayer2(known);
    if (!refuse("layer2", layer2.mistakes)) this.#layer2 = layer2.wishes;
    this.#readBgp(base, known, refuse);
    return { config: this.#inForce(), refused };
  }

  /** A ConfigMap that is gone stays in force until there are pools without it. */
  #readConfigMap(data: Sources["configMap"], { pools }: ConfigObjects, refuse: Refuse): void {
    if (data === undefined) {
      if (pools.length > 0) this.#configMap = undefined;
      return;
    }
    try {
      this.#configMap = configFromConfigMap(data);
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      refuse("configmap", error.mistakes);
    }
  }

  #readPools(base: Config, objects: ConfigObjects, refuse: Refuse): void {
    const { pools, faultless, mistakes } = readPools(objects);
    const isRefused = refuse("pools", [...mistakes, ...poolsInBoth(base.pools, pools)]);
    if (!isRefused) this.#pools = { configMap: base, objects: pools };
    // Why: somebody who moves to objects has both for a while, and a program may start in it. What is good must
    // not go with what is bad: its addresses are in use.
    else if (this.#configMap !== undefined && this.#pools === undefined) {
      const unclashing = new Set(withoutClashes(base.pools, pools));
      this.#pools = { configMap: base, objects: faultless.filter((pool) => unclashing.has(pool)) };
    }
  }

  #readBgp(base: Config, objects: ConfigObjects, refuse: Refuse): void {
    const { part, mistakes } = readBgp(objects);
    const pools = this.#pools?.objects ?? [];
    const found = [...mistakes, ...checkBgp(part, pools, objects.nodes), ...bgpInBoth(base, part)];
    if (!refuse("bgp", found)) this.#bgp = { configMap: base, objects: part };
    else this.#bgp ??= { configMap: base, objects: NO_BGP };
  }

  #inForce(): Config | undefined {
    if (this.#pools === undefined || this.#bgp === undefined) return undefined;
    const { configMap, objects } = this.#pools;
    const { configMap: bgp, objects: part } = this.#bgp;
    return {
      pools: [...configMap.pools, ...objects],
      l2Advertisements: [...configMap.l2Advertisements, ...grantLayer2(this.#layer2, objects)],
      bgpAdvertisements: [
        ...bgp.bgpAdvertisements.filter((each) => isFit(each, configMap.pools)),
        ...grantBgp(part.wishes, objects),
      ],
      peers: [...bgp.peers, ...part.peers],
      bfdProfiles: [...bgp.bfdProfiles, ...part.bfdProfiles],
      communities: { ...bgp.communities, ...part.communities },
    };
  }
}

/** The two sources of a scope that is in force. */
interface InForce<A, B> {
  readonly configMap: A;
  readonly objects: B;
}

/** @returns whether there are mistakes. */
type Refuse = (scope: ConfigScope, mistakes: readonly ConfigMistake[]) => boolean;

const NO_BGP: BgpPart = { wishes: [], peers: [], bfdProfiles: [], communities: {} };
const NOTHING: Config = {
  pools: [],
  l2Advertisements: [],
  bgpAdvertisements: [],
  peers: [],
  bfdProfiles: [],
  communities: {},
};

/** What anybody reads, and what an Event, a log line and a page can hold. */
const MAX_MISTAKES = 100;

function shortened(mistakes: readonly ConfigMistake[]): readonly ConfigMistake[] {
  const rest = mistakes.length - MAX_MISTAKES;
  if (rest <= 0) return mistakes;
  return [...mistakes.slice(0, MAX_MISTAKES), { path: "", line: 0, message: `and ${rest} more` }];
}

/** Of a ConfigMap that may be older than the pools: whether its one pool is there, and as it was. */
function isFit(advertisement: BgpAdvertisementConfig, pools: readonly Pool[]): boolean {
  return advertisement.pools.every((name) => {
    const pool = pools.find((each) => each.name === name);
    return pool !== undefined && tooWideFor(pool, advertisement).length === 0;
  });
}
