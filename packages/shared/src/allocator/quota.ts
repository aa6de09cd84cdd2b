import type { IpAddress } from "../ip/address.ts";

/** Which addresses of a pool each namespace uses, where a quota makes that matter. */
export class Quota {
  readonly #limit: number | undefined;
  /** Services per address, by namespace; bounded by the addresses in use. Empty without a limit. */
  readonly #users = new Map<string, Map<IpAddress, number>>();

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
    return Math.max(0, this.#limit - (this.#users.get(namespace)?.size ?? 0));
  }

  /** Whether another Service of the namespace has the address, so that one more costs nothing. */
  has(namespace: string, address: IpAddress): boolean {
    return this.#users.get(namespace)?.has(address) ?? false;
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
