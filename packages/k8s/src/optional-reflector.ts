import { Reflector, type ReflectorOptions } from "./reflector.ts";
import type { ReflectorNotice } from "./reflector-core.ts";

/** Why a collection was never read. */
export type Lack =
  /** Its kind is not installed. */
  | { readonly type: "absent" }
  /** Our roles do not allow it. */
  | { readonly type: "refused"; readonly message: string }
  /** The API server has had no answer for {@link PATIENCE_MS}. */
  | { readonly type: "overdue"; readonly message: string };

/** What `notice` may hear beside the notices of a reflector. */
export type OptionalNotice = ReflectorNotice | Lack;

export interface OptionalReflectorOptions<View> extends Omit<ReflectorOptions<View>, "notice"> {
  readonly notice: (notice: OptionalNotice) => void;
}

/** How long the first list is waited for before all else goes on without it, ms. */
export const PATIENCE_MS = 30_000;

/** Why not the first: an API server that has just started refuses for a moment what the roles allow. */
const REFUSALS_BELIEVED = 3;

/**
 * Follows a collection that the API server need not have, or not for us: its kind may be installed later, or our roles be
 * extended, or never. Until then it is asked for twice a minute, and that is told once. Nobody waits for it for ever. What
 * was known stays when it cannot be read any more; before a kind goes, its objects are deleted one by one, and so they go.
 */
export class OptionalReflector<View> {
  readonly #options: OptionalReflectorOptions<View>;
  readonly #reflector: Reflector<View>;
  readonly #settled = Promise.withResolvers<void>();
  #lack: Lack | undefined;
  #failure = "no answer";
  #refusals = 0; // in a row
  #isSettled = false;

  constructor(options: OptionalReflectorOptions<View>) {
    this.#options = options;
    this.#reflector = new Reflector<View>({ ...options, notice: (news) => this.#hear(news) });
  }

  /** Whether it is known what there is, or that this is not to be known for now. */
  get isKnown(): boolean {
    return this.#reflector.synced || this.#isSettled;
  }

  /** Why it was never read, once that is settled. */
  get lack(): Lack | undefined {
    return this.#reflector.synced || !this.#isSettled ? undefined : this.#lack;
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
    const { clock } = this.#options;
    const cancel = clock.at(clock.now() + PATIENCE_MS, () => this.#giveUp());
    await this.#reflector.run(signal);
    cancel();
  }

  #giveUp(): void {
    if (this.isKnown) return;
    this.#lack = { type: "overdue", message: this.#failure };
    this.#options.notice(this.#lack);
    this.#settle();
  }

  #hear(news: ReflectorNotice): void {
    const lack = lackIn(news);
    if (lack === undefined) this.#options.notice(news);
    else if (lack.type !== this.#lack?.type) this.#options.notice(lack);
    if (lack !== undefined || news.type === "listed") this.#lack = lack;
    if ("message" in news) this.#failure = news.message;
    this.#refusals = lack?.type === "refused" ? this.#refusals + 1 : 0;
    if (lack?.type === "absent" || this.#refusals >= REFUSALS_BELIEVED) this.#settle();
  }

  #settle(): void {
    this.#isSettled = true;
    this.#settled.resolve();
  }
}

function lackIn(news: ReflectorNotice): Exclude<Lack, { type: "overdue" }> | undefined {
  if (news.type !== "list-failed" && news.type !== "watch-failed") return undefined;
  if (news.status === 404) return { type: "absent" };
  return news.status === 403 ? { type: "refused", message: news.message } : undefined;
}
