import type { Pool } from "../config/config.ts";
import { familyOf, fromBigint, type IpAddress } from "../ip/address.ts";
import { namespaceOf, type ServiceKey, type ServiceView } from "../service/view.ts";

/**
 * What the allocator should do, said as plainly as can be: every address of every pool in a list, looked at
 * one by one. For tests to compare with, and for the benchmark to race against.
 */
export class LinearAllocator {
  #pools: readonly { readonly config: Pool; readonly addresses: readonly IpAddress[] }[] = [];
  readonly holders = new Map<ServiceKey, Holder>();
  /** Those that hold nothing and cannot be judged yet. */
  readonly kept = new Map<ServiceKey, Holder>();

  setPools(pools: readonly Pool[]): void {
    this.#pools = pools.map((config) => ({ config, addresses: listAddresses(config) }));
    this.kept.clear();
    for (const [key, { addresses }] of this.holders) {
      if (!this.#pools.some((pool) => isSubset(addresses, pool.addresses))) this.holders.delete(key);
    }
  }

  /** What of it is kept: what some pool has and nobody else who may not share it. */
  keep(view: ServiceView, addresses: readonly IpAddress[]): readonly IpAddress[] {
    const all = this.#pools.flatMap((pool) => pool.addresses);
    const mine = addresses.filter((address) => all.includes(address) && this.mayUse(view, address));
    this.kept.set(view.key, { view, addresses: mine });
    return mine;
  }

  release(key: ServiceKey): void {
    this.holders.delete(key);
    this.kept.delete(key);
  }

  /** The addresses; empty when refused. */
  hold(view: ServiceView): readonly IpAddress[] {
    this.kept.delete(view.key);
    const wanted = wantedAddresses(view);
    const held = this.holders.get(view.key)?.addresses;
    if (held !== undefined && !this.#mayStay(view, held)) {
      const part = wanted.length === 0 ? this.#partOf(view, held) : undefined;
      this.holders.delete(view.key);
      if (part !== undefined) return this.#set(view, part);
    }
    if (wanted === "garbage") return [];
    const kept = this.#kept(view, wanted);
    if (kept !== undefined) return this.#set(view, kept);
    this.holders.delete(view.key);
    const found = wanted.length > 0 ? this.#grant(view, wanted) : this.#find(view);
    return found === undefined ? [] : this.#set(view, found);
  }

  /** What it has and goes on to have, in the order it wants. */
  #kept(view: ServiceView, wanted: readonly IpAddress[]): readonly IpAddress[] | undefined {
    const held = this.holders.get(view.key)?.addresses;
    if (held === undefined) return undefined;
    const pool = this.#pools.find(({ addresses }) => isSubset(held, addresses));
    const named = view.annotations["metallb.io/address-pool"];
    if (named !== undefined && named !== pool?.config.name) return undefined;
    if (wanted.length === 0) return this.#completed(view, held);
    return isSubset(held, wanted) && isSubset(wanted, held) ? wanted : undefined;
  }

  #set(view: ServiceView, addresses: readonly IpAddress[]): readonly IpAddress[] {
    this.holders.set(view.key, { view, addresses });
    return addresses;
  }

  #mayStay(view: ServiceView, held: readonly IpAddress[]): boolean {
    const fits = combinations(view).some((families) => families === familiesIn(held));
    return fits && held.every((address) => this.mayUse(view, address));
  }

  #completed(view: ServiceView, held: readonly IpAddress[]): readonly IpAddress[] {
    const pool = this.#pools.find(({ addresses }) => isSubset(held, addresses));
    const missing = view.clusterIps.map(familyOf).filter((family) => !held.map(familyOf).includes(family));
    return [...held, ...missing.flatMap((family) => this.#lowest(view, pool?.addresses ?? [], family) ?? [])];
  }

  /** What stays of it when only the families have changed, with what is missing then. */
  #partOf(view: ServiceView, held: readonly IpAddress[]): readonly IpAddress[] | undefined {
    const pool = this.#pools.find(({ addresses }) => isSubset(held, addresses));
    const named = view.annotations["metallb.io/address-pool"];
    const families = view.clusterIps.map(familyOf);
    const staying = held.filter((address) => families.includes(familyOf(address)));
    if (staying.length === 0 || (named !== undefined && named !== pool?.config.name)) return undefined;
    const missing = families.filter((family) => !staying.map(familyOf).includes(family));
    const found = missing.map((family) => this.#lowest(view, pool?.addresses ?? [], family));
    const part = [...staying, ...found.filter((address) => address !== undefined)];
    return this.#mayStay(view, part) ? part.sort((one, other) => familyOf(one) - familyOf(other)) : undefined;
  }

  #grant(view: ServiceView, wanted: readonly IpAddress[]): readonly IpAddress[] | undefined {
    const pool = this.#pools.find(({ addresses }) => isSubset(wanted, addresses));
    const named = view.annotations["metallb.io/address-pool"];
    const right = pool !== undefined && (named === undefined || named === pool.config.name);
    const whole = combinations(view)[0] === familiesIn(wanted);
    return right && whole && wanted.every((address) => this.mayUse(view, address)) ? wanted : undefined;
  }

  #find(view: ServiceView): readonly IpAddress[] | undefined {
    const named = view.annotations["metallb.io/address-pool"];
    const pools = this.#pools.filter(({ config }) =>
      named === undefined ? config.autoAssign : config.name === named,
    );
    for (const families of combinations(view)) {
      for (const { addresses } of pools) {
        const found = [...families].map((family) => this.#lowest(view, addresses, Number(family)));
        if (found.every((address) => address !== undefined)) return found;
      }
    }
    return undefined;
  }

  #lowest(view: ServiceView, addresses: readonly IpAddress[], family: number): IpAddress | undefined {
    return addresses.find((address) => familyOf(address) === family && this.mayUse(view, address));
  }

  mayUse(view: ServiceView, address: IpAddress): boolean {
    return [...this.holders, ...this.kept].every(
      ([key, other]) => key === view.key || !other.addresses.includes(address) || mayShare(view, other.view),
    );
  }
}

interface Holder {
  readonly view: ServiceView;
  readonly addresses: readonly IpAddress[];
}

/** The sharing rule, read off its description. */
export function mayShare(one: ServiceView, other: ServiceView): boolean {
  const sharingKey = one.annotations["metallb.io/allow-shared-ip"] ?? "";
  const selector = ({ selector }: ServiceView) => JSON.stringify(Object.entries(selector).sort());
  const ports = one.ports.map(({ protocol, port }) => `${protocol}/${port}`);
  return (
    sharingKey !== "" &&
    sharingKey === other.annotations["metallb.io/allow-shared-ip"] &&
    namespaceOf(one.key) === namespaceOf(other.key) &&
    one.externalTrafficPolicy === other.externalTrafficPolicy &&
    (one.externalTrafficPolicy === "Cluster" || selector(one) === selector(other)) &&
    !other.ports.some(({ protocol, port }) => ports.includes(`${protocol}/${port}`))
  );
}

/** Sets of families that would do, best first, each as "4", "6" or "46". */
function combinations(view: ServiceView): readonly string[] {
  const families = view.clusterIps.map(familyOf).sort().join("");
  if (families !== "46") return view.ipFamilyPolicy === "RequireDualStack" ? [] : [families];
  if (view.ipFamilyPolicy === "SingleStack") return [];
  const singles = view.ipFamilies[0] === 6 ? ["6", "4"] : ["4", "6"];
  return view.ipFamilyPolicy === "RequireDualStack" ? ["46"] : ["46", ...singles];
}

function familiesIn(addresses: readonly IpAddress[]): string {
  return addresses.map(familyOf).sort().join("");
}

function wantedAddresses(view: ServiceView): readonly IpAddress[] | "garbage" {
  const text = view.annotations["metallb.io/loadBalancerIPs"];
  if (text === "garbage") return text;
  return (text?.split(",") ?? []) as unknown as readonly IpAddress[];
}

function isSubset(some: readonly string[], all: readonly string[]): boolean {
  return some.every((one) => all.includes(one));
}

function listAddresses({ ranges, avoidBuggyIps }: Pool): readonly IpAddress[] {
  return ranges
    .flatMap(({ family, first, last }) =>
      Array.from({ length: Number(last - first) + 1 }, (_, offset) =>
        fromBigint(family, first + BigInt(offset)),
      ),
    )
    .filter((address) => !(avoidBuggyIps && /\.(?:0|255)$/.test(address)));
}
