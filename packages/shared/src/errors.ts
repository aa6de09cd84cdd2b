/** One mistake in a configuration. A configuration is refused with all of its mistakes at once. */
export interface ConfigMistake {
  /** Where in the document, as a person would write it: `address-pools[1].addresses[0]`; "" for the whole. */
  readonly path: string;
  /** 1-based line in the YAML text; 0 when there is no text to point into. */
  readonly line: number;
  /** What is wrong and what was wanted, naming the value. */
  readonly message: string;
}

/** The operator's mistake. The last good configuration stays in force. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** At least one, in document order. */
  readonly mistakes: readonly ConfigMistake[];
  constructor(mistakes: readonly ConfigMistake[]) {
    super(mistakes.map(describeMistake).join("; "));
    this.mistakes = mistakes;
  }
}

/** `line 4: address-pools[0].protocol: unknown protocol "layer3", want "layer2" or "bgp"` */
export function describeMistake({ line, path, message }: ConfigMistake): string {
  return [line > 0 ? `line ${line}` : "", path, message].filter((part) => part !== "").join(": ");
}

/** Why a Service got no address. A closed set: it is a metric label and the reason of a condition. */
export type AllocationReason =
  | "no-pools"
  | "unknown-pool"
  | "pool-not-allowed"
  | "pool-exhausted"
  | "wrong-family"
  | "invalid-request"
  | "address-not-in-pool"
  | "address-in-use"
  | "sharing-refused";

/** The user's request cannot be met. Reported on the Service, retried when something changes. */
export class AllocationError extends Error {
  override readonly name = "AllocationError";
  readonly reason: AllocationReason;
  constructor(reason: AllocationReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
