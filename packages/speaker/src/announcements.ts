import type { AnnouncerInput } from "@herald/layer2/announcer";
import type { SpreadOver } from "@herald/layer2/spread-nodes";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import { type Decision, howToWithdraw } from "./plan.ts";

type Told = Extract<AnnouncerInput, { type: "announce" | "withdraw" }>;
type Interfaces = Extract<AnnouncerInput, { type: "announce" }>["interfaces"];

/**
 * From decisions about Services to what the announcer is told about addresses: a shared address is announced
 * while any Service wants it, wherever any does, and withdrawn in the way of the last one that did.
 */
export class Announcements {
  /** All bounded by the Services announced here. */
  readonly #addresses = new Map<ServiceKey, readonly IpAddress[]>();
  /** Who wants an address, and on which interfaces. */
  readonly #users = new Map<IpAddress, Map<ServiceKey, Interfaces>>();
  /** How it is announced. */
  readonly #told = new Map<IpAddress, { interfaces: Interfaces; spread: SpreadOver | undefined }>();

  /** @returns nothing when the decision is the one applied before. */
  apply(key: ServiceKey, decision: Decision): readonly Told[] {
    const before = this.#addresses.get(key) ?? [];
    const after = decision.type === "announce" ? decision.addresses : [];
    const how = decision.type === "announce" ? "now" : howToWithdraw(decision);
    if (after.length > 0) this.#addresses.set(key, after);
    else this.#addresses.delete(key);
    const gone = before
      .filter((address) => !after.includes(address))
      .flatMap((address) => this.#leave(address, key, how));
    if (decision.type === "withdraw") return gone;
    return [...gone, ...after.flatMap((address) => this.#join(address, key, decision))];
  }

  /** What is announced now, in the order it began. */
  addresses(): readonly IpAddress[] {
    return [...this.#users.keys()];
  }

  #join(
    address: IpAddress,
    key: ServiceKey,
    { interfaces, spread }: Extract<Decision, { type: "announce" }>,
  ): readonly Told[] {
    const users = this.#users.get(address) ?? new Map<ServiceKey, Interfaces>();
    this.#users.set(address, users.set(key, interfaces ?? "all"));
    return this.#tell(address, spread);
  }

  #leave(address: IpAddress, key: ServiceKey, how: "now" | "yield"): readonly Told[] {
    const users = this.#users.get(address);
    users?.delete(key);
    if (users !== undefined && users.size > 0) return this.#tell(address, this.#told.get(address)?.spread);
    this.#users.delete(address);
    this.#told.delete(address);
    return [{ type: "withdraw", address, how }];
  }

  /** Once for each new way to announce it. */
  #tell(address: IpAddress, spread: SpreadOver | undefined): readonly Told[] {
    const interfaces = unionOf(this.#users.get(address)?.values() ?? []);
    const before = this.#told.get(address);
    const isSame = before !== undefined && sameNodes(before.spread, spread);
    if (isSame && String(before.interfaces) === String(interfaces)) return [];
    this.#told.set(address, { interfaces, spread });
    return [{ type: "announce", address, interfaces, ...(spread === undefined ? {} : { spread }) }];
  }
}

function unionOf(wanted: Iterable<Interfaces>): Interfaces {
  const union = new Set<string>();
  for (const interfaces of wanted) {
    if (typeof interfaces === "string") return "all";
    for (const name of interfaces) union.add(name);
  }
  return [...union].sort();
}

function sameNodes(a: SpreadOver | undefined, b: SpreadOver | undefined): boolean {
  if (a === b) return true;
  if (a?.nodes.length !== b?.nodes.length) return false;
  return a?.nodes.every((name, index) => name === b?.nodes[index]) ?? false; // both are in order
}
