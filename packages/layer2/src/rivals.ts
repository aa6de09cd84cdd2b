import type { IpAddress } from "@herald/shared/ip/address";
import type { Epoch } from "./conflict-messages.ts";

/** What other speakers say of their claims. */
export class Rivals {
  /** By address, then by speaker; bounded by what the members of the cluster claim. */
  readonly #epochs = new Map<IpAddress, Map<string, Epoch>>();

  get(address: IpAddress, speaker: string): Epoch | undefined {
    return this.#epochs.get(address)?.get(speaker);
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
