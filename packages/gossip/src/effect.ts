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
  | { readonly type: "update-meta"; readonly meta: Uint8Array }
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
  /** Our leave was told often enough, or nobody is there to hear it: the sockets can close. */
  | { readonly type: "left" }
  | {
      readonly type: "notice";
      readonly reason: SwimNotice;
      readonly node: string; // whom it is about; empty when unknown
      readonly detail: string;
    };
