import type { Clock, Random } from "@herald/shared/core";
import type { V1APIResourceList } from "@kubernetes/client-node";
import { type ApiClient, ApiError } from "./api.ts";
import { backoffMs } from "./backoff.ts";
import { pause } from "./pause.ts";

/** A kind of the group metallb.io, as the API server names it: `v1beta1` and `ipaddresspools`. */
export interface CustomKind {
  readonly version: string;
  readonly plural: string;
}

export interface ServedKindsOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  /** To look for. */
  readonly wanted: readonly CustomKind[];
}

const GROUP = "metallb.io";
/** Between two looks at what is missing, ms; less half of it by chance. */
const LOOK_MS = 30_000;
/** While the API server gives no answer. */
const RETRY = { minMs: 200, maxMs: 30_000 };

/** Objects of a kind in a namespace. */
export function customPath({ version, plural }: CustomKind, namespace: string): string {
  return `/apis/${GROUP}/${version}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Which of the kinds it serves: an operator may install them long after us, or never. */
export class ServedKinds {
  readonly #options: ServedKindsOptions;
  /** By plural; bounded by what is wanted. */
  readonly #found = new Map<string, PromiseWithResolvers<void>>();
  readonly #served = new Set<string>();
  readonly #looked = Promise.withResolvers<void>();
  #isLooked = false;

  constructor(options: ServedKindsOptions) {
    this.#options = options;
    for (const { plural } of options.wanted) this.#found.set(plural, Promise.withResolvers());
  }

  has(plural: string): boolean {
    return this.#served.has(plural);
  }

  /** Whether the API server has answered for every kind. */
  get isLooked(): boolean {
    return this.#isLooked;
  }

  /** Never resolves for one that is not wanted, or never there. */
  async whenServed(plural: string): Promise<void> {
    await (this.#found.get(plural)?.promise ?? Promise.withResolvers<void>().promise);
  }

  /** Resolves once the API server has answered for every kind, whether it serves them or not. */
  whenLooked(): Promise<void> {
    return this.#looked.promise;
  }

  /** Resolves when all are there, or when aborted. Rejects only for our own bugs. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    let failures = 0;
    while (!signal.aborted && this.#missing().length > 0) {
      failures = (await this.#look(signal)) ? 0 : failures + 1;
      if (failures === 0) this.#answered();
      if (this.#missing().length === 0) return;
      const waitMs =
        failures === 0 ? LOOK_MS * (0.5 + random.next() / 2) : backoffMs(RETRY, failures, random);
      await pause(clock, waitMs, signal);
    }
  }

  #answered(): void {
    this.#isLooked = true;
    this.#looked.resolve();
  }

  #missing(): readonly CustomKind[] {
    return this.#options.wanted.filter(({ plural }) => !this.#served.has(plural));
  }

  /** @returns whether there was an answer for every kind. */
  async #look(signal: AbortSignal): Promise<boolean> {
    const missing = this.#missing();
    const answers = [...new Set(missing.map(({ version }) => version))].map(async (version) => {
      const plurals = await this.#pluralsOf(version, signal);
      for (const kind of missing) {
        if (kind.version === version && plurals?.has(kind.plural)) this.#find(kind.plural);
      }
      return plurals !== undefined;
    });
    return (await Promise.all(answers)).every((isAnswered) => isAnswered);
  }

  #find(plural: string): void {
    this.#served.add(plural);
    this.#found.get(plural)?.resolve();
  }

  /** @returns `undefined` without an answer. */
  async #pluralsOf(version: string, signal: AbortSignal): Promise<ReadonlySet<string> | undefined> {
    try {
      const path = `/apis/${GROUP}/${version}`;
      const { resources } = await this.#options.client.get<V1APIResourceList>(path, { signal });
      return new Set(resources.map(({ name }) => name));
    } catch (error) {
      if (signal.aborted) return undefined;
      if (!(error instanceof ApiError)) throw error;
      return error.status === 404 ? new Set() : undefined;
    }
  }
}
