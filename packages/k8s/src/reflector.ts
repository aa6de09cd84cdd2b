import type { Clock, Random } from "@herald/shared/core";
import type { ApiClient, ApiObject, Query } from "./api.ts";
import type { ReflectorNotice } from "./reflector-core.ts";

export interface ReflectorOptions<View> {
  readonly client: ApiClient;
  /** Of the collection. */
  readonly path: string;
  /** `labelSelector`, `fieldSelector`. */
  readonly query?: Query;
  /**
   * What to keep of an object; `undefined` keeps nothing, as if it did not exist. A method, so that a function of a
   * narrower object type fits: what arrives is what `path` holds.
   */
  view(object: ApiObject): View | undefined;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * These keys have appeared, changed or vanished; `get` already answers with the news. During the first list it is
   * called per page, before `synced`. What it throws ends `run`.
   */
  onChange(keys: readonly string[]): void;
  /** For logs and metrics. */
  notice?(notice: ReflectorNotice): void;
}

/** The views of one collection, kept current for as long as `run` runs, whatever the API server does. */
export class Reflector<View> {
  readonly #options: ReflectorOptions<View>;

  constructor(options: ReflectorOptions<View>) {
    this.#options = options;
  }

  /** Has one complete list been seen? Stays true while disconnected. */
  get synced(): boolean {
    throw new Error(`not yet ${this.#options.path}`);
  }

  get size(): number {
    throw new Error("not yet");
  }

  /** @param key `namespace/name`, or the name alone for objects outside namespaces. */
  get(key: string): View | undefined {
    throw new Error(`not yet ${key}`);
  }

  keys(): Iterable<string> {
    throw new Error("not yet");
  }

  values(): Iterable<View> {
    throw new Error("not yet");
  }

  /** @throws the signal's reason when aborted first. */
  whenSynced(signal?: AbortSignal): Promise<void> {
    throw new Error(`not yet ${signal}`);
  }

  /** Resolves once aborted. Rejects only with what `view`, `onChange` or `notice` threw: our own bug. */
  run(signal: AbortSignal): Promise<void> {
    throw new Error(`not yet ${signal}`);
  }
}
