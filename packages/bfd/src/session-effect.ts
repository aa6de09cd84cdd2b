import type { BfdOptions } from "./options.ts";
import type { ControlPacket } from "./packet.ts";
import type { BfdDownReason, BfdDropReason } from "./reasons.ts";
import type { BfdState } from "./states.ts";

export type SessionInput =
  /** One that was found to be of this session. `bytes` are those of the packet, and no more. */
  | { readonly type: "packet"; readonly packet: ControlPacket; readonly bytes: Uint8Array }
  /** `authentication` is not among what may change here: the authenticator stays. */
  | { readonly type: "configure"; readonly options: BfdOptions }
  /** Shuts it down, and says so to the peer; RFC 5880 §6.8.16. */
  | { readonly type: "disable" }
  | { readonly type: "enable" };

export type SessionEffect =
  | { readonly type: "send"; readonly bytes: Uint8Array }
  | { readonly type: "state"; readonly from: BfdState; readonly to: BfdState }
  | Down
  | { readonly type: "drop"; readonly reason: BfdDropReason };

/** It is not up any more. Follows the state. */
export interface Down {
  readonly type: "down";
  readonly reason: BfdDownReason;
  /** The whole story in a sentence's words. */
  readonly text: string;
  /** Whether the path is broken, as far as one can tell: what goes over it should be given up. */
  readonly failed: boolean;
}
