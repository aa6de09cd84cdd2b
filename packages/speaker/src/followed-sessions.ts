import { isDeepStrictEqual } from "node:util";
import type { ApiClient } from "@herald/k8s/api";
import { BGP_SESSION_STATES, type SessionView, sessionView } from "@herald/k8s/bgp-session-state";
import { type OptionalNotice, OptionalReflector, PATIENCE_MS } from "@herald/k8s/optional-reflector";
import { pause } from "@herald/k8s/pause";
import { customPath, type ServedKinds } from "@herald/k8s/served-kinds";
import { whenAborted } from "@herald/k8s/when-aborted";
import type { Clock, Random } from "@herald/shared/core";
import { type SessionNews, troublesIn, withErrorsOf } from "./session-news.ts";

/** Before they are read, ms: a speaker that has just joined may take itself for the first by name until it met the rest. */
const SURE_MS = 500;
/** After a change, for those that come with it, ms: a router that ends is news of every node. */
const SETTLE_MS = 250;
/** Before another error of a session that there was none of all the while is told, ms: every Service quotes it. */
const ERRORS_MS = 300_000;

export interface FollowedSessionsPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  /** Runs by itself, and looks for BGPSessionStates. */
  readonly served: ServedKinds;
  /** All of them, whenever there is news of any. */
  readonly tell: (news: SessionNews) => void;
  readonly notice: (notice: OptionalNotice) => void;
}

/** Follows what all nodes say of their sessions with routers, while that is wanted: only one speaker need know. */
export class FollowedSessions {
  readonly #ports: FollowedSessionsPorts;
  #wanted = Promise.withResolvers<void>();
  #end = new AbortController();
  #isWanted = false;

  constructor(ports: FollowedSessionsPorts) {
    this.#ports = ports;
  }

  /** Nothing is told any more once it is not wanted; when it is wanted again, all is told anew. */
  want(isWanted: boolean): void {
    if (isWanted === this.#isWanted) return;
    this.#isWanted = isWanted;
    if (isWanted) {
      this.#end = new AbortController();
      this.#wanted.resolve();
    } else {
      this.#wanted = Promise.withResolvers();
      this.#end.abort();
    }
  }

  /** Resolves only when aborted, rejects only for a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    const ended = whenAborted(signal);
    while (!signal.aborted) {
      await Promise.race([this.#wanted.promise, ended]);
      await follow(this.#ports, AbortSignal.any([signal, this.#end.signal]));
    }
  }
}

/** Resolves when aborted. */
async function follow(ports: FollowedSessionsPorts, signal: AbortSignal): Promise<void> {
  const { served, tell } = ports;
  const { plural } = BGP_SESSION_STATES;
  await pause(ports.clock, SURE_MS, signal);
  await Promise.race([served.whenLooked(), pause(ports.clock, PATIENCE_MS, signal)]);
  if (signal.aborted) return;
  if (!served.has(plural)) tell("unread");
  await Promise.race([served.whenServed(plural), whenAborted(signal)]);
  if (!signal.aborted) await read(ports, signal);
}

async function read(ports: FollowedSessionsPorts, signal: AbortSignal): Promise<void> {
  const { client, clock, random, namespace, tell, notice } = ports;
  let refusals = 0; // to be told of changes, since that was granted last
  // Why not the first: an API server that has just started refuses for a moment what the roles allow.
  const teller = new Teller(ports, signal, () => (refusals > 1 ? "unread" : states.values()));
  const states = new OptionalReflector<SessionView>({
    client,
    clock,
    random,
    path: customPath(BGP_SESSION_STATES, namespace),
    view: sessionView,
    isSame: isDeepStrictEqual,
    onChange: () => teller.lookSoon(),
    notice: (what) => {
      notice(what);
      if (what.type === "watching") refusals = 0;
      if (what.type === "refused") refusals += 1;
      if (LOOKED_AFTER.has(what.type)) teller.lookSoon(); // also when there is none
    },
  });
  const known = async (): Promise<void> => {
    try {
      await states.whenKnown(signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
    if (!signal.aborted && states.values() === undefined) tell("unread");
  };
  await Promise.all([known(), states.run(signal)]);
}

const LOOKED_AFTER: ReadonlySet<OptionalNotice["type"]> = new Set(["listed", "watching", "refused"]);

/** Tells of the states what is new. */
class Teller {
  readonly #ports: FollowedSessionsPorts;
  readonly #signal: AbortSignal;
  readonly #states: () => readonly SessionView[] | "unread" | undefined;
  #told: SessionNews | undefined;
  #isDue = false;
  #areErrorsDue = false;

  /** @param states `undefined` until all have been seen; "unread" while they are minutes old. */
  constructor(
    ports: FollowedSessionsPorts,
    signal: AbortSignal,
    states: () => readonly SessionView[] | "unread" | undefined,
  ) {
    this.#ports = ports;
    this.#signal = signal;
    this.#states = states;
  }

  lookSoon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#at(SETTLE_MS, () => {
      this.#isDue = false;
      this.#look();
    });
  }

  #look(): void {
    const found = this.#found();
    if (found === undefined) return;
    const before = this.#told ?? "unread";
    const news = found === "unread" || before === "unread" ? found : withErrorsOf(before, found);
    this.#tell(news);
    if (this.#areErrorsDue || isDeepStrictEqual(news, found)) return;
    this.#areErrorsDue = true;
    this.#at(ERRORS_MS, () => {
      this.#areErrorsDue = false;
      const newest = this.#found();
      if (newest !== undefined) this.#tell(newest);
    });
  }

  #found(): SessionNews | undefined {
    const states = this.#states();
    return states === undefined || states === "unread" ? states : troublesIn(states);
  }

  #tell(news: SessionNews): void {
    if (isDeepStrictEqual(news, this.#told)) return;
    this.#told = news;
    this.#ports.tell(news);
  }

  #at(inMs: number, callback: () => void): void {
    const { clock } = this.#ports;
    clock.at(clock.now() + inMs, () => {
      if (!this.#signal.aborted) callback();
    });
  }
}
