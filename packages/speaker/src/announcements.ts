import type { AnnouncerInput } from "@herald/layer2/announcer";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import { type Decision, WITHDRAW_REASONS } from "./plan.ts";

/**
 * From decisions about Services to what the announcer is told about addresses: a shared address is announced
 * while any Service wants it, and withdrawn in the way of the last one that did.
 */
export class Announcements {
  /** Both bounded by the Services announced here. */
  readonly #addresses = new Map<ServiceKey, readonly IpAddress[]>();
  readonly #users = new Map<IpAddress, Set<ServiceKey>>();

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
    const come = after.filter((address) => this.#join(address, key));
    return [
      ...gone.map((address) => ({ type: "withdraw", address, how }) as const),
      ...come.map((address) => ({ type: "announce", address, interfaces: "all" }) as const),
    ];
  }

  /** What is announced now, in the order it began. */
  addresses(): readonly IpAddress[] {
    return [...this.#users.keys()];
  }

  /** @returns whether `key` is the first to want the address. */
  #join(address: IpAddress, key: ServiceKey): boolean {
    const users = this.#users.get(address);
    users?.add(key);
    if (users === undefined) this.#users.set(address, new Set([key]));
    return users === undefined;
  }

  /** @returns whether nobody wants the address any more. */
  #leave(address: IpAddress, key: ServiceKey): boolean {
    const users = this.#users.get(address);
    users?.delete(key);
    return users?.size === 0 && this.#users.delete(address);
  }
}
