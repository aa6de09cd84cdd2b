import type { ConflictKind } from "@herald/layer2/conflict-messages";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import type { AddressNews } from "./perform-layer2.ts";

/** Another machine that has an address of ours. */
export interface Intruder {
  readonly kind: ConflictKind;
  readonly by: MacAddress;
  readonly interface: string;
  /** Its node, if it is one of ours. */
  readonly node: string | undefined;
}

/** How an address stands that is to be announced here. */
export type AddressState =
  /** `intruder`: who has it already, as was found out just now. */
  | { readonly name: "probing"; readonly intruder?: Intruder }
  | { readonly name: "announced" }
  | { readonly name: "conflict"; readonly intruder: Intruder }
  /** Also while it is asked for again: it may not be free yet. */
  | { readonly name: "quarantined"; readonly intruder: Intruder }
  | { readonly name: "lost"; readonly to: string };

/** What an operator has not been told yet. */
export type AddressTurn =
  | { readonly type: "announced" | "settled" | "released" }
  | { readonly type: "conflict" | "quarantined"; readonly intruder: Intruder }
  | { readonly type: "lost"; readonly to: string };

const PROBING: AddressState = { name: "probing" };
const ANNOUNCED: AddressState = { name: "announced" };

/** From what happens to addresses to what is worth telling: each turn once, however often it is heard of. */
export class AddressStates {
  /** Both bounded by the addresses to be announced here. */
  readonly #states = new Map<IpAddress, AddressState>();
  /** Of those heard of, by how they stand. */
  readonly #counts = new Map<AddressState["name"], number>();
  /** Who was told of in the conflict that goes on: with IPVS it may be every node in turn. */
  readonly #told = new Map<IpAddress, Set<MacAddress>>();

  /** @returns what it was before it is heard of, for one that never was. */
  get(address: IpAddress): AddressState {
    return this.#states.get(address) ?? PROBING;
  }

  count(name: AddressState["name"]): number {
    return this.#counts.get(name) ?? 0;
  }

  forget(address: IpAddress): void {
    this.#set(address, undefined);
    this.#told.delete(address);
  }

  /** @returns `undefined` when it is nothing new. */
  hear(news: AddressNews): AddressTurn | undefined {
    const { address } = news;
    const before = this.get(address);
    switch (news.type) {
      case "announcing":
        this.#end(address, ANNOUNCED);
        return { type: before.name === "quarantined" ? "released" : "announced" };
      case "conflict":
        return before.name === "quarantined" ? undefined : this.#conflict(news, before);
      case "settled":
        this.#end(address, ANNOUNCED);
        return { type: "settled" };
      case "quarantined":
        return this.#quarantined(news, before);
      case "lost":
        this.#end(address, { name: "lost", to: news.to });
        return before.name === "probing" ? undefined : { type: "lost", to: news.to }; // it was not announced yet
      default:
        return undefined;
    }
  }

  #conflict(
    { address, kind, by, interface: name, speaker: node }: Extract<AddressNews, { type: "conflict" }>,
    before: AddressState,
  ): AddressTurn | undefined {
    const intruder: Intruder = { kind, by, interface: name, node };
    const told = this.#told.get(address) ?? new Set();
    const isNew = !told.has(by) && told.size < TOLD_MAX;
    if (isNew) this.#told.set(address, told.add(by));
    // Why the first one stays: where two answer in turn, what stands on the Service must not change with them.
    if (before.name === "probing") this.#set(address, { name: "probing", intruder });
    else if (before.name !== "conflict") this.#set(address, { name: "conflict", intruder });
    return isNew ? { type: "conflict", intruder } : undefined;
  }

  #quarantined(
    { address, by }: Extract<AddressNews, { type: "quarantined" }>,
    before: AddressState,
  ): AddressTurn | undefined {
    if (before.name === "quarantined") return undefined;
    const known = "intruder" in before ? before.intruder : undefined;
    const intruder: Intruder = {
      kind: "stranger",
      by,
      interface: known?.interface ?? "",
      node: undefined,
    };
    this.#end(address, { name: "quarantined", intruder });
    return { type: "quarantined", intruder };
  }

  #end(address: IpAddress, state: AddressState): void {
    this.#set(address, state);
    this.#told.delete(address);
  }

  #set(address: IpAddress, state: AddressState | undefined): void {
    const before = this.#states.get(address);
    if (before !== undefined) this.#counts.set(before.name, this.count(before.name) - 1);
    if (state === undefined) this.#states.delete(address);
    else this.#states.set(address, state);
    if (state !== undefined) this.#counts.set(state.name, this.count(state.name) + 1);
  }
}

/** Machines told of in one conflict. */
const TOLD_MAX = 16;
