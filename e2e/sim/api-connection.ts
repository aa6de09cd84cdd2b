import { type ApiClient, ApiError, type WatchEvent } from "@herald/k8s/api";
import type { Clock } from "@herald/shared/core";

/**
 * One client's way to the API server: everything takes its time, its outage is its own, and what it hears on watches
 * comes in order.
 */
export class ApiConnection {
  /** One way, ms. What is on its way already keeps its own. */
  lagMs: number;
  readonly client: ApiClient;
  readonly #clock: Clock;
  readonly #pipes = new Set<Pipe>(); // open watches
  #down = false;

  constructor(api: ApiClient, clock: Clock, lagMs: number) {
    this.lagMs = lagMs;
    this.#clock = clock;
    this.client = new Proxy(api, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== "function" || name === "close") return value;
        return (...given: unknown[]) => this.#call(target, value as Method, given);
      },
    });
  }

  /** While down, requests fail and watches are cut. */
  setDown(down: boolean): void {
    this.#down = down;
    if (down) for (const pipe of [...this.#pipes]) pipe.finish(unreachable());
  }

  async #call(target: ApiClient, method: Method, given: readonly unknown[]): Promise<unknown> {
    await this.#travel();
    const answer = await method.call(target, ...given).catch((error: unknown) => error as Error);
    await this.#travel();
    if (answer instanceof Error) throw answer;
    return isWatch(answer) ? this.#pipe(answer) : answer;
  }

  async #travel(): Promise<void> {
    if (!this.#down) {
      await new Promise<void>((resolve) => this.#clock.at(this.#clock.now() + this.lagMs, resolve));
    }
    if (this.#down) throw unreachable();
  }

  #pipe(events: AsyncIterable<Event>): Pipe {
    const pipe = new Pipe(() => this.#pipes.delete(pipe));
    this.#pipes.add(pipe);
    let due = 0;
    const later = (act: () => void): void => {
      due = Math.max(due, this.#clock.now() + this.lagMs);
      this.#clock.at(due, act);
    };
    const pump = async (): Promise<void> => {
      try {
        for await (const event of events) {
          if (pipe.ended) return;
          later(() => pipe.push(event));
        }
        later(() => pipe.finish(undefined));
      } catch (error) {
        later(() => pipe.finish(error));
      }
    };
    void pump();
    return pipe;
  }
}

type Event = WatchEvent<unknown>;
type Method = (this: ApiClient, ...given: readonly unknown[]) => Promise<unknown>;

function unreachable(): ApiError {
  return new ApiError(0, "Unreachable", "connect EHOSTUNREACH");
}

function isWatch(answer: unknown): answer is AsyncIterable<Event> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}

/** Events on their way to one reader. */
class Pipe implements AsyncIterable<Event> {
  readonly #queue: Event[] = []; // as long as the story makes it
  readonly #closed: () => void;
  #end: { readonly error: unknown } | undefined;
  #arrived = Promise.withResolvers<void>();

  constructor(closed: () => void) {
    this.#closed = closed;
  }

  get ended(): boolean {
    return this.#end !== undefined;
  }

  push(event: Event): void {
    if (this.ended) return;
    this.#queue.push(event);
    this.#arrived.resolve();
  }

  /** @param error `undefined`: the server ended it in order. */
  finish(error: unknown): void {
    if (this.ended) return;
    this.#end = { error };
    this.#closed();
    this.#arrived.resolve();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Event> {
    try {
      for (;;) {
        for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) yield event;
        if (this.#end !== undefined && this.#end.error !== undefined) throw this.#end.error;
        if (this.#end !== undefined) return;
        await this.#arrived.promise;
        this.#arrived = Promise.withResolvers();
      }
    } finally {
      this.finish(undefined);
    }
  }
}
