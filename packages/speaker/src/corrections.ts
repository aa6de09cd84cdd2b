import type { ConditionWish } from "@herald/k8s/service-condition";
import type { Clock, Instant } from "@herald/shared/core";
import type { ConditionView, ServiceKey } from "@herald/shared/service/view";
import { ANNOUNCED, isNobodys, isSameWord, NO_SESSION, PROBING } from "./announced-condition.ts";

/** What a speaker has to do with a Service that it has said something of. */
export type Standing =
  /** Says for all why no node announces it. */
  | "spokesman"
  | "alone"
  /** Announces it with other nodes. */
  | "among-others";

/** How long a word waits that another one often follows, ms. */
export const HOLD_MS = 1_000;
/** The same for that nobody announces: speakers come to know of things at different times. */
export const NOBODY_HOLD_MS = 2_000;
/** The same for that no node has a session with a router: one that is started anew, or a speaker, has it back by then. */
const NO_SESSION_HOLD_MS = 10_000;
/** The same where it is announced, but from another node: as a rule that one takes over, and this one is behind. */
const ELSEWHERE_MS = 30_000;
/** So long nobody wrote over it, at least and by the last pause: it is said again as soon as at first, ms. */
const QUIET = { minMs: 600_000, pauses: 4 };

/** How long the word waits that nobody announces a Service, or that only BGP does, ms. */
export function nobodyHoldMs({ reason }: ConditionWish): number {
  return reason === NO_SESSION ? NO_SESSION_HOLD_MS : NOBODY_HOLD_MS;
}

/**
 * Whether what was said of a Service is to be said again over what another speaker has written there.
 *
 * @returns how long to wait first, ms at least; `undefined`: that one knows better, or as well.
 */
export function patienceMs(
  standing: Standing,
  said: ConditionWish,
  found: ConditionView,
): number | undefined {
  if (standing === "spokesman") return NOBODY_HOLD_MS;
  if (isNobodys(found)) return HOLD_MS;
  const isAnnounced = said.reason === ANNOUNCED;
  const foundAnnounced = found.status === "True";
  if (standing === "alone") return isAnnounced ? (foundAnnounced ? ELSEWHERE_MS : HOLD_MS) : undefined;
  // Each of several judges for itself, and what is wrong with one is worth more than that others serve.
  return said.status === "False" && said.reason !== PROBING && foundAnnounced ? HOLD_MS : undefined;
}

/**
 * When what was said of a Service is said again: after twice as long each time, without end. Two speakers that see the
 * cluster differently for good write over each other's words less and less often.
 */
export class Corrections {
  readonly #clock: Pick<Clock, "now">;
  /** Bounded by the Services of the cluster, the other one by those of which something is said. */
  readonly #found = new Map<ServiceKey, ConditionView>();
  readonly #pauses = new Map<ServiceKey, { readonly due: Instant; readonly pauseMs: number }>();

  constructor(clock: Pick<Clock, "now">) {
    this.#clock = clock;
  }

  /** @returns whether somebody has written since it was looked at last: else a word may still be on its way. */
  find(service: ServiceKey, found: ConditionView): boolean {
    const before = this.#found.get(service);
    this.#found.set(service, found);
    return before?.since !== found.since || !isSameWord(before, found);
  }

  /** @returns how long to wait before it is said again, ms; `undefined`: it is to be said already. */
  begin(service: ServiceKey, leastMs: number): number | undefined {
    const now = this.#clock.now();
    const before = this.#pauses.get(service);
    if (before !== undefined && now < before.due) return undefined;
    const pauseMs = Math.max(leastMs, before === undefined ? 0 : nextPause(before.pauseMs, now - before.due));
    this.#pauses.set(service, { due: now + pauseMs, pauseMs });
    return pauseMs;
  }

  /** Whether what is said has been said again. */
  isBegun(service: ServiceKey): boolean {
    return this.#pauses.has(service);
  }

  /** Something else is said, or nothing. */
  end(service: ServiceKey): void {
    this.#pauses.delete(service);
  }

  forget(service: ServiceKey): void {
    this.#found.delete(service);
    this.#pauses.delete(service);
  }
}

function nextPause(pauseMs: number, quietMs: number): number {
  return quietMs > Math.max(QUIET.minMs, QUIET.pauses * pauseMs) ? 0 : 2 * pauseMs;
}
