import type { Core, Instant, Random } from "@herald/shared/core";
import { Announcer, type AnnouncerEffect, type AnnouncerInput, type Interface } from "./announcer.ts";
import { ConflictGuard } from "./conflict.ts";
import type { ConflictEffect, ConflictInput } from "./conflict-messages.ts";
import type { ConflictOptions } from "./conflict-options.ts";
import type { AnnouncerOptions } from "./options.ts";

export type HolderInput =
  | Extract<AnnouncerInput, { type: "frame" | "interface-up" | "interface-down" }>
  | Exclude<ConflictInput, { type: "claimed" | "answered" | "yield-ended" | "interface-added" }>;

export type HolderEffect =
  | Exclude<AnnouncerEffect, { type: "claimed" }>
  | Exclude<ConflictEffect, { type: "tell" }>;

export interface HolderOptions {
  /** Name of this speaker in the cluster. */
  readonly self: string;
  readonly announcer: AnnouncerOptions;
  readonly conflicts: ConflictOptions;
}

/**
 * Holds addresses on layer 2, each alone: a guard that judges and an announcer that speaks, together one core.
 * Frames go to the announcer, wishes to the guard; what the one says to the other stays in here.
 */
export class Holder implements Core<HolderInput, HolderEffect> {
  readonly #announcer: Announcer;
  readonly #guard: ConflictGuard;
  /** Those up, by name; bounded by the interfaces of the node. */
  readonly #interfaces = new Map<string, Interface>();
  constructor({ self, announcer, conflicts }: HolderOptions, random: Random) {
    this.#announcer = new Announcer(announcer);
    this.#guard = new ConflictGuard(self, conflicts, random);
  }

  handle(input: HolderInput, now: Instant): readonly HolderEffect[] {
    switch (input.type) {
      case "frame":
        return this.#heard(this.#announcer.handle(input, now), now);
      case "interface-up":
        return this.#interfaceUp(input, now);
      case "interface-down":
        this.#interfaces.delete(input.interface);
        return this.#heard(this.#announcer.handle(input, now), now);
      case "speakers":
        this.#announcer.handle(input, now);
        return this.#judged(this.#guard.handle(input, now), now);
      default:
        return this.#judged(this.#guard.handle(input, now), now);
    }
  }

  wake(now: Instant): readonly HolderEffect[] {
    return [...this.#judged(this.#guard.wake(now), now), ...this.#heard(this.#announcer.wake(now), now)];
  }

  nextWake(): Instant | undefined {
    const turn = this.#announcer.nextWake();
    const judgement = this.#guard.nextWake();
    if (turn === undefined || judgement === undefined) return turn ?? judgement;
    return Math.min(turn, judgement);
  }

  #interfaceUp(input: Extract<HolderInput, { type: "interface-up" }>, now: Instant): readonly HolderEffect[] {
    const next = input.interface;
    const before = this.#interfaces.get(next.name);
    const effects = this.#heard(this.#announcer.handle(input, now), now);
    if (before?.index === next.index && before.mac === next.mac) return effects;
    this.#interfaces.set(next.name, next);
    const added = { type: "interface-added", interface: next.name } as const;
    return [...effects, ...this.#judged(this.#guard.handle(added, now), now)];
  }

  /** Passes on what the announcer says; what another machine claims, and what was asked, is for the guard. */
  #heard(effects: readonly AnnouncerEffect[], now: Instant): readonly HolderEffect[] {
    // Why: nearly every frame is dropped, with an effect that was made beforehand. Leave it as it is.
    if (effects.length === 1 && effects[0]?.type === "dropped") return effects as readonly HolderEffect[];
    return effects.flatMap((effect): readonly HolderEffect[] => {
      switch (effect.type) {
        case "claimed":
          return this.#judged(this.#guard.handle(effect, now), now);
        case "answered":
          return [effect, ...this.#judged(this.#guard.handle(effect, now), now)];
        case "yielded":
          this.#guard.handle({ type: "yield-ended", address: effect.address }, now);
          return [effect];
        default:
          return [effect];
      }
    });
  }

  #judged(effects: readonly ConflictEffect[], now: Instant): readonly HolderEffect[] {
    return effects.flatMap((effect) =>
      effect.type === "tell" ? this.#heard(this.#announcer.handle(effect.input, now), now) : [effect],
    );
  }
}
