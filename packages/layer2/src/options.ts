/** What an announcer needs to be told about time and pace. */
export interface AnnouncerOptions {
  /** How long a yielding address is still answered for while no new owner is heard, ms. */
  readonly yieldMs: number;
  /**
   * How long a foreign announcement of an address of ours counts as its new owner's, ms: the two nodes hear of a move
   * at different times, and whoever is told last has already heard the other.
   */
  readonly claimMemoryMs: number;
  /** Gap between repeats, ms. Linux keeps an ARP entry unchanged for `locktime` (1 s, arp(7)): stay above it. */
  readonly gratuitousIntervalMs: number;
  /** How often an address is announced on an interface after takeover, the first time included; at least 1. */
  readonly gratuitousRounds: number;
  /** Most gratuitous frames in any 10 ms, over all addresses and interfaces; at least 2: they go in pairs. */
  readonly gratuitousFramesPerSlot: number;
}

/**
 * MetalLB's rounds (one at once, then every 1.1 s for 5 s) at a pace that tells a whole segment of
 * 1,000 addresses within half a second.
 */
export const DEFAULT_ANNOUNCER_OPTIONS: AnnouncerOptions = {
  yieldMs: 1_000,
  claimMemoryMs: 2_000,
  gratuitousIntervalMs: 1_100,
  gratuitousRounds: 5,
  gratuitousFramesPerSlot: 40,
};
