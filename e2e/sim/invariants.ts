import type { LanHost } from "@herald/lab/lan-host";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import { ANNOUNCED_MS } from "./bounds.ts";
import type { SimNode } from "./sim-node.ts";
import type { World } from "./world.ts";

/** A sentence that must be true at any time, or from some time on. */
export interface Invariant {
  readonly name: string;
  /** Looks at the world after each step. @returns in what way it is violated. */
  check(world: World): string | undefined;
}

/** A node may still say what it said in the moment it learned better, ms. */
const SAME_MOMENT_MS = 5;

/** All of them; addresses that several nodes may answer for have others. */
export const INVARIANTS: readonly Invariant[] = [
  {
    name: "one holder: two nodes that hear each other do not both answer for an address for longer than a detection",
    check: (world) => {
      for (const address of world.holders.addresses) {
        const violation = twoHolders(world, address);
        if (violation !== undefined) return violation;
      }
      return undefined;
    },
  },
  {
    name: "held: every allocated address that a fit node can serve has a holder again once the faults are over",
    check: (world) => {
      if (world.now < world.settledAt) return undefined;
      for (const address of world.servable()) {
        if (world.holders.of(address).size === 0) return `nobody answers for ${address}`;
      }
      return undefined;
    },
  },
  {
    name: "met: nodes between which nothing is know each other alive",
    check: (world) => {
      if (world.now < world.settledAt) return undefined;
      for (const a of world.nodes) {
        for (const b of world.nodes) {
          const strangers = a !== b && a.serves && b.serves && a.knowsSince(b) === undefined;
          if (strangers) return `${a.name} does not know that ${b.name} is alive`;
        }
      }
      return undefined;
    },
  },
  {
    name: "nothing but what is allocated is answered for, as far as that speaker can know",
    check: (world) => {
      for (const address of world.holders.addresses) {
        for (const node of world.holders.of(address).keys()) {
          if (isStray(world, node, address)) return `${node.name} answers for ${address}, which nobody has`;
        }
      }
      return undefined;
    },
  },
  {
    name: "caches: every client's neighbour cache points to the holder, or nowhere, once the faults are over",
    check: (world) => {
      if (world.now < world.settledAt + world.bounds.cachesMs) return undefined;
      for (const address of world.servable()) {
        const violation = wrongCache(world, address);
        if (violation !== undefined) return violation;
      }
      return undefined;
    },
  },
  {
    name: "sticky: nothing moves from a node that is well, without its address being asked back",
    check: (world) => world.moves.without,
  },
  {
    name: "steady: whoever has an address and is well does not fall silent, whoever comes",
    check: (world) => world.moves.silence,
  },
];

function twoHolders(world: World, address: IpAddress): string | undefined {
  const holders = [...world.holders.of(address)];
  for (const [index, [a, aSince]] of holders.entries()) {
    for (const [b, bSince] of holders.slice(index + 1)) {
      const allowance = world.allowance(a, b);
      if (allowance === undefined) continue;
      const since = Math.max(aSince, bSince, allowance.from);
      if (world.now - since > allowance.forMs) {
        const lastedMs = Math.round(world.now - since);
        return `${a.name} and ${b.name} both answer for ${address} since ${lastedMs} ms with nothing in between, at most ${Math.round(allowance.forMs)} are allowed`;
      }
    }
  }
  return undefined;
}

function isStray(world: World, node: SimNode, address: IpAddress): boolean {
  const view = world.viewOf(node);
  if (view.allows(address)) return false;
  return world.now - Math.max(view.disallowedSince(address), node.wokeAt) > SAME_MOMENT_MS;
}

function wrongCache(world: World, address: IpAddress): string | undefined {
  const holders = world.holders.of(address);
  for (const client of world.clients) {
    const mac = client.neighbour(address);
    if (mac === undefined || [...holders.keys()].some((node) => node.mac === mac)) continue;
    if (missedIt(world, client, mac, address)) continue;
    return `${client.address} sends what is for ${address} to ${world.nameOf(mac)}, while ${namesOf(holders.keys()) || "nobody"} holds it`;
  }
  return undefined;
}

/**
 * All that the holder announced a client missed, cut off from it, and the one that it sends to died meanwhile. Nobody can
 * tell it: it finds out by itself, when nobody answers any more.
 */
function missedIt(world: World, client: LanHost, mac: MacAddress, address: IpAddress): boolean {
  if (world.nodes.some((node) => node.mac === mac && node.running)) return false;
  const holders = [...world.holders.of(address)];
  return holders.every(
    ([{ place }, since]) => world.topology.clearSince(client.address, place) > since + ANNOUNCED_MS,
  );
}

function namesOf(nodes: Iterable<SimNode>): string {
  return [...nodes].map(({ name }) => name).join(" and ");
}
