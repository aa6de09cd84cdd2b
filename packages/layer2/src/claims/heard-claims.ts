import type { IpAddress } from "@herald/shared/ip/address";
import type { Epoch } from "../conflict-messages.ts";
import {
  type Change,
  CLAIM_LIMITS,
  type Claim,
  type News,
  type Page,
  type Standing,
} from "./claim-messages.ts";

/** Ranges of changes heard out of turn; whatever is not remembered is asked for. */
const RANGES_MAX = 64;

/** Nothing is ever put into these: of a thousand speakers nearly all claim nothing, and need none of their own. */
const NOTHING = new Map<IpAddress, never>();
const NONE = new Set<IpAddress>();

interface Known {
  /** `undefined`: given up; kept as long as older news of the address may still come. */
  readonly epoch: Epoch | undefined;
  /** The claim was so at that version, and had been since its last change. */
  readonly version: number;
}

interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * What another speaker claims, put together from what is heard in any order, twice or not at all. Of two pieces of
 * news of one address that with the higher `to` is the later: a change that it left out would be in a higher one.
 */
export class HeardClaims {
  #life: number;
  /** Everything up to this version is known. */
  #version = 0;
  /** The highest version heard of. */
  #latest = 0;
  /** Bounded by {@link CLAIM_LIMITS}. */
  #known: Map<IpAddress, Known> = NOTHING;
  /** Those of `#known` given up. */
  #givenUp = NONE;
  /** Heard of past `#version`. */
  #ranges: Range[] = [];
  /** Claims of an earlier life: they hold until all of this one is known. */
  #earlier: ReadonlyMap<IpAddress, Epoch> | undefined;
  constructor(life: number) {
    this.#life = life;
  }

  /** As far as it is known without a gap. */
  standing(): Standing {
    return { life: this.#life, version: this.#version };
  }

  /** Whether all is known that is known to be. */
  get complete(): boolean {
    return this.#version >= this.#latest;
  }

  claims(): readonly Claim[] {
    return [...this.#epochs()].map(([address, epoch]) => ({ address, epoch }));
  }

  #epochs(): Map<IpAddress, Epoch> {
    const epochs = new Map(this.#earlier);
    for (const [address, { epoch }] of this.#known) {
      if (epoch === undefined) epochs.delete(address);
      else epochs.set(address, epoch);
    }
    return epochs;
  }

  epochOf(address: IpAddress): Epoch | undefined {
    const known = this.#known.get(address);
    return known === undefined ? this.#earlier?.get(address) : known.epoch;
  }

  /** Where the speaker says it stands. @returns what changed by that: of a new life that has no claims, all. */
  learn({ life, version }: Standing): readonly Change[] {
    if (life < this.#life) return [];
    if (life > this.#life) this.#begin(life);
    this.#latest = Math.max(this.#latest, version);
    return this.#advance();
  }

  /** @returns what changed; `undefined`: there was nothing in it that was not known. */
  takeNews(news: News): readonly Change[] | undefined {
    const { life, version, from, to, changes } = news;
    const isNewLife = life > this.#life;
    if (life < this.#life) return undefined;
    const isKnown = !isNewLife && (to <= this.#version || this.#ranges.some((range) => covers(range, news)));
    const learned = this.learn({ life, version });
    if (isKnown) return learned.length > 0 ? learned : undefined;
    const before = changes.map(({ address }) => ({ address, epoch: this.epochOf(address) }));
    for (const change of changes) this.#set(change, to);
    if (from <= this.#version) this.#version = Math.max(this.#version, to);
    else if (this.#ranges.length < RANGES_MAX) this.#ranges.push({ from, to });
    const dropped = this.#advance();
    const set = before.filter(({ address, epoch }) => this.epochOf(address) !== epoch);
    return [...learned, ...dropped, ...set.map(({ address }) => this.#now(address))];
  }

  /** @param page all claims up to its version. @returns what changed; `undefined`: it was known. */
  takePage({ life, version, claims }: Page): readonly Change[] | undefined {
    if (life < this.#life || (life === this.#life && version <= this.#version)) return undefined;
    const before = this.#epochs();
    if (life > this.#life) this.#begin(life);
    for (const [address, known] of this.#known) if (known.version <= version) this.#forget(address);
    for (const claim of claims) if (!this.#known.has(claim.address)) this.#set(claim, version);
    this.#latest = Math.max(this.#latest, version);
    this.#version = version;
    this.#advance();
    return this.#changesSince(before);
  }

  /** Thousands at a time. */
  #changesSince(before: ReadonlyMap<IpAddress, Epoch>): readonly Change[] {
    const changes: Change[] = [];
    for (const [address, { epoch }] of this.#known) {
      if (before.get(address) !== epoch) changes.push({ address, epoch });
    }
    for (const [address, epoch] of before) {
      if (!this.#known.has(address) && this.epochOf(address) !== epoch) changes.push(this.#now(address));
    }
    return changes;
  }

  #begin(life: number): void {
    this.#earlier = this.#epochs();
    this.#life = life;
    this.#version = 0;
    this.#latest = 0;
    this.#known = NOTHING;
    this.#givenUp = NONE;
    this.#ranges = [];
  }

  #set({ address, epoch }: Change, version: number): void {
    const before = this.#known.get(address);
    if (before === undefined ? this.#known.size >= CLAIM_LIMITS.claims : before.version >= version) return;
    if (this.#known === NOTHING) this.#known = new Map();
    this.#known.set(address, { epoch, version });
    if (epoch !== undefined) this.#givenUp.delete(address);
    else if (this.#givenUp === NONE) this.#givenUp = new Set([address]);
    else this.#givenUp.add(address);
  }

  #forget(address: IpAddress): void {
    this.#known.delete(address);
    this.#givenUp.delete(address);
  }

  /** Joins the ranges to what is known. @returns claims of an earlier life that are gone by that. */
  #advance(): readonly Change[] {
    let next = this.#ranges.find((range) => range.from <= this.#version);
    while (next !== undefined) {
      this.#version = Math.max(this.#version, next.to);
      this.#ranges = this.#ranges.filter((range) => range.to > this.#version);
      next = this.#ranges.find((range) => range.from <= this.#version);
    }
    const earlier = this.complete ? this.#earlier : undefined;
    if (earlier !== undefined) this.#earlier = undefined;
    const gone = [...(earlier?.keys() ?? [])].filter((address) => this.epochOf(address) === undefined);
    // Nothing older can come of what was given up by a version that is known. With an earlier life it would show again.
    if (this.#earlier === undefined) this.#tidy();
    return gone.map((address) => ({ address, epoch: undefined }));
  }

  #tidy(): void {
    for (const address of this.#givenUp) {
      if ((this.#known.get(address)?.version ?? 0) <= this.#version) this.#forget(address);
    }
  }

  #now(address: IpAddress): Change {
    return { address, epoch: this.epochOf(address) };
  }
}

function covers(range: Range, news: News): boolean {
  return range.from <= news.from && news.to <= range.to;
}
