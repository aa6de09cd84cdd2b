import type { MemberChange } from "@herald/gossip/effect";
import type { Member } from "@herald/gossip/member";
import type { Clock } from "@herald/shared/core";
import type { ClaimsNews } from "./claims.ts";
import { MemberList } from "./member-list.ts";
import { type Presence, PresenceBook } from "./presence.ts";

export interface RosterPorts {
  readonly clock: Clock;
  readonly onMembers: (nodes: ReadonlySet<string>) => void;
  readonly onPresence: (presence: Presence) => void;
  /** What is heard of others' claims goes there. */
  readonly claims: () => ClaimsNews;
}

/** The speakers as the gossip has them: who is alive, who is ours, and when enough is known of what they hold. */
export class Roster {
  readonly #ports: RosterPorts;
  readonly #presence: PresenceBook;
  readonly #members: MemberList;
  #speakers: ReadonlySet<string> = new Set();
  #isTelling = false;

  /** @param self name of this node. */
  constructor(self: string, ports: RosterPorts) {
    this.#ports = ports;
    this.#presence = new PresenceBook((presence) => {
      this.#speakers = presence.speakers;
      ports.onPresence(presence);
    });
    this.#members = new MemberList(ports.onMembers, () =>
      ports.claims().knows([...this.#speakers].filter((name) => name !== self)),
    );
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
    this.#members.open();
  }

  /** Takes news of claims, which may be what was still to be known. */
  hearClaims(take: (claims: ClaimsNews) => void): void {
    this.#presence.tell(); // whose claims they are
    take(this.#ports.claims());
    this.#members.review();
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
