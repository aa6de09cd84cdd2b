import type { MemberChange } from "@herald/gossip/effect";

const NOBODY: ReadonlySet<string> = new Set();

/**
 * Which nodes' speakers are alive, made from the gossip's news. A suspect still counts: it may only be slow, and
 * what it owns must not move for that. Until somebody was met and it is known what they hold, or a stated wait, it is
 * empty: a speaker that has met nobody yet must not take every address for itself. Changes are told when asked to.
 */
export class MemberList {
  /** As told, once it is open; by node name; bounded by the gossip. */
  readonly #alive = new Set<string>();
  /** Whether each is alive of whom that was not told yet. */
  #news = new Map<string, boolean>();
  readonly #onChange: (nodes: ReadonlySet<string>, changed: ReadonlySet<string>) => void;
  readonly #knowsClaims: () => boolean;
  #joined = false;
  #open = false;

  /**
   * @param onChange gets the same set each time, as it is by then, and whom it was told nothing or the opposite of.
   * @param knowsClaims whether all is known that the living claim.
   */
  constructor(
    onChange: (nodes: ReadonlySet<string>, changed: ReadonlySet<string>) => void,
    knowsClaims: () => boolean,
  ) {
    this.#onChange = onChange;
    this.#knowsClaims = knowsClaims;
    onChange(NOBODY, NOBODY);
  }

  get isOpen(): boolean {
    return this.#open;
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
    this.#takeNews();
    this.#onChange(this.#alive, this.#alive);
  }

  hear(change: MemberChange, name: string): void {
    if (change === "suspect") return;
    const lives = change !== "dead" && change !== "left";
    if (this.#alive.has(name) === lives) this.#news.delete(name);
    else this.#news.set(name, lives);
  }

  /** Tells who is alive by now, if that is not what was told last. */
  tell(): void {
    if (!this.#open || this.#news.size === 0) return;
    this.#onChange(this.#alive, this.#takeNews());
  }

  #takeNews(): ReadonlySet<string> {
    const news = this.#news;
    this.#news = new Map();
    for (const [name, lives] of news) {
      if (lives) this.#alive.add(name);
      else this.#alive.delete(name);
    }
    return new Set(news.keys());
  }
}
