import type { IpAddress } from "../ip/address.ts";

/** Which addresses of a pool each namespace uses or has kept for it, where a quota makes that matter. */
export class Quota {
  readonly #limit: number | undefined;
  /** Services per address, by namespace; bounded by the addresses in use. Empty without a limit. */
  readonly #users = new Map<string, Map<IpAddress, number>>();
  /** Addresses that wait for a Service of the namespace, and that nobody uses; bounded by the departed. */
  readonly #awaiting = new Map<string, Set<IpAddress>>();

  /** @param limit addresses one namespace may have; `undefined`: no limit. */
  constructor(limit: number | undefined) {
    this.#limit = limit;
  }

  get limit(): number | undefined {
    return this.#limit;
  }

  /** How many addresses more the namespace may have. */
  roomOf(namespace: string): number {
    if (this.#limit === undefined) return Number.POSITIVE_INFINITY;
    const used = this.#users.get(namespace)?.size ?? 0;
    return Math.max(0, this.#limit - used - this.keptFor(namespace));
  }

  /** How many addresses wait for a Service of the namespace. */
  keptFor(namespace: string): number {
    return this.#awaiting.get(namespace)?.size ?? 0;
  }

  /** Whether another Service of the namespace has the address, so that one more costs nothing. */
  has(namespace: string, address: IpAddress): boolean {
    return this.#users.get(namespace)?.has(address) ?? false;
  }

  /** Counts an address that waits for a Service, or does so no more. Repetition changes nothing. */
  setAwaiting(namespace: string, address: IpAddress, isAwaiting: boolean): void {
    if (this.#limit === undefined) return;
    const kept = this.#awaiting.get(namespace) ?? new Set<IpAddress>();
    if (isAwaiting) this.#awaiting.set(namespace, kept.add(address));
    else if (kept.delete(address) && kept.size === 0) this.#awaiting.delete(namespace);
  }

  take(namespace: string, address: IpAddress): void {
    if (this.#limit === undefined) return;
    const users = this.#users.get(namespace) ?? new Map<IpAddress, number>();
    this.#users.set(namespace, users.set(address, (users.get(address) ?? 0) + 1));
  }

  giveBack(namespace: string, address: IpAddress): void {
    const users = this.#users.get(namespace);
    if (users === undefined) return;
    const left = (users.get(address) ?? 0) - 1;
    if (left > 0) users.set(address, left);
    else users.delete(address);
    if (users.size === 0) this.#users.delete(namespace);
  }
}
