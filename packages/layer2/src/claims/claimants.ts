import type { IpAddress } from "@herald/shared/ip/address";
import type { Epoch } from "../conflict-messages.ts";
import { WEAKEST } from "./claim-messages.ts";

interface Seen {
  /** Greatest ever of our own claims and of others'; 0: never. */
  readonly own: Epoch;
  readonly others: Epoch;
  /** Whoever answered last gave it up to a stranger, and nobody has answered since. */
  readonly isLeft: boolean;
}

const NEVER: Seen = { own: 0, others: 0, isLeft: false };
const NOBODY: ReadonlyMap<string, Epoch> = new Map();

/** Who claims an address, and the greatest epoch that was ever seen for it. */
export class Claimants {
  readonly #self: string;
  /** Then by speaker. Bounded by what the speakers' lists hold. */
  readonly #claims = new Map<IpAddress, Map<string, Epoch>>();
  /** Bounded by the addresses in use or claimed. */
  readonly #seen = new Map<IpAddress, Seen>();
  /** Bounded by the Services of the cluster. */
  readonly #used = new Set<IpAddress>();
  constructor(self: string) {
    this.#self = self;
  }

  of(address: IpAddress): ReadonlyMap<string, Epoch> {
    return this.#claims.get(address) ?? NOBODY;
  }

  set(address: IpAddress, speaker: string, epoch: Epoch | undefined): void {
    const claims = this.#claims.get(address) ?? new Map<string, Epoch>();
    if (epoch === undefined) claims.delete(speaker);
    else claims.set(speaker, epoch);
    if (claims.size > 0) this.#claims.set(address, claims);
    else this.#claims.delete(address);
    if (epoch !== undefined) this.#see(address, speaker, epoch);
    this.#forgetUnused(address);
  }

  /** Whether some Service has the address: as long as one does, the epochs seen for it are remembered. */
  setUse(address: IpAddress, used: boolean): void {
    if (used) this.#used.add(address);
    else this.#used.delete(address);
    this.#forgetUnused(address);
  }

  /** Whether a claim of another speaker was ever seen, and the address not left to a stranger since. */
  wereOthers(address: IpAddress): boolean {
    const { others, isLeft } = this.#seenOf(address);
    return others > 0 && !isLeft;
  }

  /** Whether our own claim says that this node answers, and is newer than every other that was ever seen. */
  isOwnNewest(address: IpAddress): boolean {
    const own = this.#claims.get(address)?.get(this.#self);
    return own !== undefined && own > Math.max(WEAKEST, this.#seenOf(address).others);
  }

  /** A hybrid logical clock: the time of day, or one more than whatever was seen. */
  nextEpoch(address: IpAddress, wallMs: number): Epoch {
    const { own, others } = this.#seenOf(address);
    return Math.max(Math.floor(wallMs), own + 1, others + 1);
  }

  #see(address: IpAddress, speaker: string, epoch: Epoch): void {
    const { own, others } = this.#seenOf(address);
    const isOwn = speaker === this.#self;
    this.#seen.set(address, {
      own: isOwn ? Math.max(own, epoch) : own,
      others: isOwn ? others : Math.max(others, epoch),
      isLeft: [...this.of(address).values()].every((each) => each === WEAKEST),
    });
  }

  #seenOf(address: IpAddress): Seen {
    return this.#seen.get(address) ?? NEVER;
  }

  #forgetUnused(address: IpAddress): void {
    if (!this.#used.has(address) && !this.#claims.has(address)) this.#seen.delete(address);
  }
}
