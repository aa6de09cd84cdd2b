import type { WantedSession } from "@herald/bfd/effect";
import type { BfdDropReason } from "@herald/bfd/reasons";
import type { Down } from "@herald/bfd/session-effect";
import type { BfdState } from "@herald/bfd/states";
import type { SessionStatus } from "@herald/bfd/status";

/** To the thread that keeps BFD sessions. */
export type ToBfd =
  /** All that there should be, from now on. */
  | { readonly type: "sessions"; readonly wanted: readonly WantedSession[] }
  /** Tell every peer that its session is shut down, then `parted`. */
  | { readonly type: "part" };

/** From it. `session` is the path's `pathKey`. */
export type FromBfd =
  | { readonly type: "state"; readonly session: string; readonly from: BfdState; readonly to: BfdState }
  /** `atMs`: when it was found out, on the clock of `process.hrtime`. */
  | (Down & { readonly session: string; readonly atMs: number })
  | ({ readonly type: "report" } & BfdReport)
  /** A socket could not be made or broke; it is tried again. Once for each new answer. */
  | { readonly type: "trouble"; readonly what: string; readonly message: string }
  /** Once, at the start: how the thread stands with the scheduler. */
  | { readonly type: "priority"; readonly priority: ThreadPriority }
  /** All peers know, or were told often enough. */
  | { readonly type: "parted" };

/** What the thread can say of itself, once a second and whenever the state of a session changes. */
export interface BfdReport {
  /** By session. */
  readonly statuses: ReadonlyMap<string, SessionStatus>;
  /** Datagrams dropped since the start. */
  readonly drops: Readonly<Record<BfdDropReason, number>>;
  /** How late the thread ran at worst since the last report, ms. */
  readonly latestMs: number;
}

/**
 * `real-time`: before everything ordinary. `high`: with most of a processor's time, and soon. `ordinary`: like everybody
 * else, because this process may not raise itself; `reason` in the system's words.
 */
export type ThreadPriority =
  | { readonly level: "real-time" | "high" }
  | { readonly level: "ordinary"; readonly reason: string };
