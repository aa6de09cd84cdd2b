import type { Clock } from "@herald/shared/core";
import type { ApiError, WatchEvent } from "./api.ts";
import type { Change } from "./fake-store.ts";

export interface FakeWatchOptions {
  readonly clock: Clock;
  readonly bookmarkMs: number;
  readonly timeoutMs: number;
  /** Whether events need no copy, as nobody can change what is in them. */
  readonly sharesObjects: boolean;
  /** The newest resourceVersion of the store. */
  readonly version: () => string;
  readonly select: (change: Change) => readonly WatchEvent<unknown>[];
  readonly closed: () => void;
  readonly signal: AbortSignal | undefined;
}

type End = { readonly type: "end" } | { readonly type: "fail"; readonly error: unknown };

/** One open watch on the fake. */
export class FakeWatch implements AsyncIterable<WatchEvent<unknown>> {
  readonly #options: FakeWatchOptions;
  readonly #queue: WatchEvent<unknown>[] = []; // as long as the test makes it
  #end: End | undefined;
  #silent = false;
  #arrived = Promise.withResolvers<void>();
  readonly #disarm: () => void;
  #disarmBookmark = (): void => {};

  constructor(options: FakeWatchOptions) {
    const { clock, timeoutMs, signal } = options;
    this.#options = options;
    this.#disarm = clock.at(clock.now() + timeoutMs, () => this.end());
    this.#scheduleBookmark();
    signal?.addEventListener("abort", () => this.#finish({ type: "fail", error: signal.reason }));
  }

  tell(change: Change): void {
    for (const event of this.#options.select(change)) this.push(event);
  }

  push(event: WatchEvent<unknown>): void {
    if (this.#silent || this.#end !== undefined) return;
    const isSafe = this.#options.sharesObjects || event.type === "error"; // cloning an error loses its class
    this.#queue.push(isSafe ? event : structuredClone(event));
    this.#arrived.resolve();
  }

  silence(): void {
    this.#silent = true;
  }

  end(): void {
    if (!this.#silent) this.#finish({ type: "end" });
  }

  fail(error: ApiError): void {
    this.#finish({ type: "fail", error });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent<unknown>> {
    try {
      for (;;) {
        for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) yield event;
        if (this.#end?.type === "end") return;
        if (this.#end?.type === "fail") throw this.#end.error;
        await this.#arrived.promise;
        this.#arrived = Promise.withResolvers();
      }
    } finally {
      this.#finish({ type: "end" });
    }
  }

  #finish(end: End): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#disarm();
    this.#disarmBookmark();
    this.#options.closed();
    this.#arrived.resolve();
  }

  #scheduleBookmark(): void {
    const { clock, bookmarkMs, version } = this.#options;
    this.#disarmBookmark = clock.at(clock.now() + bookmarkMs, () => {
      this.push({ type: "bookmark", resourceVersion: version() });
      this.#scheduleBookmark();
    });
  }
}
