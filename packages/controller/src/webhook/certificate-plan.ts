/** Milliseconds since 1970, as certificates have it. Clocks of machines differ. */
export type EpochMs = number;

/** A certificate as far as its replacement is concerned. */
export interface Validity {
  /** SHA-256 of the certificate, or whatever else tells it from others. */
  readonly id: string;
  readonly validFrom: EpochMs;
  readonly validTo: EpochMs;
}

/** What there is to serve with, and whom callers believe. */
export interface CertificateState {
  /** Those that callers are to believe; the newest, whose key we have, first. */
  readonly authorities: readonly Validity[];
  /** `undefined`: none, or one that is of no use. */
  readonly serving: (Validity & { readonly authority: string }) | undefined;
  /** When it was seen that callers had been told of the newest authority; `undefined`: they have not. */
  readonly publishedAt: EpochMs | undefined;
}

export interface Lives {
  readonly servingMs: number;
  readonly authorityMs: number;
  /** From when an authority is published until a certificate of its is served: callers hear of it one by one. */
  readonly settleMs: number;
}

/**
 * A third of an authority's life is longer than all of what it signs. At the default of 90 days it lives for 360, and
 * has an hour to settle.
 */
export function livesOf(servingMs: number): Lives {
  return { servingMs, authorityMs: servingMs * 4, settleMs: Math.min(HOUR_MS, servingMs / 6) };
}

const HOUR_MS = 3_600_000;

export type CertificateStep =
  /** Nothing there is of any use: a new authority, a new certificate, and nobody believed but them. */
  | { readonly type: "start-over" }
  /** One more authority to believe; what is served stays. */
  | { readonly type: "add-authority" }
  /** A new certificate, by the newest authority. */
  | { readonly type: "renew" }
  /** All is well until then, unless something changes. */
  | { readonly type: "wait"; readonly until: EpochMs };

/** After this part of its life everything is replaced, so that a third is left for whatever may be in the way. */
const OLD_AFTER = 2 / 3;

/** Issued certificates are good from before their issue by so much: no caller whose clock is slow refuses them. */
export const BACKDATED_MS = HOUR_MS;

/** Whether callers take it now. A clock that was ahead once may have made what they will not take for years. */
export function isGood({ validFrom, validTo }: Validity, now: EpochMs): boolean {
  return validFrom <= now && validTo > now;
}

/** What is to be done with the certificates now. */
export function nextStep(state: CertificateState, lives: Lives, now: EpochMs): CertificateStep {
  const { serving, publishedAt = Infinity } = state;
  const newest = state.authorities[0];
  if (newest === undefined || !isGood(newest, now)) return { type: "start-over" };
  const authorityDue = newest.validTo - lives.authorityMs * (1 - OLD_AFTER);
  if (serving === undefined || !isGood(serving, now)) {
    return { type: now >= authorityDue ? "start-over" : "renew" };
  }
  if (now >= authorityDue) return { type: "add-authority" };
  // Why: whoever does not know the authority yet would refuse the certificate.
  const settledAt = publishedAt + lives.settleMs;
  const thirdLeftAt = serving.validTo - lives.servingMs * (1 - OLD_AFTER);
  const renewalDue = serving.authority === newest.id ? thirdLeftAt : settledAt;
  if (now >= renewalDue) return { type: "renew" };
  return { type: "wait", until: Math.min(renewalDue, authorityDue, serving.validTo) };
}
