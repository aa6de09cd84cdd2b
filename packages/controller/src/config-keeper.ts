import type { ConfigMapView } from "@herald/k8s/config-map";
import type { Config } from "@herald/shared/config/config";
import { ConfigError, type ConfigMistake, describeMistake } from "@herald/shared/errors";

/** What an offered ConfigMap came to. */
export type ConfigNews =
  /** It says what is in force already. */
  | { readonly type: "unchanged" }
  /** It is in force from now on. */
  | { readonly type: "loaded"; readonly config: Config; readonly source: ConfigMapView }
  /** It says again what was in force all along, after having been bad or away. */
  | { readonly type: "restored"; readonly source: ConfigMapView }
  /** It is bad: the last good one stays in force, if there ever was one. */
  | { readonly type: "refused"; readonly mistakes: readonly ConfigMistake[]; readonly source: ConfigMapView }
  /** There is none; the last good one stays in force, if there ever was one. */
  | { readonly type: "missing" };

/** Keeps the last good configuration in force, whatever becomes of the ConfigMap. */
export class ConfigKeeper {
  readonly #parse: (data: Readonly<Record<string, string>>) => Config;
  #inForce: { readonly config: Config; readonly text: string } | undefined;
  /** What the last offer said; tells news from repetition. */
  #offered: string | undefined;

  /** @param parse throws ConfigError for a bad one. */
  constructor(parse: (data: Readonly<Record<string, string>>) => Config) {
    this.#parse = parse;
  }

  /** `undefined` until a good one was offered. */
  get inForce(): Config | undefined {
    return this.#inForce?.config;
  }

  /** Whether the ConfigMap says something else than what is in force: it is bad, or gone. */
  get stale(): boolean {
    if (this.#offered === undefined) return false;
    return this.#inForce === undefined ? this.#offered !== ABSENT : this.#offered !== this.#inForce.text;
  }

  /** @param source `undefined` when there is no ConfigMap. */
  offer(source: ConfigMapView | undefined): ConfigNews {
    const text = source === undefined ? ABSENT : JSON.stringify(source.data);
    if (text === this.#offered) return { type: "unchanged" };
    this.#offered = text;
    if (source === undefined) return { type: "missing" };
    if (text === this.#inForce?.text) return { type: "restored", source };
    try {
      const config = this.#parse(source.data);
      this.#inForce = { config, text };
      return { type: "loaded", config, source };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      return { type: "refused", mistakes: error.mistakes, source };
    }
  }
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
