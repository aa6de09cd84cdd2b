import { isDeepStrictEqual } from "node:util";
import type { ConfigMapView } from "@herald/k8s/config-map";
import type { Config } from "@herald/shared/config/config";
import { ConfigSources, shortened, type UnreadSource } from "@herald/shared/config/config-sources";
import type { ConfigObjects } from "@herald/shared/config/objects/config-objects";
import { type ConfigMistake, describeMistake } from "@herald/shared/errors";

/** Both places that a configuration is written in. */
export interface ConfigOffer {
  /** `undefined` when there is none. */
  readonly configMap: ConfigMapView | undefined;
  /** `undefined` while the API server does not know the kinds. */
  readonly objects: ConfigObjects | undefined;
  /** What was never read and may be there; none unless told. */
  readonly unread?: readonly UnreadSource[];
}

/** What an offer came to, a fact at a time; nothing when all is as before. */
export type ConfigNews =
  /** It is in force from now on. `source` is the ConfigMap when it says something new. */
  | { readonly type: "loaded"; readonly config: Config; readonly source: ConfigMapView | undefined }
  /** The ConfigMap says again what was in force all along, after having been bad or away. */
  | { readonly type: "restored"; readonly source: ConfigMapView }
  /** The ConfigMap is bad: the last good one stays in force, if there ever was one. */
  | { readonly type: "refused"; readonly mistakes: readonly ConfigMistake[]; readonly source: ConfigMapView }
  /** There is no ConfigMap; the last good one stays in force, if there ever was one and there are no objects. */
  | { readonly type: "missing" }
  /** Objects are bad, or do not go with the ConfigMap: the last good pools of both stay in force. */
  | { readonly type: "pools-refused"; readonly mistakes: readonly ConfigMistake[] }
  /** The objects are good again. */
  | { readonly type: "pools-restored" };

/** Keeps the last good configuration in force, whatever becomes of its sources. */
export class ConfigKeeper {
  readonly #sources = new ConfigSources();
  #inForce: Config | undefined;
  /** What the ConfigMap said when it was last good; `undefined`: it has no part in what is in force. */
  #good: string | undefined;
  /** What the ConfigMap said last; tells news from repetition. */
  #offered: string | undefined;
  #mistakes: readonly ConfigMistake[] = [];
  #poolMistakes: readonly ConfigMistake[] = [];
  #refusedPools: readonly string[] | undefined;

  /** `undefined` until a good one was offered. */
  get inForce(): Config | undefined {
    return this.#inForce;
  }

  /** As of a ConfigOutcome. */
  get refusedPools(): readonly string[] | undefined {
    return this.#refusedPools;
  }

  /** What keeps the last offer, or a part of it, from being in force. */
  get mistakes(): readonly ConfigMistake[] {
    return [...this.#mistakes, ...this.#poolMistakes];
  }

  /** Whether the sources say something else than what is in force: one is bad, or gone. */
  get stale(): boolean {
    return this.mistakes.length > 0 || (this.#offered === ABSENT && this.#good !== undefined);
  }

  offer({ configMap, objects, unread = [] }: ConfigOffer): readonly ConfigNews[] {
    const outcome = this.#sources.offer({ configMap: configMap?.data, objects, unread });
    const { config, refused } = outcome;
    this.#refusedPools = outcome.refusedPools;
    this.#mistakes = shortened(refused.get("configmap") ?? []);
    const news = this.#newsOfConfigMap(configMap, (objects?.pools.length ?? 0) > 0);
    const poolMistakes = shortened(refused.get("pools") ?? []);
    if (!isDeepStrictEqual(poolMistakes, this.#poolMistakes)) {
      news.push(
        poolMistakes.length > 0
          ? { type: "pools-refused", mistakes: poolMistakes }
          : { type: "pools-restored" },
      );
    }
    this.#poolMistakes = poolMistakes;
    const isNew = config !== undefined && !isDeepStrictEqual(allocating(config), allocating(this.#inForce));
    this.#inForce = config;
    const restored = news.some(({ type }) => type === "restored");
    const source = this.#saysNew && poolMistakes.length === 0 && !restored ? configMap : undefined;
    if (config !== undefined && (isNew || source !== undefined))
      news.push({ type: "loaded", config, source });
    return news;
  }

  /** Whether the ConfigMap of the last offer is good and not what was good before. */
  #saysNew = false;

  #newsOfConfigMap(source: ConfigMapView | undefined, hasPools: boolean): ConfigNews[] {
    const text = source === undefined ? ABSENT : JSON.stringify(source.data);
    const isNews = text !== this.#offered;
    const isRestored = text === this.#good;
    this.#offered = text;
    this.#saysNew = false;
    if (source === undefined) {
      if (hasPools) this.#good = undefined;
      return isNews ? [{ type: "missing" }] : [];
    }
    if (this.#mistakes.length > 0)
      return isNews ? [{ type: "refused", mistakes: this.#mistakes, source }] : [];
    this.#good = text;
    this.#saysNew = isNews && !isRestored;
    return isNews && isRestored ? [{ type: "restored", source }] : [];
  }
}

/** What addresses are given out by. */
function allocating(config: Config | undefined): unknown {
  return config && [config.pools, config.unjudged];
}

const ABSENT = "absent";
const MESSAGE_LIMIT = 1024; // what an Event may carry

/** All mistakes in one text of at most 1,024 characters; those that do not fit are counted. */
export function describeMistakes(mistakes: readonly ConfigMistake[]): string {
  const lines = mistakes.map(describeMistake);
  const whole = lines.join("; ");
  if (whole.length <= MESSAGE_LIMIT) return whole;
  let kept = Math.max(1, lines.length - 1);
  const shorten = (): string => {
    const rest = lines.length - kept;
    return lines.slice(0, kept).join("; ") + (rest === 0 ? "" : `; and ${rest} more`);
  };
  while (kept > 1 && shorten().length > MESSAGE_LIMIT) kept -= 1;
  return shorten().slice(0, MESSAGE_LIMIT);
}
