import type { Instant, Random } from "@herald/shared/core";
import { placeOf } from "./endpoint.ts";
import type { Member } from "./member.ts";

/** Everybody we know, in the order in which they are probed. */
export class Members {
  readonly #random: Random;
  /** By name; bounded by `maxMembers`, which the caller watches. */
  readonly #byName = new Map<string, Member>();
  /** The names once more, shuffled anew whenever a walk over all of them is done. */
  readonly #order: string[] = [];
  /** How many live at a place, suspects included. */
  readonly #inhabitants = new Map<string, number>();
  #next = 0;
  #alive = 0;
  /** Goes up with everything that is recorded or forgotten. */
  version = 0;
  constructor(random: Random) {
    this.#random = random;
  }

  /** Records, the dead and the left included: memberlist's `n`. */
  get size(): number {
    return this.#byName.size;
  }

  /** Members in state alive, oneself included. */
  get alive(): number {
    return this.#alive;
  }

  get(name: string): Member | undefined {
    return this.#byName.get(name);
  }

  values(): Iterable<Member> {
    return this.#byName.values();
  }

  set(member: Member): void {
    const before = this.#byName.get(member.name);
    if (before === undefined) this.#insert(member.name);
    this.#alive += Number(member.state === "alive") - Number(before?.state === "alive");
    this.#byName.set(member.name, member);
    this.version += 1;
    if (before !== undefined && lives(before)) this.#count(placeOf(before.endpoint), -1);
    if (lives(member)) this.#count(placeOf(member.endpoint), 1);
  }

  /** Whether somebody lives at a place, a suspect included. */
  inhabits(place: string): boolean {
    return this.#inhabitants.has(place);
  }

  #count(place: string, more: number): void {
    const count = (this.#inhabitants.get(place) ?? 0) + more;
    if (count > 0) this.#inhabitants.set(place, count);
    else this.#inhabitants.delete(place);
  }

  /**
   * Who is next to be probed: a walk over all in random order, some at a time; all of them when they are few.
   *
   * @param wanted at most that many.
   * @param accepts whom to probe at all.
   * @param onLap called when a walk is done: time to forget the long dead.
   */
  nextTargets(wanted: number, accepts: (member: Member) => boolean, onLap: () => void): readonly Member[] {
    const found = new Set<Member>();
    for (let looked = this.#order.length; looked > 0 && found.size < wanted; looked -= 1) {
      const member = this.#byName.get(this.#order[this.#next] ?? "");
      this.#next += 1;
      if (member !== undefined && accepts(member)) found.add(member);
      if (this.#next < this.#order.length) continue;
      this.#next = 0;
      onLap();
      // Why: whoever was probed before the shuffle would stand anywhere after it, and somebody would be left out.
      if (this.#order.length > wanted + 1) this.#shuffle(this.#order);
    }
    return [...found];
  }

  /** `wanted` different members of those accepted, or fewer, any as likely as any other. */
  sample(wanted: number, accepts: (member: Member) => boolean): readonly Member[] {
    const size = this.#order.length;
    if (size < 3 * wanted)
      return this.#shuffle([...this.#byName.values()])
        .filter(accepts)
        .slice(0, wanted);
    const found = new Set<Member>();
    for (let draws = 3 * size; draws > 0 && found.size < wanted; draws -= 1) {
      const member = this.#byName.get(this.#order[Math.floor(this.#random.next() * size)] ?? "");
      if (member !== undefined && !found.has(member) && accepts(member)) found.add(member);
    }
    return [...found];
  }

  /** Forgets the dead and the left that have been so since before `before`. */
  forgetGone(before: Instant): readonly Member[] {
    const gone = [...this.#byName.values()].filter(
      ({ state, since }) => (state === "dead" || state === "left") && since < before,
    );
    for (const { name } of gone) {
      this.#byName.delete(name);
      this.#order.splice(this.#order.indexOf(name), 1);
    }
    if (this.#next >= this.#order.length) this.#next = 0;
    if (gone.length > 0) this.version += 1;
    return gone;
  }

  /** At a random place: members that join together are not probed in that order by everybody. */
  #insert(name: string): void {
    const at = Math.floor(this.#random.next() * (this.#order.length + 1));
    const displaced = this.#order[at];
    if (displaced === undefined) {
      this.#order.push(name);
      return;
    }
    this.#order[at] = name;
    this.#order.push(displaced);
  }

  #shuffle<T>(items: T[]): T[] {
    for (let last = items.length - 1; last > 0; last -= 1) {
      const other = Math.floor(this.#random.next() * (last + 1));
      [items[last], items[other]] = [items[other] as T, items[last] as T];
    }
    return items;
  }
}

function lives({ state }: Member): boolean {
  return state === "alive" || state === "suspect";
}
