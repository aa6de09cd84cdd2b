/**
 * Sentences that are known not to be true yet, by name. Each excuses just that, and goes when its reason goes: then
 * its seeds say whether it is over.
 */
export const KNOWN_GAPS = {
  /**
   * Between the moment a parted segment is one again and the moment the speakers know it, both holders answer, and
   * defend the address once. When they meet, the older claim falls silent, but the newer one has used up its defence
   * and says nothing: who believed the older one last sends to it until its neighbour entry is probed, up to 40 s.
   */
  winnerIsSilentAfterReunion: true,
  /**
   * What a node leaves to a successor it answers for until that is heard or patience ends, also when the Service is
   * deleted meanwhile: nobody ends the yield.
   */
  yieldOutlivesService: true,
  /**
   * A drained node that took an address while it saw nobody else leaves it when it meets the others again, but has
   * the newer claim: who is to take it over falls silent for it, or has no more to say unasked, and is not heard.
   */
  drainedNodeMeetsOthers: true,
} as const;
