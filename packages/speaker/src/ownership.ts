import type { Epoch } from "@herald/layer2/conflict-messages";
import type { Election } from "@herald/layer2/election";
import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";

/** What a planner needs to know of the claims on addresses, its own among them. */
export interface ClaimsView {
  /** By speaker. Whoever is not alive claims nothing. */
  claimantsOf(address: IpAddress): ReadonlyMap<string, Epoch>;
  /** Whether some Service has the address. */
  setUse(address: IpAddress, used: boolean): void;
}

export interface OwnershipOptions {
  /**
   * How long a node that is first by hash, or is so again, waits until it takes an address from the one that holds it,
   * ms. 0: at once, as MetalLB does. Infinity: only when asked to.
   */
  readonly failBackMs: number;
  /**
   * How long an address that nobody claims is left to those before us by hash, ms for each: who should take it may not
   * know that it could.
   */
  readonly vacantMs: number;
}

/** Addresses that have one owner, as those of Services that share some must. */
export interface Estate {
  /** Stands for all of them in the election. */
  readonly address: IpAddress;
  readonly addresses: Iterable<IpAddress>;
  readonly candidates: ReadonlySet<string>;
  /** By candidate, how much it is preferred; whoever is missing: 0. Of equal ones the hash decides. */
  readonly weights: ReadonlyMap<string, number>;
}

interface Wait {
  /** Who holds it meanwhile; `undefined`: nobody. */
  readonly holder: string | undefined;
  readonly since: Instant;
  /** An operator wants it back now. */
  readonly asked: boolean;
}

/**
 * Who owns an address: whoever holds it, as long as it can, for moving an address breaks connections. Preference and
 * the hash decide where nobody does, and take back what they would have given, after a time of quiet or when asked to.
 */
export class Ownership {
  readonly #self: string;
  readonly #options: OwnershipOptions;
  readonly #election: Election;
  readonly #claims: ClaimsView;
  /** What this node waits for, by the address that stands for an estate. Bounded by those, as are the next two. */
  readonly #waits = new Map<IpAddress, Wait>();
  /** When to look again. All wait equally long, so the order of entry is that of time. */
  readonly #failBackDue = new Map<IpAddress, Instant>();
  readonly #vacantDue = new Map<IpAddress, Instant>();
  #counting = false;
  constructor(self: string, options: OwnershipOptions, election: Election, claims: ClaimsView) {
    this.#self = self;
    this.#options = options;
    this.#election = election;
    this.#claims = claims;
  }

  /**
   * Claims count while every speaker makes them; otherwise the hash alone decides, as it does for MetalLB's speakers.
   *
   * @returns whether that is new.
   */
  setCounting(counting: boolean): boolean {
    if (this.#counting === counting) return false;
    this.#counting = counting;
    return true;
  }

  /** @returns `undefined` where there are no candidates. */
  ownerOf(estate: Estate, now: Instant): string | undefined {
    const winner = this.#election.ownerOf(estate.address, mostPreferred(estate));
    const holder = this.#counting ? this.#holderOf(estate) : winner;
    if (holder === this.#self || !estate.candidates.has(this.#self))
      return this.#settled(estate, holder ?? winner);
    if (holder === undefined) return this.#ownerOfVacant(estate, winner, now);
    return winner === this.#self ? this.#ownerOfOurs(estate, holder, now) : this.#settled(estate, holder);
  }

  /** An operator wants back what is this node's by hash: every estate is to be looked at now. */
  askBack(): void {
    for (const [address, wait] of this.#waits) {
      if (wait.holder !== undefined) this.#waits.set(address, { ...wait, asked: true });
    }
  }

  /** @returns addresses that are to be looked at now. */
  wake(now: Instant): readonly IpAddress[] {
    return [...takeDue(this.#failBackDue, now), ...takeDue(this.#vacantDue, now)];
  }

  nextWake(): Instant | undefined {
    const [failBack] = this.#failBackDue.values();
    const [vacant] = this.#vacantDue.values();
    if (failBack === undefined || vacant === undefined) return failBack ?? vacant;
    return Math.min(failBack, vacant);
  }

  forget(address: IpAddress): void {
    this.#waits.delete(address);
    this.#failBackDue.delete(address);
    this.#vacantDue.delete(address);
  }

  /** The candidate with the newest claim: the greatest epoch, and of equal ones the greatest name. */
  #holderOf({ addresses, candidates }: Estate): string | undefined {
    let holder: string | undefined;
    let newest = 0;
    for (const address of addresses) {
      for (const [speaker, epoch] of this.#claims.claimantsOf(address)) {
        if (!candidates.has(speaker) || epoch < newest) continue;
        if (epoch === newest && holder !== undefined && speaker < holder) continue;
        [holder, newest] = [speaker, epoch];
      }
    }
    return holder;
  }

  #settled({ address }: Estate, owner: string | undefined): string | undefined {
    this.forget(address);
    return owner;
  }

  /** The hash says that it is ours, but another holds it. */
  #ownerOfOurs(estate: Estate, holder: string, now: Instant): string | undefined {
    const { address } = estate;
    const { failBackMs } = this.#options;
    const wait = this.#waitFor(address, holder, now);
    const due = wait.since + failBackMs;
    if (wait.asked || due <= now) return this.#settled(estate, this.#self);
    this.#vacantDue.delete(address);
    if (Number.isFinite(due) && !this.#failBackDue.has(address)) this.#failBackDue.set(address, due);
    return holder;
  }

  /** Nobody holds it: whoever is first by hash takes it, and where that one does not, the next. */
  #ownerOfVacant(estate: Estate, winner: string | undefined, now: Instant): string | undefined {
    const { address } = estate;
    const { vacantMs } = this.#options;
    if (winner === this.#self) return this.#settled(estate, winner);
    const { since } = this.#waitFor(address, undefined, now);
    const turn = (now - since) / vacantMs;
    this.#failBackDue.delete(address);
    if (turn >= 1 && turn >= this.#placeOf(estate)) {
      this.#vacantDue.delete(address); // the wait stays: it is this node's until somebody claims it
      return this.#self;
    }
    if (!this.#vacantDue.has(address)) this.#vacantDue.set(address, now + vacantMs);
    return winner;
  }

  /** How many candidates come before this node. */
  #placeOf({ address, candidates, weights }: Estate): number {
    const own = weights.get(this.#self) ?? 0;
    const weigh = (name: string): number => Math.sign((weights.get(name) ?? 0) - own);
    const equals = [...candidates].filter((name) => weigh(name) === 0);
    const before = [...candidates].filter((name) => weigh(name) > 0).length;
    return before + this.#election.placeOf(address, equals, this.#self);
  }

  /** Begins anew when somebody else holds it. */
  #waitFor(address: IpAddress, holder: string | undefined, now: Instant): Wait {
    const before = this.#waits.get(address);
    if (before !== undefined && before.holder === holder) return before;
    this.forget(address);
    const wait: Wait = { holder, since: now, asked: false };
    this.#waits.set(address, wait);
    return wait;
  }
}

function mostPreferred({ candidates, weights }: Estate): ReadonlySet<string> {
  if (weights.size === 0) return candidates;
  const weightOf = (name: string): number => weights.get(name) ?? 0;
  const greatest = Math.max(...[...candidates].map(weightOf));
  return new Set([...candidates].filter((name) => weightOf(name) === greatest));
}

function takeDue(queue: Map<IpAddress, Instant>, now: Instant): readonly IpAddress[] {
  const due: IpAddress[] = [];
  for (const [address, at] of queue) {
    if (at > now) break;
    queue.delete(address);
    due.push(address);
  }
  return due;
}
