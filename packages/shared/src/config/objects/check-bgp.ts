import type { ConfigMistake } from "../../errors.ts";
import { matchesSelector } from "../../service/label-selector.ts";
import { tooWideFor } from "../aggregation.ts";
import type { BgpPeerConfig, LabelSelector, Pool } from "../config.ts";
import { BFD_PROFILE } from "../crd/bfd-profile.ts";
import { BGP_ADVERTISEMENT } from "../crd/bgp-advertisement.ts";
import { BGP_PEER } from "../crd/bgp-peer.ts";
import { routerAndSource } from "../same-router.ts";
import type { Labelled } from "./config-objects.ts";
import { mistakeIn, placeOf } from "./parse.ts";
import { selectPools } from "./pool-selection.ts";
import type { BgpPart, BgpWish } from "./read-bgp.ts";

/**
 * What takes BGP's objects and the pools to see.
 *
 * @param nodes `undefined`: not known.
 */
export function checkBgp(
  { wishes, peers, bfdProfiles }: BgpPart,
  pools: readonly Pool[],
  nodes: readonly Labelled[] | undefined,
): readonly ConfigMistake[] {
  const matches = wishes.map((wish) => ({ wish, pools: selectPools(wish.selection, pools) }));
  return [
    ...matches.flatMap(aggregationMistakes),
    ...preferenceMistakes(matches, nodes),
    ...sameRouterMistakes(peers, nodes),
    ...echoMistakes(matches, peers, bfdProfiles),
  ];
}

interface Match {
  readonly wish: BgpWish;
  readonly pools: readonly Pool[];
}

const of = ({ advertisement: { name } }: BgpWish) => ({ kind: BGP_ADVERTISEMENT.kind, name });

function aggregationMistakes({ wish, pools }: Match): readonly ConfigMistake[] {
  return pools.flatMap((pool) =>
    tooWideFor(pool, wish.advertisement).map(({ family, length, text, prefix }) => {
      const field = family === 4 ? "aggregationLength" : "aggregationLengthV6";
      const message = `${length} is wider than "${text}" of pool "${pool.name}", want at least ${prefix}`;
      return mistakeIn(of(wish), [field], message);
    }),
  );
}

/** One for each advertisement that cannot stand beside an earlier one. */
function preferenceMistakes(
  matches: readonly Match[],
  nodes: readonly Labelled[] | undefined,
): readonly ConfigMistake[] {
  const ofAllServices = matches.filter(({ wish }) => wish.advertisement.serviceSelectors.length === 0);
  return ofAllServices.flatMap((later, index) => {
    for (const earlier of ofAllServices.slice(0, index)) {
      const pool = disputedPool(earlier, later, nodes);
      if (pool === undefined) continue;
      const mine = later.wish.advertisement.localPref ?? "none";
      const other = earlier.wish.advertisement.localPref ?? "nothing";
      const message = `${mine} for pool "${pool.name}", where ${placeOf(of(earlier.wish), ["localPref"])} says ${other} to the same routers`;
      return [mistakeIn(of(later.wish), ["localPref"], message)];
    }
    return [];
  });
}

/** A pool of which both advertise the same prefixes to some router, from some node, and disagree on LOCAL_PREF. */
function disputedPool(one: Match, other: Match, nodes: readonly Labelled[] | undefined): Pool | undefined {
  const [a, b] = [one.wish.advertisement, other.wish.advertisement];
  if (a.localPref === b.localPref || !sharesPeer(a.peers, b.peers)) return undefined;
  if (!sharesNode(a.nodeSelectors, b.nodeSelectors, nodes)) return undefined;
  const names = new Set(other.pools.map(({ name }) => name));
  return one.pools.find(
    ({ name, ranges }) =>
      names.has(name) &&
      ranges.some(({ family }) =>
        family === 4
          ? a.aggregationLength === b.aggregationLength
          : a.aggregationLengthV6 === b.aggregationLengthV6,
      ),
  );
}

function sharesPeer(one: readonly string[], other: readonly string[]): boolean {
  return one.length === 0 || other.length === 0 || one.some((name) => other.includes(name));
}

function sharesNode(
  one: readonly LabelSelector[],
  other: readonly LabelSelector[],
  nodes: readonly Labelled[] | undefined,
): boolean {
  if (nodes !== undefined) {
    const isOn = (selectors: readonly LabelSelector[], { labels }: Labelled) =>
      selectors.length === 0 || selectors.some((selector) => matchesSelector(selector, labels));
    return nodes.some((node) => isOn(one, node) && isOn(other, node));
  }
  if (one.length === 0 || other.length === 0) return true;
  const texts = new Set(one.map((selector) => JSON.stringify(selector)));
  return other.some((selector) => texts.has(JSON.stringify(selector)));
}

/** One for each peer that would be in an earlier one's way; {@link routerAndSource}. */
function sameRouterMistakes(
  peers: BgpPart["peers"],
  nodes: readonly Labelled[] | undefined,
): readonly ConfigMistake[] {
  const before = new Map<string, BgpPeerConfig[]>();
  return peers.flatMap((peer) => {
    const alike = before.get(routerAndSource(peer)) ?? [];
    before.set(routerAndSource(peer), [...alike, peer]);
    const rival = alike.find((each) => sharesNode(each.nodeSelectors, peer.nodeSelectors, nodes));
    if (rival === undefined) return [];
    const [field, router] =
      "address" in peer.remote
        ? ["peerAddress", `${peer.remote.address} port ${peer.peerPort}`]
        : ["interface", peer.remote.interface];
    const message = `${router} is the router of BGPPeer "${rival.name}" already, on the same nodes: it takes one session from each address, want another sourceAddress or other nodeSelectors`;
    return [mistakeIn({ kind: BGP_PEER.kind, name: peer.name }, [field], message)];
  });
}

/** What runs BFD for MetalLB echoes IPv4 only, so MetalLB refuses it, and so do we: going back stays possible. */
function echoMistakes(
  matches: readonly Match[],
  peers: BgpPart["peers"],
  profiles: BgpPart["bfdProfiles"],
): readonly ConfigMistake[] {
  return profiles
    .filter(({ echoMode }) => echoMode)
    .flatMap(({ name }) => {
      for (const peer of peers.filter(({ bfdProfile }) => bfdProfile === name)) {
        const told = matches.filter(({ wish }) => sharesPeer(wish.advertisement.peers, [peer.name]));
        const pool = told.flatMap(({ pools }) => pools).find(hasIpv6);
        if (pool === undefined) continue;
        const message = `BGPPeer "${peer.name}" is told of pool "${pool.name}", which has IPv6 addresses: want false`;
        return [mistakeIn({ kind: BFD_PROFILE.kind, name }, ["echoMode"], message)];
      }
      return [];
    });
}

function hasIpv6({ ranges }: Pool): boolean {
  return ranges.some(({ family }) => family === 6);
}
