/** One mistake in a configuration. A configuration is refused with all of its mistakes at once. */
export interface ConfigMistake {
  /**
   * Where in the document, as a person would write it: `address-pools[1].addresses[0]`; "" for the whole. In an object
   * of the API with its kind and name: `IPAddressPool default: spec.addresses[0]`.
   */
  readonly path: string;
  /** 1-based line in the YAML text; 0 when there is no text to point into. */
  readonly line: number;
  /** What is wrong and what was wanted, naming the value. */
  readonly message: string;
  /** It may mend itself: something is named that is not there yet. */
  readonly transient?: true;
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

/** Why a Service got no address, with a sentence for its owner. A closed set: it is a metric label. */
export const ALLOCATION_REASONS = {
  "no-pools": "The configuration has no address pools.",
  "unknown-pool": "The pool that is asked for does not exist.",
  "pool-refused": "The pool that is asked for, or every pool, is refused for a mistake and not in force.",
  "pool-not-allowed": "The pool that is asked for is not for Services like this one.",
  "pool-closed": "The pool is disabled for new Services: it gives nothing out any more.",
  "quota-reached": "The namespace has as many addresses of the pool as it may have.",
  "pool-exhausted": "No pool that may serve it has a free address of the family it needs.",
  "wrong-family": "What is asked for does not fit the IP families of the Service.",
  "invalid-request": "What is asked for cannot be read, or contradicts itself.",
  "address-not-in-pool": "The address that is asked for is in no pool, or not in the pool that is asked for.",
  "address-reserved": "The address is kept for another Service.",
  "address-in-use": "The address that is asked for belongs to another Service.",
  "sharing-refused": "The address is shared, and the other Services on it do not allow this one beside them.",
} as const;

export type AllocationReason = keyof typeof ALLOCATION_REASONS;

/** The user's request cannot be met. Reported on the Service, retried when something changes. */
export class AllocationError extends Error {
  override readonly name = "AllocationError";
  readonly reason: AllocationReason;
  constructor(reason: AllocationReason, message: string) {
    super(message);
    this.reason = reason;
  }
}
