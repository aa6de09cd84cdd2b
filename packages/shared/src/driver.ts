import type { Clock, Core } from "./core.ts";

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
  let disarm = (): void => {};

  const settle = (first: () => readonly Effect[]): void => {
    running = true;
    disarm();
    for (const effect of first()) perform(effect);
    for (let input = inbox.shift(); input !== undefined; input = inbox.shift()) {
      for (const effect of core.handle(input, clock.now())) perform(effect);
    }
    running = false;
    if (stopped) return;
    const due = core.nextWake();
    disarm = due === undefined ? () => {} : clock.at(due, () => settle(() => core.wake(clock.now())));
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
