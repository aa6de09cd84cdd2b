import type { Membership } from "./membership.ts";
import type { Ack, Endpoint, Ping } from "./message.ts";
import type { Outbox } from "./outbox.ts";
import type { Post } from "./post.ts";

/** Answers those who ask whether we are there. */
export class Responder {
  readonly #name: string;
  readonly #membership: Membership;
  readonly #post: Post;
  readonly #outbox: Outbox;
  constructor(name: string, membership: Membership, post: Post, outbox: Outbox) {
    this.#name = name;
    this.#membership = membership;
    this.#post = post;
    this.#outbox = outbox;
  }

  ping(ping: Ping, from: Endpoint): void {
    if (!this.#isForUs(ping)) {
      this.#outbox.notice("wrong-target", ping.sourceNode, ping.node);
      return;
    }
    const accusation = this.#membership.accusationOf(ping.sourceNode);
    // Why: whoever asks is not dead. Told what we believe of him, he refutes it before it costs anything.
    const answer = accusation === undefined ? [ackTo(ping)] : [ackTo(ping), accusation];
    this.#post.withNews(ping.source ?? from, answer);
  }

  /** Over TCP; a ping for somebody else is closed without a word. */
  streamPing(stream: number, ping: Ping): void {
    if (this.#isForUs(ping)) this.#outbox.push({ type: "reply", stream, message: ackTo(ping) });
    else this.#outbox.push({ type: "close", stream });
  }

  #isForUs({ node }: Ping): boolean {
    return node === "" || node === this.#name;
  }
}

function ackTo({ sequence }: Ping): Ack {
  return { type: "ack", sequence, payload: new Uint8Array() };
}
