import type { Clock, Instant } from "@herald/shared/core";
import { ApiError } from "./api.ts";

export interface LackingFieldsOptions {
  readonly clock: Clock;
  /** Told once of each field, with the API server's words. */
  readonly found?: (error: ApiError) => void;
}

/** How the API server refuses to apply what a definition does not know: it names one such field or more, in any order. */
const UNDECLARED = /\.status\.(\w+)[^\s:]*: field not declared in schema/g;
/** Somebody may have installed a newer definition by then, ms. */
const BELIEVED_MS = 300_000;

/**
 * What the installed definition of a kind lacks of the status we write: those of other versions are older than we are.
 * The ServiceL2Status of MetalLB 0.14.4 and 0.14.5 knows no `serviceName`.
 */
export class LackingFields {
  readonly #options: LackingFieldsOptions;
  /** Until when each is taken to lack; bounded by the fields that we write. */
  readonly #lacking = new Map<string, Instant>();

  constructor(options: LackingFieldsOptions) {
    this.#options = options;
  }

  /** What of the status can be written. */
  within(status: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    const now = this.#options.clock.now();
    const fields = Object.entries(status);
    return Object.fromEntries(fields.filter(([field]) => now >= (this.#lacking.get(field) ?? now)));
  }

  /**
   * @param said what the API server refused to write.
   * @returns whether it did so for a lack of fields: what is within the status now may do.
   */
  learn(error: unknown, said: Readonly<Record<string, unknown>>): boolean {
    if (!(error instanceof ApiError)) return false;
    const fields = [...error.message.matchAll(UNDECLARED)].map(([, field = ""]) => field);
    const refused = fields.filter((field) => Object.hasOwn(said, field));
    if (refused.some((field) => !this.#lacking.has(field))) this.#options.found?.(error);
    for (const field of refused) this.#lacking.set(field, this.#options.clock.now() + BELIEVED_MS);
    return refused.length > 0;
  }
}
