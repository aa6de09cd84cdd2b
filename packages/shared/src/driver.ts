import type { Clock, Core, Instant } from "./core.ts";

/**
 * Runs a core on a clock: the only place where protocol time becomes a timer. Inputs that arrive while an
 * effect is being performed wait their turn, so a core is never entered twice at once.
 *
 * @param perform carries out one effect. Only a fault of ours may throw out of it; an expected failure
 *   (a full socket buffer, an interface that vanished) is caught there and fed back as an input.
 * @returns `feed` hands the core an input; `stop` disarms the timer and drops whatever comes later.
 */
export function drive<Input, Effect>(
  core: Core<Input, Effect>,
  clock: Clock,
  perform: (effect: Effect) => void,
): Driven<Input> {
  const inbox: Input[] = []; // drained before `feed` returns; bounded by what one effect feeds back
  let running = false;
  let stopped = false;
  let armed: Instant | undefined;
  let disarm = (): void => {};

  const settle = (first: () => readonly Effect[]): void => {
    running = true;
    for (const effect of first()) perform(effect);
    for (let input = inbox.shift(); input !== undefined; input = inbox.shift()) {
      for (const effect of core.handle(input, clock.now())) perform(effect);
    }
    running = false;
    if (!stopped) arm(core.nextWake());
  };

  const arm = (due: Instant | undefined): void => {
    // Why: a timer that is set anew by each of many inputs is one that never rings.
    if (due === armed) return;
    disarm();
    armed = due;
    disarm = due === undefined ? () => {} : clock.at(due, ring);
  };

  const ring = (): void => {
    armed = undefined;
    settle(() => core.wake(clock.now()));
  };

  return {
    feed: (input) => {
      if (stopped) return;
      inbox.push(input);
      if (!running) settle(() => []);
    },
    stop: () => {
      stopped = true;
      disarm();
    },
  };
}

export interface Driven<Input> {
  readonly feed: (input: Input) => void;
  readonly stop: () => void;
}
