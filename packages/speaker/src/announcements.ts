import type { AnnouncerInput } from "@herald/layer2/announcer";
import type { SpreadOver } from "@herald/layer2/spread-nodes";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import { type Decision, WITHDRAW_REASONS } from "./plan.ts";

/**
 * From decisions about Services to what the announcer is told about addresses: a shared address is announced
 * while any Service wants it, and withdrawn in the way of the last one that did.
 */
export class Announcements {
  /** All bounded by the Services announced here. */
  readonly #addresses = new Map<ServiceKey, readonly IpAddress[]>();
  readonly #users = new Map<IpAddress, Set<ServiceKey>>();
  /** Of the addresses that are announced together with other nodes. */
  readonly #spreads = new Map<IpAddress, SpreadOver>();

  /** @returns nothing when the decision is the one applied before. */
  apply(
    key: ServiceKey,
    decision: Decision,
  ): readonly Extract<AnnouncerInput, { type: "announce" | "withdraw" }>[] {
    const before = this.#addresses.get(key) ?? [];
    const after = decision.type === "announce" ? decision.addresses : [];
    const how = decision.type === "announce" ? "now" : WITHDRAW_REASONS[decision.reason].how;
    if (after.length > 0) this.#addresses.set(key, after);
    else this.#addresses.delete(key);
    const gone = before.filter((address) => !after.includes(address) && this.#leave(address, key));
    const spread = decision.type === "announce" ? decision.spread : undefined;
    const come = after.filter((address) => this.#join(address, key, spread));
    return [
      ...gone.map((address) => ({ type: "withdraw", address, how }) as const),
      ...come.map((address) => {
        const input = { type: "announce", address, interfaces: "all" } as const;
        return spread === undefined ? input : { ...input, spread };
      }),
    ];
  }

  /** What is announced now, in the order it began. */
  addresses(): readonly IpAddress[] {
    return [...this.#users.keys()];
  }

  /** @returns whether `key` is the first to want the address, or to want it announced together with these. */
  #join(address: IpAddress, key: ServiceKey, spread: SpreadOver | undefined): boolean {
    const users = this.#users.get(address);
    users?.add(key);
    if (users === undefined) this.#users.set(address, new Set([key]));
    const same = users !== undefined && sameNodes(this.#spreads.get(address), spread);
    if (spread === undefined) this.#spreads.delete(address);
    else this.#spreads.set(address, spread);
    return !same;
  }

  /** @returns whether nobody wants the address any more. */
  #leave(address: IpAddress, key: ServiceKey): boolean {
    const users = this.#users.get(address);
    users?.delete(key);
    if (users?.size !== 0) return false;
    this.#spreads.delete(address);
    return this.#users.delete(address);
  }
}

function sameNodes(a: SpreadOver | undefined, b: SpreadOver | undefined): boolean {
  if (a === b) return true;
  if (a?.nodes.length !== b?.nodes.length) return false;
  return a?.nodes.every((name, index) => name === b?.nodes[index]) ?? false; // both are in order
}
