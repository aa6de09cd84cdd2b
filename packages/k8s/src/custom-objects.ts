import type { ConfigObject } from "@herald/shared/config/objects/config-objects";
import type { Clock, Random } from "@herald/shared/core";
import type { ApiClient, ApiObject } from "./api.ts";
import { Reflector } from "./reflector.ts";
import type { ReflectorNotice } from "./reflector-core.ts";
import { type CustomKind, customPath, type ServedKinds } from "./served-kinds.ts";

export interface CustomObjectsOptions<Plural extends string> {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  /** Runs by itself, and looks for all of `follow`. */
  readonly served: ServedKinds;
  readonly follow: readonly (CustomKind & { readonly plural: Plural })[];
  /** Something is different; many calls may come at once. */
  onChange(): void;
  notice?(plural: Plural, notice: ReflectorNotice): void;
}

/** The objects of kinds in one namespace, each followed from when the API server serves its kind. */
export class CustomObjects<Plural extends string> {
  readonly #options: CustomObjectsOptions<Plural>;
  readonly #reflectors: ReadonlyMap<Plural, Reflector<ConfigObject>>;
  /** Resolved for kinds that we may not read, or cannot. */
  readonly #forbidden: ReadonlyMap<Plural, PromiseWithResolvers<void>>;

  constructor(options: CustomObjectsOptions<Plural>) {
    this.#options = options;
    const { client, clock, random, namespace, follow } = options;
    this.#forbidden = new Map(follow.map(({ plural }) => [plural, Promise.withResolvers()]));
    this.#reflectors = new Map(
      follow.map((kind) => {
        const reflector = new Reflector<ConfigObject>({
          client,
          path: customPath(kind, namespace),
          clock,
          random,
          view: configObject,
          isSame, // statuses change often, and say nothing here
          onChange: () => options.onChange(),
          notice: (notice) => {
            // Why not found, too: a kind that is being removed is listed as served, and cannot be read.
            if (notice.type === "list-failed" && (notice.status === 403 || notice.status === 404)) {
              this.#forbidden.get(kind.plural)?.resolve();
            }
            options.notice?.(kind.plural, notice);
          },
        });
        return [kind.plural, reflector];
      }),
    );
  }

  /** Whether the API server serves any of the kinds. */
  get anyServed(): boolean {
    return this.#options.follow.some(({ plural }) => this.#options.served.has(plural));
  }

  /** @returns none while the kind is not served. */
  of(plural: Plural): readonly ConfigObject[] {
    return [...(this.#reflectors.get(plural)?.values() ?? [])];
  }

  /**
   * Resolves once every kind that is served has been seen in full; what we may not read holds nobody up.
   *
   * @throws the signal's reason when aborted first.
   */
  async whenSynced(signal: AbortSignal): Promise<void> {
    const { served } = this.#options;
    await Promise.race([served.whenLooked(), aborted(signal)]);
    for (const [plural, reflector] of this.#reflectors) {
      if (!served.has(plural)) continue;
      await Promise.race([reflector.whenSynced(signal), this.#forbidden.get(plural)?.promise]);
    }
  }

  /** Resolves when aborted. Rejects only for our own bugs. */
  async run(signal: AbortSignal): Promise<void> {
    const { served } = this.#options;
    const runs = [...this.#reflectors].map(async ([plural, reflector]) => {
      await Promise.race([served.whenServed(plural), aborted(signal).catch(() => {})]);
      await reflector.run(signal);
    });
    await Promise.all(runs);
  }
}

function isSame(before: ConfigObject, after: ConfigObject): boolean {
  return JSON.stringify(before) === JSON.stringify(after);
}

function configObject({ metadata, spec }: ApiObject & { readonly spec?: unknown }): ConfigObject {
  const { name = "", labels, annotations } = (metadata ?? {}) as Partial<ConfigObject["metadata"]>;
  return {
    metadata: {
      name,
      ...(labels === undefined ? {} : { labels }),
      ...(annotations === undefined ? {} : { annotations }),
    },
    spec,
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
