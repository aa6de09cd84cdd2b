import type { MemberChange } from "@herald/gossip/effect";

/**
 * Which nodes' speakers are alive, made from the gossip's news. A suspect still counts: it may only be slow, and
 * what it owns must not move for that. Until somebody was met and it is known what they hold, or a stated wait, it is
 * empty: a speaker that has met nobody yet must not take every address for itself. Telling it costs as much as there are
 * members: so changes are told when asked to.
 */
export class MemberList {
  readonly #alive = new Set<string>(); // by node name; bounded by the gossip
  readonly #onChange: (nodes: ReadonlySet<string>) => void;
  readonly #knowsClaims: () => boolean;
  #joined = false;
  #open = false;
  #changed = false;

  /** @param knowsClaims whether all is known that the living claim. */
  constructor(onChange: (nodes: ReadonlySet<string>) => void, knowsClaims: () => boolean) {
    this.#onChange = onChange;
    this.#knowsClaims = knowsClaims;
    onChange(new Set());
  }

  /** Somebody was met. */
  join(): void {
    this.#joined = true;
    this.review();
  }

  /** More is known of what others claim. */
  review(): void {
    if (this.#joined && !this.#open && this.#knowsClaims()) this.open();
  }

  /** Enough was waited. */
  open(): void {
    if (this.#open) return;
    this.#open = true;
    this.#changed = true;
    this.tell();
  }

  hear(change: MemberChange, name: string): void {
    if (change === "suspect") return;
    const before = this.#alive.size;
    if (change === "dead" || change === "left") this.#alive.delete(name);
    else this.#alive.add(name);
    if (this.#alive.size !== before) this.#changed = true;
  }

  /** Tells who is alive by now, if that is not what was told last. */
  tell(): void {
    if (!this.#open || !this.#changed) return;
    this.#changed = false;
    this.#onChange(new Set(this.#alive));
  }
}
