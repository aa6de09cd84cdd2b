import { Reflector, type ReflectorOptions } from "@herald/k8s/reflector";
import type { ReflectorNotice } from "@herald/k8s/reflector-core";

/** What `notice` may hear beside the notices of a reflector. */
export type OptionalNotice = ReflectorNotice | { readonly type: "absent" };

export interface OptionalReflectorOptions<View> extends Omit<ReflectorOptions<View>, "notice"> {
  readonly notice: (notice: OptionalNotice) => void;
}

/**
 * Follows a collection that the API server need not have: its kind may be installed later, or never. While it is
 * absent it is asked for twice a minute, and that is told once. A kind that goes away leaves what was known of it.
 */
export class OptionalReflector<View> {
  readonly #reflector: Reflector<View>;
  readonly #settled = Promise.withResolvers<void>();
  #absent = false;

  constructor({ notice, ...options }: OptionalReflectorOptions<View>) {
    this.#reflector = new Reflector<View>({ ...options, notice: (news) => this.#hear(news, notice) });
  }

  /** Whether it is known what there is, if only that there is no such kind. */
  get isKnown(): boolean {
    return this.#reflector.synced || this.#absent;
  }

  /** `undefined` while the API server never had the kind. */
  values(): readonly View[] | undefined {
    return this.#reflector.synced ? [...this.#reflector.values()] : undefined;
  }

  /** @throws the signal's reason when aborted first. */
  async whenKnown(signal: AbortSignal): Promise<void> {
    await Promise.race([this.#reflector.whenSynced(signal), this.#settled.promise]);
    signal.throwIfAborted();
  }

  async run(signal: AbortSignal): Promise<void> {
    await this.#reflector.run(signal);
  }

  #hear(news: ReflectorNotice, notice: (notice: OptionalNotice) => void): void {
    const isAbsent = (news.type === "list-failed" || news.type === "watch-failed") && news.status === 404;
    if (isAbsent && !this.#absent) notice({ type: "absent" });
    if (!isAbsent) notice(news);
    if (isAbsent) this.#settled.resolve();
    if (isAbsent || news.type === "listed") this.#absent = isAbsent;
  }
}
