import { Reflector, type ReflectorOptions } from "@herald/k8s/reflector";
import type { ReflectorNotice } from "@herald/k8s/reflector-core";

/** What `notice` may hear beside the notices of a reflector. */
export type OptionalNotice =
  | ReflectorNotice
  | { readonly type: "absent" }
  /** Our roles do not allow it. */
  | { readonly type: "refused"; readonly message: string };

export interface OptionalReflectorOptions<View> extends Omit<ReflectorOptions<View>, "notice"> {
  readonly notice: (notice: OptionalNotice) => void;
}

/**
 * Follows a collection that the API server need not have, or not for us: its kind may be installed later, or our
 * roles be extended, or never. Until then it is asked for twice a minute, and that is told once. What was known
 * stays when it cannot be read any more; before a kind goes, its objects are deleted one by one, and so they go.
 */
export class OptionalReflector<View> {
  readonly #reflector: Reflector<View>;
  readonly #settled = Promise.withResolvers<void>();
  #lack: "absent" | "refused" | undefined;
  #refusals = 0; // in a row
  #isSettled = false;

  constructor({ notice, ...options }: OptionalReflectorOptions<View>) {
    this.#reflector = new Reflector<View>({ ...options, notice: (news) => this.#hear(news, notice) });
  }

  /** Whether it is known what there is, if only that there is no such kind or that we may not read it. */
  get isKnown(): boolean {
    return this.#reflector.synced || this.#isSettled;
  }

  /** `undefined` while we never could read the kind. */
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
    const lack = lackIn(news);
    if (lack === undefined) notice(news);
    else if (lack.type !== this.#lack) notice(lack);
    if (lack !== undefined || news.type === "listed") this.#lack = lack?.type;
    this.#refusals = lack?.type === "refused" ? this.#refusals + 1 : 0;
    if (lack?.type !== "absent" && this.#refusals < REFUSALS_BELIEVED) return;
    this.#isSettled = true;
    this.#settled.resolve();
  }
}

/** Why not the first: an API server that has just started refuses for a moment what the roles allow. */
const REFUSALS_BELIEVED = 3;

function lackIn(news: ReflectorNotice): Exclude<OptionalNotice, ReflectorNotice> | undefined {
  if (news.type !== "list-failed" && news.type !== "watch-failed") return undefined;
  if (news.status === 404) return { type: "absent" };
  return news.status === 403 ? { type: "refused", message: news.message } : undefined;
}
