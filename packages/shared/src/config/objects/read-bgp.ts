import type { z } from "zod";
import type { ConfigMistake } from "../../errors.ts";
import { tooWideFor } from "../aggregation.ts";
import { resolveCommunities } from "../build.ts";
import type { BfdProfileConfig, BgpAdvertisementConfig, BgpPeerConfig, Pool } from "../config.ts";
import { BFD_PROFILE, BfdProfileSpec } from "../crd/bfd-profile.ts";
import { BGP_ADVERTISEMENT, BgpAdvertisementSpec } from "../crd/bgp-advertisement.ts";
import type { ConfigObjects } from "./config-objects.ts";
import { mistakeInAnnotation, type Parsed, parseObjects, toSelector } from "./parse.ts";
import { namesOf, type PoolSelection, selectPools, toSelection } from "./pool-selection.ts";
import { communityMistakes, readCommunities } from "./read-communities.ts";
import { type PeerPassword, readPeers } from "./read-peers.ts";
import { readRouteRules } from "./route-rules.ts";

/** An advertisement before it is known which pools there are. */
export interface BgpWish {
  readonly selection: PoolSelection;
  readonly advertisement: Omit<BgpAdvertisementConfig, "pools">;
}

/** All of BGP that does not depend on pools. */
export interface BgpPart {
  readonly wishes: readonly BgpWish[];
  readonly peers: readonly BgpPeerConfig[];
  readonly bfdProfiles: readonly BfdProfileConfig[];
  readonly communities: Readonly<Record<string, string>>;
}

export interface BgpReading {
  readonly part: BgpPart;
  readonly mistakes: readonly ConfigMistake[];
  /** Advertisements with an alias that has several meanings, by name. */
  readonly ambiguous: ReadonlySet<string>;
  /** See PeersReading, as for the next. */
  readonly passwords: ReadonlyMap<string, PeerPassword>;
  readonly passwordMistakes: readonly ConfigMistake[];
}

export function readBgp(objects: ConfigObjects): BgpReading {
  const { communities, disputed, mistakes } = readCommunities(objects);
  const profiles = parseObjects(BFD_PROFILE, BfdProfileSpec, objects.bfdProfiles);
  const profileNames = new Set(objects.bfdProfiles.map(({ metadata }) => metadata.name));
  const { peers, mistakes: peerMistakes, ...ofPasswords } = readPeers(objects, profileNames);
  const advertisements = parseObjects(BGP_ADVERTISEMENT, BgpAdvertisementSpec, objects.bgpAdvertisements);
  return {
    ...ofPasswords,
    part: {
      wishes: advertisements.sound.map((object) => toWish(object, communities)),
      peers,
      bfdProfiles: profiles.sound.map(toProfile),
      communities: Object.fromEntries(communities),
    },
    ambiguous: new Set(
      advertisements.sound
        .filter(({ spec }) => spec.communities?.some((text) => disputed.has(text)))
        .map(({ name }) => name),
    ),
    mistakes: [
      ...mistakes,
      ...profiles.mistakes,
      ...peerMistakes,
      ...advertisements.mistakes,
      ...advertisements.sound.flatMap((object) => [
        ...communityMistakes(object, communities),
        ...readRouteRules(object.annotations).mistakes.map((each) => mistakeInAnnotation(object, each)),
      ]),
    ],
  };
}

/** Of the pools it is for, an advertisement gets those that it says nothing wrong about, come what may. */
export function grantBgp(
  wishes: readonly BgpWish[],
  pools: readonly Pool[],
): readonly BgpAdvertisementConfig[] {
  return wishes.map(({ selection, advertisement }) => {
    const selected = selectPools(selection, pools);
    const fitting = selected.filter((pool) => tooWideFor(pool, advertisement).length === 0);
    return { ...advertisement, pools: namesOf(fitting) };
  });
}

function toWish(
  { name, annotations, spec }: Parsed<z.output<typeof BgpAdvertisementSpec>>,
  aliases: ReadonlyMap<string, string>,
): BgpWish {
  const { rules } = readRouteRules(annotations);
  return {
    selection: toSelection(spec),
    advertisement: {
      name,
      nodeSelectors: (spec.nodeSelectors ?? []).map(toSelector),
      serviceSelectors: (spec.serviceSelectors ?? []).map(toSelector),
      aggregationLength: spec.aggregationLength,
      aggregationLengthV6: spec.aggregationLengthV6,
      localPref: spec.localPref || undefined,
      communities: resolveCommunities(spec.communities ?? [], aliases),
      peers: spec.peers ?? [],
      ...(rules !== undefined && { rules }),
    },
  };
}

function toProfile({ name, spec }: Parsed<z.output<typeof BfdProfileSpec>>): BfdProfileConfig {
  return {
    name,
    receiveIntervalMs: spec.receiveInterval,
    transmitIntervalMs: spec.transmitInterval,
    detectMultiplier: spec.detectMultiplier,
    echoIntervalMs: spec.echoInterval,
    echoMode: spec.echoMode ?? false,
    passiveMode: spec.passiveMode ?? false,
    minimumTtl: spec.minimumTtl,
  };
}
