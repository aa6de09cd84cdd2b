import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import type { ConflictEffect, ConflictInput, Epoch } from "./conflict-messages.ts";
import type { SpreadOver } from "./spread-nodes.ts";

export interface Probing {
  readonly name: "probing";
  readonly left: number;
  /** Interfaces that it began again for. */
  readonly added: ReadonlySet<string>;
  /** A speaker of ours answers, of whose claim nothing is known yet. */
  readonly answered: Answered | undefined;
}

type State =
  | Probing
  | { readonly name: "announced" }
  | { readonly name: "quarantined"; readonly by: MacAddress }
  | { readonly name: "lost"; readonly to: string; readonly epoch: Epoch };

interface Answered {
  /** The first of them did then. */
  readonly since: Instant;
  /** The last since it was begun to be asked for; `undefined`: nobody. */
  readonly last: { readonly claim: Claimed; readonly speaker: string } | undefined;
}

/** An address that this node is to hold, and how it stands. */
export interface Holding {
  readonly address: IpAddress;
  interfaces: "all" | readonly string[];
  /** Other speakers announce it, too, and are right. */
  spread: SpreadOver | undefined;
  epoch: Epoch;
  state: State;
  /** When a stranger claimed it first; what follows within the interval was not stopped by a defence. */
  strangerAt: Instant | undefined;
  reportedAt: Instant | undefined;
  /** Speakers that turned out to claim it, too, and earlier, while it was announced here; bounded by the members. */
  readonly outdone: Set<string>;
  /** Only while it is announced. */
  dispute: Dispute | undefined;
}

/** Somebody else claims what is announced here: from the first sign of it until nobody is heard any more. */
interface Dispute {
  /** The last of them. */
  readonly claim: Claimed;
  /** Its name, if it is one of ours. */
  readonly speaker: string | undefined;
  readonly heardAt: Instant;
  /** It is a conflict. Until then it may be a move of the address that this node hears of a little later. */
  readonly open: boolean;
  /** Was asked whether he answers still. */
  readonly asked: boolean;
  /** Since he was asked last, or at all. */
  readonly heard: boolean;
}

const NONE: ReadonlySet<string> = new Set();

/** Interfaces that came while it is being asked for, and for which it has begun again. */
export function addedTo({ state }: Holding): ReadonlySet<string> {
  return state.name === "probing" ? state.added : NONE;
}

export type Claimed = Extract<ConflictInput, { type: "claimed" }>;

export function newHolding({
  address,
  interfaces,
  epoch,
  spread,
}: Extract<ConflictInput, { type: "announce" }>): Holding {
  return {
    address,
    interfaces,
    spread,
    epoch,
    state: { name: "announced" },
    strangerAt: undefined,
    reportedAt: undefined,
    outdone: new Set(),
    dispute: undefined,
  };
}

export function tellAnnounce({ address, interfaces, spread }: Holding): ConflictEffect {
  const input = { type: "announce", address, interfaces } as const;
  return { type: "tell", input: spread === undefined ? input : { ...input, spread } };
}

export function tellWatch({ address, interfaces }: Holding): ConflictEffect {
  return { type: "tell", input: { type: "watch", address, interfaces } };
}

export function tellProbe(address: IpAddress): ConflictEffect {
  return { type: "tell", input: { type: "probe", address } };
}

/** Once more to everybody: some have believed another. */
export function tellAgain(address: IpAddress): ConflictEffect {
  return { type: "tell", input: { type: "defend", address } };
}

export function tellSilence(address: IpAddress): ConflictEffect {
  return { type: "tell", input: { type: "withdraw", address, how: "now" } };
}
