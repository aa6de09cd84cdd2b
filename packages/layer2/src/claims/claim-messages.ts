import type { IpAddress } from "@herald/shared/ip/address";
import type { Epoch } from "../conflict-messages.ts";

/** "I answer for this address." */
export interface Claim {
  readonly address: IpAddress;
  readonly epoch: Epoch;
}

/**
 * The epoch of a claim that says no more than "leave it to me": its speaker gave the address up to a stranger, and asks
 * for it again. Whoever answers has a newer one.
 */
export const WEAKEST: Epoch = 1;

/** What became of the claim of an address; no epoch: it is given up. */
export interface Change {
  readonly address: IpAddress;
  readonly epoch: Epoch | undefined;
}

/** Where a speaker's list of claims stands. */
export interface Standing {
  /** When the list was begun, ms since 1970 by the speaker's clock; the higher is the later. */
  readonly life: number;
  /** Changes since then. */
  readonly version: number;
}

/**
 * Every address whose last change in this life was after version `from` and up to `to`. News of one range may be
 * made at different times: what was changed again since then is left out.
 */
export interface News extends Standing {
  readonly type: "news";
  readonly speaker: string;
  readonly from: number;
  readonly to: number;
  readonly changes: readonly Change[];
}

/** Asks a speaker for what it changed since; the standing is what the asker knows of it, zeros for nothing. */
export interface Want extends Standing {
  readonly type: "want";
  readonly asker: string;
}

export type ClaimMessage = News | Want;

/** All claims of a speaker, as one that heard of them knows them. */
export interface Page extends Standing {
  readonly speaker: string;
  readonly claims: readonly Claim[];
}

/** Of two lists of one speaker: whether the first is the later. */
export function isLater(a: Standing, b: Standing): boolean {
  return a.life > b.life || (a.life === b.life && a.version > b.version);
}

/** Bounds of what is taken from the network. */
export const CLAIM_LIMITS = {
  /** The year 6429: whoever counts on from there has room to. */
  epoch: 2 ** 47,
  life: 2 ** 47,
  /** Speakers in a book, as members in the gossip. */
  speakers: 4_096,
  /** Claims of one speaker. */
  claims: 32_768,
} as const;
