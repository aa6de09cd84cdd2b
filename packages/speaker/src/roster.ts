import type { MemberChange } from "@herald/gossip/effect";
import type { Member } from "@herald/gossip/member";
import type { Clock } from "@herald/shared/core";
import type { ClaimsNews } from "./claims.ts";
import { MemberList } from "./member-list.ts";
import { PresenceBook, type PresenceNews } from "./presence.ts";

export interface RosterPorts {
  readonly clock: Clock;
  /** Whose speakers are alive: the same set each time, as it is by then, and who of them came or went. */
  readonly onMembers: (nodes: ReadonlySet<string>, changed: ReadonlySet<string>) => void;
  readonly onPresence: (news: PresenceNews) => void;
  /** What is heard of others' claims goes there. */
  readonly claims: () => ClaimsNews;
}

/** The speakers as the gossip has them: who is alive, who is ours, and when enough is known of what they hold. */
export class Roster {
  readonly #ports: RosterPorts;
  readonly #presence: PresenceBook;
  readonly #members: MemberList;
  /** The other speakers of ours by whether all was known of their claims when that was asked last; nobody once it is open. */
  readonly #unknown = new Set<string>();
  readonly #known = new Set<string>();
  #isTelling = false;

  /** @param self name of this node. */
  constructor(self: string, ports: RosterPorts) {
    this.#ports = ports;
    this.#presence = new PresenceBook((news) => {
      if (!this.#members.isOpen) this.#expect(news, self);
      ports.onPresence(news);
    });
    this.#members = new MemberList(ports.onMembers, () => this.#knowsClaims());
  }

  hear(change: MemberChange, member: Pick<Member, "name" | "meta">): void {
    this.#presence.hear(change, member);
    this.#members.hear(change, member.name);
    this.#tellSoon();
  }

  joined(): void {
    this.#presence.tell();
    this.#members.join();
  }

  /** Enough was waited for others. */
  waited(): void {
    this.#presence.tell();
    this.#expectNobody();
    this.#members.open();
  }

  /** Takes news of claims, which may be what was still to be known. */
  hearClaims(take: (claims: ClaimsNews) => void): void {
    this.#presence.tell(); // whose claims they are
    take(this.#ports.claims());
    this.#members.review();
  }

  #expect({ speakers }: PresenceNews, self: string): void {
    for (const [name, interfaces] of speakers) {
      this.#known.delete(name);
      if (interfaces === undefined) this.#unknown.delete(name);
      else if (name !== self) this.#unknown.add(name);
    }
  }

  #expectNobody(): void {
    this.#known.clear();
    this.#unknown.clear();
  }

  /** Why whoever was not known comes first: all may be a thousand, and each piece of news is a reason to look again. */
  #knowsClaims(): boolean {
    const claims = this.#ports.claims();
    for (const name of this.#unknown) {
      if (!claims.knows([name])) return false;
      this.#unknown.delete(name);
      this.#known.add(name);
    }
    for (const name of this.#known) {
      if (claims.knows([name])) continue;
      this.#known.delete(name);
      this.#unknown.add(name);
      return false;
    }
    this.#expectNobody();
    return true;
  }

  /** Why not at once: a table may bring a thousand, and so many may be lost together. */
  #tellSoon(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    const { clock } = this.#ports;
    clock.at(clock.now(), () => {
      this.#isTelling = false;
      this.#presence.tell(); // who they are, before they may own anything
      this.#members.tell();
    });
  }
}
