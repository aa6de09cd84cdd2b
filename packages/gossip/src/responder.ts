import type { Application } from "./application.ts";
import type { Membership } from "./membership.ts";
import type { Ack, Endpoint, Ping } from "./message.ts";
import type { Outbox } from "./outbox.ts";
import type { Post } from "./post.ts";

export interface ResponderParts {
  /** Our name. */
  readonly name: string;
  readonly membership: Membership;
  readonly application: Application;
  readonly post: Post;
  readonly outbox: Outbox;
}

/** Answers those who ask whether we are there. */
export class Responder {
  readonly #parts: ResponderParts;
  constructor(parts: ResponderParts) {
    this.#parts = parts;
  }

  ping(ping: Ping, from: Endpoint): void {
    const { membership, post, outbox } = this.#parts;
    if (!this.#isForUs(ping)) {
      outbox.notice("wrong-target", ping.sourceNode, ping.node);
      return;
    }
    const accusation = membership.accusationOf(ping.sourceNode);
    const ack = this.#ackTo(ping);
    // Why: whoever asks is not dead. Told what we believe of him, he refutes it before it costs anything.
    post.withNews(ping.source ?? from, accusation === undefined ? [ack] : [ack, accusation]);
  }

  /** Over TCP; a ping for somebody else is closed without a word. */
  streamPing(stream: number, ping: Ping): void {
    const { outbox } = this.#parts;
    if (this.#isForUs(ping)) outbox.push({ type: "reply", stream, message: this.#ackTo(ping) });
    else outbox.push({ type: "close", stream });
  }

  #isForUs({ node }: Ping): boolean {
    return node === "" || node === this.#parts.name;
  }

  #ackTo({ sequence }: Ping): Ack {
    return { type: "ack", sequence, payload: this.#parts.application.ackPayload };
  }
}
