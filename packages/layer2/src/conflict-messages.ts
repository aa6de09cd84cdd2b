import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import type { AnnouncerInput, ClaimKind } from "./announcer.ts";
import type { SpreadOver } from "./spread-nodes.ts";

/** Grows with every claim of an address in the cluster: of two claims the one with the higher is the newer. */
export type Epoch = number;

/** Of an address that this node has not claimed: older than every claim. */
export const UNCLAIMED: Epoch = 0;

export type ConflictInput =
  /**
   * An address to hold. `skip`: it is taken over from a speaker of ours, so nobody else has it. Told again, it
   * changes interfaces and epoch; after a claim was lost only a newer epoch counts.
   */
  | {
      readonly type: "announce";
      readonly address: IpAddress;
      readonly interfaces: "all" | readonly string[];
      /** {@link UNCLAIMED}: it is claimed once it is announced, and whoever claims it in the meantime has it. */
      readonly epoch: Epoch;
      readonly probe: "first" | "skip";
      /** Other speakers announce it, too: whatever these say of it is no conflict, and epochs settle nothing. */
      readonly spread?: SpreadOver;
    }
  | { readonly type: "withdraw"; readonly address: IpAddress; readonly how: "now" | "yield" }
  /** This node has claimed an address as it began to announce it. */
  | { readonly type: "claim-made"; readonly address: IpAddress; readonly epoch: Epoch }
  /** An interface that is new, or has come back: what is being probed has not been asked for there. */
  | { readonly type: "interface-added"; readonly interface: string }
  /** Somebody else claims an address; from the announcer. */
  | {
      readonly type: "claimed";
      readonly address: IpAddress;
      readonly interface: string;
      readonly by: MacAddress;
      readonly how: ClaimKind;
    }
  /** A question was answered; from the announcer. */
  | { readonly type: "answered"; readonly address: IpAddress }
  /** A yield is over; from the announcer. */
  | { readonly type: "yield-ended"; readonly address: IpAddress }
  /** Whose the interfaces of all speakers are, this one among them; replaces what was told before. It may be the same map, changed. */
  | { readonly type: "speakers"; readonly names: ReadonlyMap<MacAddress, string> }
  /**
   * Whether speakers take part that do not say which interfaces are theirs, as MetalLB's. Any machine may be one of
   * them, then: nothing is asked before it is announced, and nobody is more than reported.
   */
  | { readonly type: "foreign"; readonly present: boolean }
  /** What another speaker says of its claim; `undefined`: it has none any more. */
  | {
      readonly type: "rival";
      readonly address: IpAddress;
      readonly speaker: string;
      readonly epoch: Epoch | undefined;
    }
  /** Announces once more whatever is announced and nobody else shares: the segment may have been two. */
  | { readonly type: "say-again" }
  /** Ends a quarantine early. */
  | { readonly type: "release"; readonly address: IpAddress };

/** Who it is that has an address of ours, with what that means for the operator. */
export const CONFLICT_KINDS = {
  stranger: "A machine that is no speaker answers for the address.",
  "speaker-without-claim":
    "The node of another speaker answers for the address although that speaker does not announce it: its kernel does, because the address is configured there (kube-proxy in IPVS mode without `strictARP: true` does that), or a speaker that others take for dead.",
  "older-claim": "Another speaker goes on answering for the address although it was taken over from it.",
} as const;

export type ConflictKind = keyof typeof CONFLICT_KINDS;

export type ConflictEffect =
  /** For the announcer. */
  | { readonly type: "tell"; readonly input: AnnouncerInput }
  /** The end of probing; `undefined`: it is free. */
  | { readonly type: "probed"; readonly address: IpAddress; readonly takenBy: MacAddress | undefined }
  /** From now on the address is spoken for: follows the first `announce` that the announcer is told. */
  | { readonly type: "announcing"; readonly address: IpAddress }
  /** Another machine has an address of ours; at most once in `reportIntervalMs` for each. */
  | {
      readonly type: "conflict";
      readonly kind: ConflictKind;
      readonly address: IpAddress;
      readonly interface: string;
      readonly by: MacAddress;
      /** Its name, if it is one of ours. */
      readonly speaker: string | undefined;
    }
  /** The end of a conflict in which the address was kept: nobody else answers for it any more. */
  | { readonly type: "settled"; readonly address: IpAddress }
  | { readonly type: "defended"; readonly address: IpAddress; readonly interface: string }
  /** A newer claim of our own has it; nothing is said for it from now on. */
  | { readonly type: "lost"; readonly address: IpAddress; readonly to: string }
  /** Nothing is said for it until it is released. */
  | { readonly type: "quarantined"; readonly address: IpAddress; readonly by: MacAddress }
  | { readonly type: "released"; readonly address: IpAddress }
  /** As the announcer says it, of an address that was to yield while it was not announced. */
  | { readonly type: "yielded"; readonly address: IpAddress; readonly by: undefined };
