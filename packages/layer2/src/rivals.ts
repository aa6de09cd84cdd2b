import type { IpAddress } from "@herald/shared/ip/address";
import type { Epoch } from "./conflict-messages.ts";

/** What other speakers say of their claims. */
export class Rivals {
  /** By address, then by speaker; bounded by what the members of the cluster claim. */
  readonly #epochs = new Map<IpAddress, Map<string, Epoch>>();

  get(address: IpAddress, speaker: string): Epoch | undefined {
    return this.#epochs.get(address)?.get(speaker);
  }

  /** The newest claim of an address among theirs; `undefined`: nobody has one. */
  newest(address: IpAddress): { readonly speaker: string; readonly epoch: Epoch } | undefined {
    let newest: { readonly speaker: string; readonly epoch: Epoch } | undefined;
    for (const [speaker, epoch] of this.#epochs.get(address) ?? []) {
      const isNewer =
        newest === undefined || epoch > newest.epoch || (epoch === newest.epoch && speaker > newest.speaker);
      if (isNewer) newest = { speaker, epoch };
    }
    return newest;
  }

  /** @param epoch `undefined`: it has no claim any more. */
  set(address: IpAddress, speaker: string, epoch: Epoch | undefined): void {
    const rivals = this.#epochs.get(address) ?? new Map<string, Epoch>();
    if (epoch === undefined) rivals.delete(speaker);
    else rivals.set(speaker, epoch);
    if (rivals.size === 0) this.#epochs.delete(address);
    else this.#epochs.set(address, rivals);
  }
}
