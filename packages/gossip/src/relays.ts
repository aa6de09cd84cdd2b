import type { Instant } from "@herald/shared/core";
import type { Endpoint, IndirectPing, Ping } from "./message.ts";
import type { SwimOptions } from "./options.ts";
import type { Post } from "./post.ts";

interface Errand {
  readonly asker: Endpoint;
  readonly askersSequence: number;
  readonly wantsNack: boolean;
  readonly due: Instant;
}

/** More at once than any crash of a rack brings; the oldest give way. */
const MAX_ERRANDS = 512;

/** The pings we send on behalf of others, who got no answer themselves. */
export class Relays {
  readonly #options: SwimOptions;
  readonly #self: { readonly name: string; readonly endpoint: Endpoint };
  readonly #post: Post;
  /** By our own sequence. All wait equally long, so the order of entry is that of time. */
  readonly #errands = new Map<number, Errand>();
  constructor(
    options: SwimOptions,
    self: { readonly name: string; readonly endpoint: Endpoint },
    post: Post,
  ) {
    this.#options = options;
    this.#self = self;
    this.#post = post;
  }

  get size(): number {
    return this.#errands.size;
  }

  /** @param sequence a fresh one of ours. */
  ask(request: IndirectPing, from: Endpoint, sequence: number, now: Instant): void {
    const { name, endpoint } = this.#self;
    const { node, target, wantsNack } = request;
    const asker = request.source ?? from;
    const due = now + this.#options.probeTimeoutMs;
    for (const oldest of this.#errands.keys()) {
      if (this.#errands.size < MAX_ERRANDS) break;
      this.#errands.delete(oldest);
    }
    this.#errands.set(sequence, { asker, askersSequence: request.sequence, wantsNack, due });
    const to = target.port === 0 ? { address: target.address, port: endpoint.port } : target;
    const ping: Ping = { type: "ping", sequence, node, source: endpoint, sourceNode: name };
    this.#post.withNews(to, [ping]);
  }

  ack(sequence: number): void {
    const errand = this.#errands.get(sequence);
    if (errand === undefined) return;
    this.#errands.delete(sequence);
    const { asker, askersSequence } = errand;
    // Why: without a payload, as from memberlist: ours would be taken for the target's, and his is not ours to pass on.
    this.#post.withNews(asker, [{ type: "ack", sequence: askersSequence, payload: new Uint8Array() }]);
  }

  wake(now: Instant): void {
    for (const [sequence, { asker, askersSequence, wantsNack, due }] of this.#errands) {
      if (due > now) return;
      this.#errands.delete(sequence);
      if (wantsNack) this.#post.withNews(asker, [{ type: "nack", sequence: askersSequence }]);
    }
  }

  nextWake(): Instant | undefined {
    for (const { due } of this.#errands.values()) return due;
    return undefined;
  }
}
