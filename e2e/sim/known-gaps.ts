/**
 * Sentences that are known not to be true yet, by name. Each excuses just that, and goes when its reason goes: then
 * its seeds say whether it is over.
 */
export const KNOWN_GAPS = {
  /**
   * A Service that gets another address, which another node owns, leaves the one it had as if that node took it
   * over: this one is answered for until patience ends, though nobody has it (packages/speaker/src/announcements.ts).
   */
  yieldsWhatIsGone: true,
  /**
   * A node that learns of a newer claim than its own goes on answering until it hears the other on the wire, which
   * has nothing more to say unasked when its rounds are over: both answer until patience ends.
   */
  yieldsToNewerClaims: true,
} as const;

/** How long a yielding address is answered for while nobody is heard, ms: what --drain-timeout says by default. */
export const YIELD_MS = 5_000;
