import type { Interface } from "@herald/layer2/announcer";
import type { Core, Instant } from "@herald/shared/core";
import type { FitInterface } from "./interface-rules.ts";

export type CapturesInput =
  /** All interfaces fit to announce on, as they are now. */
  | { readonly type: "interfaces"; readonly interfaces: readonly FitInterface[] }
  /** The answer to `open`, some time later. */
  | { readonly type: "opened"; readonly interface: string }
  /** The other answer to `open`; later, the end of a capture. */
  | { readonly type: "failed"; readonly interface: string };

export type CapturesEffect =
  | { readonly type: "open"; readonly interface: Interface }
  /** What is open or being opened; neither `opened` nor `failed` may follow. */
  | { readonly type: "close"; readonly interface: string }
  /** For the announcer: frames can be heard and sent. */
  | { readonly type: "interface-up"; readonly interface: Interface }
  | { readonly type: "interface-down"; readonly interface: string };

export interface CapturesOptions {
  /** First pause after a failure, ms; doubled by every further one, until a capture lasts as long as the next pause. */
  readonly retryMinMs: number;
  /** Longest pause, ms. */
  readonly retryMaxMs: number;
}

interface Entry {
  readonly interface: FitInterface;
  readonly state:
    | { readonly type: "opening" }
    | { readonly type: "open"; readonly since: Instant }
    | { readonly type: "waiting"; readonly due: Instant };
  readonly pauseMs: number;
}

/**
 * Keeps one capture running on every fit interface, through interfaces that come, go, come back under the
 * same name, change their MAC or refuse. An `open` is answered by `opened` or `failed`, unless `close` comes first.
 */
export class Captures implements Core<CapturesInput, CapturesEffect> {
  readonly #options: CapturesOptions;
  /** By name; bounded by the interfaces of the node. */
  readonly #entries = new Map<string, Entry>();
  constructor(options: CapturesOptions) {
    this.#options = options;
  }

  handle(input: CapturesInput, now: Instant): readonly CapturesEffect[] {
    switch (input.type) {
      case "interfaces":
        return this.#compare(input.interfaces);
      case "opened":
        return this.#opened(input.interface, now);
      case "failed":
        return this.#failed(input.interface, now);
    }
  }

  wake(now: Instant): readonly CapturesEffect[] {
    const due = [...this.#entries.values()].filter(
      ({ state }) => state.type === "waiting" && state.due <= now,
    );
    return due.map((entry) => this.#open(entry));
  }

  nextWake(): Instant | undefined {
    const dues = [...this.#entries.values()].flatMap(({ state }) =>
      state.type === "waiting" ? [state.due] : [],
    );
    return dues.length === 0 ? undefined : Math.min(...dues);
  }

  #compare(interfaces: readonly FitInterface[]): readonly CapturesEffect[] {
    const next = new Map(interfaces.map((fit) => [fit.name, fit]));
    const effects: CapturesEffect[] = [];
    for (const [name, entry] of this.#entries) {
      const fit = next.get(name);
      if (fit === undefined || !sameStation(fit, entry.interface)) {
        effects.push(...closing(entry));
        this.#entries.delete(name);
      }
    }
    for (const fit of next.values()) {
      const entry = this.#entries.get(fit.name);
      if (entry === undefined) {
        effects.push(this.#open({ interface: fit, pauseMs: this.#options.retryMinMs }));
        continue;
      }
      this.#entries.set(fit.name, { ...entry, interface: fit });
      // Why: behind a link that is back may be another switch, which must learn where the addresses are.
      if (entry.state.type === "open" && fit.operational && !entry.interface.operational) {
        effects.push({ type: "interface-down", interface: fit.name }, upEffect(fit));
      }
    }
    return effects;
  }

  #opened(name: string, now: Instant): readonly CapturesEffect[] {
    const entry = this.#entries.get(name);
    if (entry?.state.type !== "opening") return [];
    this.#entries.set(name, { ...entry, state: { type: "open", since: now } });
    return [upEffect(entry.interface)];
  }

  #failed(name: string, now: Instant): readonly CapturesEffect[] {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.state.type === "waiting") return [];
    const { retryMinMs, retryMaxMs } = this.#options;
    const wasOpen = entry.state.type === "open";
    // Why: an interface that flaps a few times must not wait long for the last time it comes back.
    const lasted = entry.state.type === "open" && now - entry.state.since >= entry.pauseMs;
    const pauseMs = lasted ? retryMinMs : entry.pauseMs;
    this.#entries.set(name, {
      interface: entry.interface,
      state: { type: "waiting", due: now + pauseMs },
      pauseMs: Math.min(2 * pauseMs, retryMaxMs),
    });
    return wasOpen ? [{ type: "interface-down", interface: name }] : [];
  }

  #open(entry: Pick<Entry, "interface" | "pauseMs">): CapturesEffect {
    const { interface: fit, pauseMs } = entry;
    this.#entries.set(fit.name, { interface: fit, pauseMs, state: { type: "opening" } });
    return { type: "open", interface: station(fit) };
  }
}

function sameStation(a: FitInterface, b: FitInterface): boolean {
  return a.index === b.index && a.mac === b.mac;
}

function closing({ interface: { name }, state }: Entry): readonly CapturesEffect[] {
  const close: CapturesEffect = { type: "close", interface: name };
  switch (state.type) {
    case "open":
      return [{ type: "interface-down", interface: name }, close];
    case "opening":
      return [close];
    case "waiting":
      return [];
  }
}

function upEffect(fit: FitInterface): CapturesEffect {
  return { type: "interface-up", interface: station(fit) };
}

function station({ name, index, mac }: FitInterface): Interface {
  return { name, index, mac };
}
