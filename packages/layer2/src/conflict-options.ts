import type { IpFamily } from "@herald/shared/ip/address";

/** When to ask whether an address is free, and how long to wait for an objection. */
export interface ProbeTiming {
  /** Before the first probe waits a random time up to this, ms: nodes that start together do not ask together. */
  readonly waitMs: number;
  /** How many probes; at least 1. */
  readonly count: number;
  /** Gap between probes, random within these, ms. */
  readonly minMs: number;
  readonly maxMs: number;
  /** After the last probe, ms. */
  readonly settleMs: number;
}

/** PROBE_WAIT, PROBE_NUM, PROBE_MIN, PROBE_MAX and ANNOUNCE_WAIT: 4 to 7 s (RFC 5227 §1.1). */
export const RFC_5227_PROBES: ProbeTiming = {
  waitMs: 1_000,
  count: 3,
  minMs: 1_000,
  maxMs: 2_000,
  settleMs: 2_000,
};

/** MAX_RTR_SOLICITATION_DELAY, DupAddrDetectTransmits and RetransTimer: 1 to 2 s (RFC 4862 §5.4.2, §5.1). */
export const RFC_4862_PROBES: ProbeTiming = {
  waitMs: 1_000,
  count: 1,
  minMs: 1_000,
  maxMs: 1_000,
  settleMs: 1_000,
};

/** What a guard against two holders of one address needs to be told. */
export interface ConflictOptions {
  /** `off`: announce at once. */
  readonly probes: Readonly<Record<IpFamily, ProbeTiming>> | "off";
  /**
   * What to do about a machine that has no business with an address of ours: look away, and ask nobody before one is
   * announced; say so; or say so and defend the address, and against a machine that is no speaker of ours give it up
   * when that did not help (RFC 5227 §2.4(b)). Which of two claims of our own is the newer is settled in any case.
   */
  readonly detection: "off" | "report" | "defend";
  /** Least time between two defences of an address, ms. DEFEND_INTERVAL, 10 s (RFC 5227 §1.1). */
  readonly defendIntervalMs: number;
  /**
   * How long after a stranger's first claim further ones are its echo, ms: a gratuitous request comes with its reply,
   * on every interface of the segment. 0 is RFC 5227 to the letter.
   */
  readonly graceMs: number;
  /** Least time between two reports about an address, ms. */
  readonly reportIntervalMs: number;
  /**
   * How long a claim of another speaker waits for news of its epoch, ms: gossip may come later than the frame. It is a
   * conflict only if none has come by then and the other answers still.
   */
  readonly claimMemoryMs: number;
  /** How often somebody who was reported is asked whether he answers still, ms. Shorter than `defendIntervalMs`. */
  readonly recheckMs: number;
  /** Gap between the first probes of two addresses, ms: a node that starts with thousands asks for some at a time. */
  readonly startGapMs: number;
  /** When a quarantined address is probed again, ms. RATE_LIMIT_INTERVAL, 60 s (RFC 5227 §1.1). */
  readonly quarantineMs: number | "until-released";
  /**
   * Least time between two checks of an address that is asked for, ms; `off`: none. Who answers somebody else is not
   * heard on a switch, but would answer us, too.
   */
  readonly checkIntervalMs: number | "off";
  /** Time between two checks of any addresses, ms: each is a frame to everybody on each interface. */
  readonly checkGapMs: number;
}

/** The RFCs' rules; their times where the wire is a data centre's: an address is free after 0.4 to 0.6 s. */
export const DEFAULT_CONFLICT_OPTIONS: ConflictOptions = {
  probes: {
    4: { waitMs: 50, count: 3, minMs: 50, maxMs: 100, settleMs: 300 },
    6: { waitMs: 50, count: 2, minMs: 100, maxMs: 150, settleMs: 300 },
  },
  detection: "defend",
  defendIntervalMs: 10_000,
  graceMs: 200,
  reportIntervalMs: 10_000,
  claimMemoryMs: 2_000,
  recheckMs: 5_000,
  startGapMs: 0.5,
  quarantineMs: 60_000,
  // 1,000 addresses that are asked for all the time are looked after within a second each; no more than that a second.
  checkIntervalMs: 900,
  checkGapMs: 1,
};
