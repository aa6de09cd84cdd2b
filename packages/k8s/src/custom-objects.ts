import type { ConfigObject } from "@herald/shared/config/objects/config-objects";
import type { Clock, Random } from "@herald/shared/core";
import type { ApiClient, ApiObject } from "./api.ts";
import { type OptionalNotice, OptionalReflector, PATIENCE_MS } from "./optional-reflector.ts";
import { type CustomKind, customPath, type ServedKinds } from "./served-kinds.ts";
import { whenAborted } from "./when-aborted.ts";

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
  notice?(plural: Plural, notice: OptionalNotice): void;
}

/** A kind that is there, or may be, and was never read. */
export interface UnreadKind {
  readonly plural: string;
  readonly why: string;
}

/** The objects of kinds in one namespace, each followed from when the API server serves its kind. */
export class CustomObjects<Plural extends string> {
  readonly #options: CustomObjectsOptions<Plural>;
  readonly #reflectors: ReadonlyMap<Plural, OptionalReflector<ConfigObject>>;
  /** Whether which kinds there are was waited for long enough. */
  #isOverdue = false;

  constructor(options: CustomObjectsOptions<Plural>) {
    this.#options = options;
    const { client, clock, random, namespace, follow } = options;
    this.#reflectors = new Map(
      follow.map((kind) => {
        const reflector = new OptionalReflector<ConfigObject>({
          client,
          path: customPath(kind, namespace),
          clock,
          random,
          view: configObject,
          isSame, // statuses change often, and say nothing here
          onChange: () => options.onChange(),
          notice: (notice) => {
            options.notice?.(kind.plural, notice);
            if (notice.type === "listed") options.onChange(); // also when there is none: the kind is read now
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

  /** Those that others went on without. One that is being removed is served, and cannot be found: it is none of them. */
  get unread(): readonly UnreadKind[] {
    const { served, follow } = this.#options;
    return follow.flatMap(({ plural }) => {
      const lack = this.#reflectors.get(plural)?.lack;
      if (lack !== undefined) return lack.type === "absent" ? [] : [{ plural, why: lack.message }];
      const isUnknown = this.#isOverdue && !served.isLooked && !served.has(plural);
      return isUnknown ? [{ plural, why: "the API server does not say which kinds it has" }] : [];
    });
  }

  /** @returns none while the kind is not served. */
  of(plural: Plural): readonly ConfigObject[] {
    return this.#reflectors.get(plural)?.values() ?? [];
  }

  /**
   * Resolves once every kind that is served has been seen in full, or was waited for long enough.
   *
   * @throws the signal's reason when aborted first.
   */
  async whenSynced(signal: AbortSignal): Promise<void> {
    const { served, clock } = this.#options;
    const overdue = Promise.withResolvers<void>();
    const cancel = clock.at(clock.now() + PATIENCE_MS, overdue.resolve);
    await Promise.race([served.whenLooked(), overdue.promise, whenAborted(signal)]);
    cancel();
    signal.throwIfAborted();
    this.#isOverdue = !served.isLooked;
    for (const [plural, reflector] of this.#reflectors) {
      if (served.has(plural)) await reflector.whenKnown(signal);
    }
  }

  /** Resolves when aborted. Rejects only for our own bugs. */
  async run(signal: AbortSignal): Promise<void> {
    const { served } = this.#options;
    const runs = [...this.#reflectors].map(async ([plural, reflector]) => {
      await Promise.race([served.whenServed(plural), whenAborted(signal)]);
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
