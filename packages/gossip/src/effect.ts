import type { Member } from "./member.ts";
import type { Ack, DatagramMessage, Endpoint, Ping, PushPull, StreamMessage } from "./message.ts";
import type { SwimNotice } from "./notices.ts";

/** What became of a member: `alive` is also "no longer suspect", `updated` is new meta or a new address. */
export type MemberChange = "alive" | "suspect" | "dead" | "left" | "updated";

export type SwimInput =
  /** Enters the table and starts all timers; after `leave`: comes back. */
  | { readonly type: "start" }
  /** All places where members may be, as the API knows them now; replaces the last such list. */
  | { readonly type: "discovered"; readonly endpoints: readonly Endpoint[] }
  /** What a datagram carried, in order. */
  | { readonly type: "datagram"; readonly from: Endpoint; readonly messages: readonly DatagramMessage[] }
  /** A datagram could not be delivered, and the network says so: nobody listens, or there is no way. */
  | { readonly type: "send-failed"; readonly to: Endpoint }
  /** Somebody opened a stream to us and said this. The number is the shell's and comes back in `reply` or `close`. */
  | { readonly type: "stream-request"; readonly stream: number; readonly message: StreamMessage }
  /** The answer on a stream that we opened. */
  | { readonly type: "stream-reply"; readonly stream: number; readonly message: StreamMessage }
  /** The stream that we opened came to nothing; refused is an answer, too: the host is up. */
  | {
      readonly type: "stream-failed";
      readonly stream: number;
      readonly why: "refused" | "unreachable" | "broken";
    }
  /** What our record carries from now on; at most `MAX_META_OCTETS`. The same again says nothing to anybody. */
  | { readonly type: "update-meta"; readonly meta: Uint8Array }
  /**
   * The application tells everybody, once more each time it is put into a datagram, after news of members. Not passed on
   * by those who hear it. A later one of the same name takes the place of one still queued. At most `userOctets`.
   */
  | { readonly type: "broadcast"; readonly name: string; readonly payload: Uint8Array }
  /** The application tells one member, in one datagram that may get lost. At most `userOctets`. */
  | { readonly type: "tell"; readonly node: string; readonly payload: Uint8Array }
  /** What our acks carry from now on; empty for nothing, at most `MAX_ACK_PAYLOAD_OCTETS`. */
  | { readonly type: "ack-payload"; readonly payload: Uint8Array }
  /** The shell noticed that we did not run for so long. The core also notices by itself when its timers are late. */
  | { readonly type: "stalled"; readonly ms: number }
  /** Says good-bye; ends in `left`. Pings are answered until then and after. */
  | { readonly type: "leave" };

export type SwimEffect =
  /** One datagram; within the budget. The first message is the one that matters. */
  | { readonly type: "send"; readonly to: Endpoint; readonly messages: readonly DatagramMessage[] }
  /** Connect, send this, wait for one message. */
  | {
      readonly type: "open";
      readonly stream: number;
      readonly to: Endpoint;
      readonly message: PushPull | Ping;
    }
  /** A stream that we opened has had its time; whatever comes of it is ignored. */
  | { readonly type: "abandon"; readonly stream: number }
  /** Answers a `stream-request`, then close. */
  | { readonly type: "reply"; readonly stream: number; readonly message: PushPull | Ack }
  /** A `stream-request` that gets no answer. */
  | { readonly type: "close"; readonly stream: number }
  | { readonly type: "member"; readonly change: MemberChange; readonly member: Member }
  /** We exchanged tables with somebody for the first time since `start`, or were joined by somebody. */
  | { readonly type: "joined"; readonly via: Endpoint | undefined }
  /** The application's octets, from some member's. `from` is where the datagram came from; `undefined`: a stream. */
  | { readonly type: "told"; readonly payload: Uint8Array; readonly from: Endpoint | undefined }
  /** A member that we asked answered by itself, and its answer carries this; never empty. */
  | { readonly type: "acked"; readonly node: string; readonly payload: Uint8Array }
  /** What a table came with; never empty. `node` is whom we asked; `undefined`: somebody asked us, or we know it not. */
  | { readonly type: "state"; readonly userState: Uint8Array; readonly node: string | undefined }
  /** Our leave was told often enough, or nobody is there to hear it: the sockets can close. */
  | { readonly type: "left" }
  | {
      readonly type: "notice";
      readonly reason: SwimNotice;
      readonly node: string; // whom it is about; empty when unknown
      readonly detail: string;
    };
