import type { BgpNotice } from "@herald/bgp/reasons";

/** Different texts of each reason that are known of a session: a router may find ever new ones. */
const TEXTS_MAX = 16;

/** What just happens and may happen again and again; the others say what is so, and only when it comes to be so. */
const HAPPENINGS: ReadonlySet<BgpNotice> = new Set([
  "attribute-error",
  "connection-refused",
  "other-connection",
]);

type Texts = Map<BgpNotice, Set<string>>;

/** Which notices of the sessions with one peer are worth a line: each text once, until a session did without it. */
export class NoticeNews {
  /** Of the last session, and of this one with all that led to it; bounded by `TEXTS_MAX` for each reason. */
  #before: Texts = new Map();
  #since: Texts = new Map();

  isNews(reason: BgpNotice, detail: string): boolean {
    const isHappening = HAPPENINGS.has(reason);
    const since = this.#since.get(reason) ?? new Set();
    this.#since.set(reason, since);
    if (since.has(detail)) return !isHappening;
    if (since.size === TEXTS_MAX) {
      if (isHappening) return false;
      const [oldest = detail] = since;
      since.delete(oldest);
    }
    since.add(detail);
    return !this.#before.get(reason)?.has(detail);
  }

  /** A session that was established is over. */
  ended(): void {
    this.#before = this.#since;
    this.#since = new Map();
  }
}
