import { ConfigError, type ConfigMistake } from "../errors.ts";
import { tooWideFor } from "./aggregation.ts";
import type { BgpAdvertisementConfig, BgpPeerConfig, Config, Pool } from "./config.ts";
import { BGP_ADVERTISEMENT } from "./crd/bgp-advertisement.ts";
import { configFromConfigMap } from "./load.ts";
import { checkBgp } from "./objects/check-bgp.ts";
import { type ConfigObjects, NO_OBJECTS } from "./objects/config-objects.ts";
import { faultlessBgp } from "./objects/faultless-bgp.ts";
import { bgpInBoth, poolsInBoth, withoutClashes } from "./objects/merge.ts";
import { type BgpPart, type BgpReading, grantBgp, readBgp } from "./objects/read-bgp.ts";
import { grantLayer2, type Layer2Reading, readLayer2 } from "./objects/read-layer2.ts";
import { readPools } from "./objects/read-pools.ts";
import { MAX_PASSWORD_OCTETS } from "./password.ts";

/** Where a configuration is written. */
export interface Sources {
  /** Data of the ConfigMap; `undefined`: there is none. */
  readonly configMap: Readonly<Record<string, string>> | undefined;
  /** `undefined`: the API server does not know the kinds, or does not let us read them. */
  readonly objects: ConfigObjects | undefined;
  /** What there is, or may be, and was never read; none unless told. */
  readonly unread?: readonly UnreadSource[];
}

/** Counts as a mistake in its scope: nothing is concluded from what is not there. */
export interface UnreadSource {
  readonly scope: ConfigScope;
  /** `ConfigMap metallb-system/config`, `ipaddresspools`. */
  readonly what: string;
  readonly why: string;
}

/**
 * What is refused as a whole while anything in it is wrong; the last good one of the same stays in force. Passwords are an
 * exception: they are taken one by one, and what was good before is not used again.
 */
export const CONFIG_SCOPES = {
  configmap: "The ConfigMap, whole.",
  pools: "IPAddressPools, with what the ConfigMap has of pools.",
  layer2: "L2Advertisements.",
  bgp: "BGPPeers, BGPAdvertisements, BFDProfiles and Communities, with what the ConfigMap has of BGP.",
  passwords:
    "Passwords of peers, in Secrets and elsewhere: the peer alone that has none which can be used has no session.",
} as const;

export type ConfigScope = keyof typeof CONFIG_SCOPES;

export interface ConfigOutcome {
  /** In force from now on; `undefined`: nothing is decided yet, everybody keeps what he has. */
  readonly config: Config | undefined;
  /** All that is wrong; a scope that is not here is in force as written. Whoever writes it down: see `shortened`. */
  readonly refused: ReadonlyMap<ConfigScope, readonly ConfigMistake[]>;
  /** There while something of the pools is refused: the IPAddressPools that are written and not in force, by name. */
  readonly refusedPools?: readonly string[];
}

/**
 * Reads both sources into one configuration and keeps the last good of each scope. Each source is for itself:
 * advertisements of objects choose among objects, a ConfigMap's pools are announced as the ConfigMap says. What
 * stands in both is a mistake; then, and until there is something good that is newer, the ConfigMap's part counts.
 */
export class ConfigSources {
  #configMap: Config | undefined;
  #objects: ConfigObjects | undefined;
  #pools: (InForce<Config, readonly Pool[]> & Pick<Config, "unjudged">) | undefined;
  #layer2: Part<Pick<Layer2Reading, "wishes">> = { wishes: [], isWhole: false };
  #bgp: Part<InForce<Config, BgpPart> & Pick<BgpReading, "passwords">> | undefined;

  offer({ configMap, objects, unread = [] }: Sources): ConfigOutcome {
    const refused = new Map<ConfigScope, readonly ConfigMistake[]>();
    const refuse = (scope: ConfigScope, mistakes: readonly ConfigMistake[]): boolean => {
      const all = [...unread.filter((each) => each.scope === scope).map(notRead), ...mistakes];
      if (all.length > 0) refused.set(scope, all);
      return all.length > 0;
    };
    // Why: what cannot be read any more is not gone. Deleting a kind is no such case: its objects are deleted first.
    this.#objects = objects ?? this.#objects;
    const known = this.#objects ?? NO_OBJECTS;
    this.#readConfigMap(configMap, known, refuse);
    if (this.#isUnwritten(known, refused.size === 0 && unread.length === 0)) {
      for (const { scope } of unread) if (!refused.has(scope)) refuse(scope, []);
      return { config: undefined, refused };
    }
    const base = this.#configMap ?? NOTHING;
    this.#readPools(base, known, refuse, refused.has("configmap") && this.#configMap === undefined);
    this.#readLayer2(known, refuse);
    const areRoutesKnown = !unread.some(({ what }) => what === BGP_ADVERTISEMENT.plural);
    this.#readBgp(base, known, refuse, areRoutesKnown);
    return { config: this.#inForce(), refused, ...this.#refusedPools(known, refused) };
  }

  #refusedPools(
    { pools }: ConfigObjects,
    refused: ConfigOutcome["refused"],
  ): Pick<ConfigOutcome, "refusedPools"> {
    if (!refused.has("pools") && !refused.has("configmap")) return {};
    const inForce = new Set(this.#pools?.objects.map(({ name }) => name));
    return { refusedPools: pools.map(({ metadata }) => metadata.name).filter((name) => !inForce.has(name)) };
  }

  /**
   * Whether there never was anything to put in force. A router may be met before there are addresses, but not while it is
   * unknown whether there are: it would lose those it kept for us over a restart.
   *
   * @param isAllKnown whether all there is could be read.
   */
  #isUnwritten({ pools, peers }: ConfigObjects, isAllKnown: boolean): boolean {
    if (this.#configMap !== undefined || this.#pools !== undefined) return false;
    return pools.length === 0 && (peers.length === 0 || !isAllKnown);
  }

  /** A ConfigMap that is gone stays in force until there are pools without it. */
  #readConfigMap(data: Sources["configMap"], { pools }: ConfigObjects, refuse: Refuse): void {
    if (refuse("configmap", [])) return;
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

  /** @param isUnknown what the ConfigMap has of pools. */
  #readPools(base: Config, objects: ConfigObjects, refuse: Refuse, isUnknown: boolean): void {
    const { pools, faultless, mistakes } = readPools(objects);
    const isRefused = refuse("pools", [...mistakes, ...poolsInBoth(base.pools, pools)]);
    if (!isRefused && !isUnknown) {
      this.#pools = { configMap: base, objects: pools };
    } else if (this.#pools === undefined || this.#pools.unjudged !== undefined) {
      // Why: a program may start beside a mistake, or in the middle of a move. What is good must not go with what is
      // bad, and what is bad may be in use: who has an address of it keeps it until that can be judged.
      const unclashing = new Set(withoutClashes(base.pools, pools));
      const good = faultless.filter((pool) => unclashing.has(pool));
      this.#pools = {
        configMap: base,
        objects: good,
        unjudged: othersThan([...base.pools, ...good], objects),
      };
    }
  }

  #readLayer2(objects: ConfigObjects, refuse: Refuse): void {
    const { wishes, mistakes } = readLayer2(objects);
    const isWhole = !refuse("layer2", mistakes);
    if (isWhole || !this.#layer2.isWhole) this.#layer2 = { wishes, isWhole };
  }

  /** @param areRoutesKnown whether what routers are to be told could be read. */
  #readBgp(base: Config, objects: ConfigObjects, refuse: Refuse, areRoutesKnown: boolean): void {
    const reading = readBgp(objects);
    const { part, mistakes, passwords, passwordMistakes } = reading;
    refuse("passwords", [...base.peers.flatMap(passwordMistakeOf), ...passwordMistakes]);
    const pools = this.#pools?.objects ?? [];
    const inBoth = bgpInBoth(base, part);
    if (!refuse("bgp", [...mistakes, ...checkBgp(part, pools, objects.nodes), ...inBoth])) {
      this.#bgp = { configMap: base, objects: part, passwords, isWhole: true };
    } else if (this.#bgp?.isWhole === true) {
      this.#bgp = { ...this.#bgp, objects: withPasswords(this.#bgp, passwords) };
    } else {
      // Why: a program may start beside one bad router, and the sessions with all others must not go with it. One that is
      // met and told nothing forgets what it kept for us over a restart. What `checkBgp` finds does no harm: a pool is only
      // advertised as it may be, and of two preferences the higher one is told.
      const good = faultlessBgp(reading, [...mistakes, ...inBoth]);
      const met = areRoutesKnown ? good : { ...good, peers: [] };
      this.#bgp = { configMap: base, objects: met, passwords, isWhole: false };
    }
  }

  #inForce(): Config | undefined {
    if (this.#pools === undefined || this.#bgp === undefined) return undefined;
    const { configMap, objects, unjudged } = this.#pools;
    const advertised = [...objects, ...(unjudged ?? [])];
    const { configMap: bgp, objects: part } = this.#bgp;
    return {
      pools: [...configMap.pools, ...objects],
      l2Advertisements: [...configMap.l2Advertisements, ...grantLayer2(this.#layer2.wishes, advertised)],
      bgpAdvertisements: [
        ...bgp.bgpAdvertisements.filter((each) => isFit(each, configMap.pools)),
        ...grantBgp(part.wishes, advertised),
      ],
      peers: [...bgp.peers, ...part.peers],
      bfdProfiles: [...bgp.bfdProfiles, ...part.bfdProfiles],
      communities: { ...bgp.communities, ...part.communities },
      ...(unjudged !== undefined && { unjudged }),
    };
  }
}

/** The two sources of a scope that is in force. */
interface InForce<A, B> {
  readonly configMap: A;
  readonly objects: B;
}

/** What is in force; not whole: what was good of it when a program started beside mistakes, and all never was. */
type Part<T> = T & { readonly isWhole: boolean };

/** @returns whether there are mistakes. */
type Refuse = (scope: ConfigScope, mistakes: readonly ConfigMistake[]) => boolean;

/** The other pools, as far as is known: advertisements may select them, and nothing is given out of them. */
function othersThan(good: readonly Pool[], { pools }: ConfigObjects): readonly Pool[] {
  const names = new Set(good.map(({ name }) => name));
  return pools
    .filter(({ metadata }) => !names.has(metadata.name))
    .map(({ metadata: { name, labels = {} } }) => ({
      name,
      labels,
      ranges: [],
      avoidBuggyIps: false,
      autoAssign: false,
      serviceAllocation: undefined,
    }));
}

function notRead({ what, why }: UnreadSource): ConfigMistake {
  return { path: what, line: 0, message: `cannot be read: ${why}`, transient: true };
}

/** Of a peer of the ConfigMap: what it has is either there, or too long. */
function passwordMistakeOf({ password }: BgpPeerConfig, index: number): readonly ConfigMistake[] {
  if (password !== undefined) return [];
  const message = `the password is too long, want at most ${MAX_PASSWORD_OCTETS} octets`;
  return [{ path: `peers[${index}].password`, line: 0, message }];
}

/**
 * A peer that names another Secret by now keeps its password, as all else that was good: the new one is not for it, and the
 * Secret that was is followed no more.
 *
 * @param now what was read just now, by peer.
 */
function withPasswords({ objects, passwords }: PeersInForce, now: PeersInForce["passwords"]): BgpPart {
  const peers = objects.peers.map((peer) => {
    const password = now.get(peer.name);
    if (password === undefined || password.secret !== passwords.get(peer.name)?.secret) return peer;
    return { ...peer, password: password.text };
  });
  return { ...objects, peers };
}

type PeersInForce = Pick<BgpReading, "passwords"> & { readonly objects: BgpPart };

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

/** Those of one scope for somebody to read: the first of them, and how many more there are. */
export function shortened(mistakes: readonly ConfigMistake[]): readonly ConfigMistake[] {
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
