import type { Endpoint } from "@herald/gossip/message";

/** The sockets of the gossip: bytes in and out, no meaning. */
export interface GossipSockets {
  send(to: Endpoint, bytes: Uint8Array): void;
  /** Connects and says this; the answer comes to `onReply`. */
  dial(stream: number, to: Endpoint, bytes: Uint8Array): void;
  /** Ends a stream of ours; nothing more is heard of it. Harmless when it has ended. */
  abandon(stream: number): void;
  /** Says this on a stream that others opened, and ends it. */
  answer(stream: number, bytes: Uint8Array): void;
  /** Ends a stream that others opened. Harmless when it has ended. */
  close(stream: number): void;
  stop(): Promise<void>;
}

export interface GossipListeners {
  onDatagram(from: Endpoint, bytes: Uint8Array): void;
  /** The system would not send. */
  onSendFailed(to: Endpoint): void;
  /** Somebody opened a stream and said this, in pieces. */
  onRequest(stream: number, chunk: Uint8Array): void;
  /** He ended it, or broke it off, before it was answered. */
  onRequestEnd(stream: number): void;
  /** The answer on a stream of ours, in pieces. */
  onReply(stream: number, chunk: Uint8Array): void;
  /** The other side ended a stream of ours after having said what it had to say. */
  onReplyEnd(stream: number): void;
  onDialFailed(stream: number, why: "refused" | "unreachable" | "broken"): void;
}
