import type { Instant } from "@herald/shared/core";
import { sameEndpoint, sameOctets } from "./endpoint.ts";
import type { Alive, Dead, Endpoint, NodeState, Suspect, Versions } from "./message.ts";

/** What we believe of one member. Replaced, never changed. */
export interface Member {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly meta: Uint8Array;
  readonly versions: Versions;
  readonly incarnation: number; // u32; only its owner raises it
  readonly state: NodeState;
  /** When it came into this state. */
  readonly since: Instant;
}

/** Who judges: news about oneself is another matter. */
export interface Judge {
  readonly name: string;
  /** We are on our way out, or gone. */
  readonly leaving: boolean;
  readonly deadReclaimMs: number;
}

/**
 * What to do with a piece of news: `accept` changes the table, `refute` answers with a higher incarnation, `answer`
 * repeats the current one to whoever has not heard it, `conflict` is a second member with a name that is taken.
 */
export type AliveVerdict = "accept" | "ignore" | "refute" | "conflict" | "unusable" | "implausible";
export type SuspectVerdict = "accept" | "ignore" | "refute" | "answer" | "confirm" | "implausible";
export type DeadVerdict = "accept" | "ignore" | "refute" | "answer" | "implausible";

/**
 * Incarnations from here on are nobody's honest work: a member accused at the very top could not refute any more,
 * as the number would wrap.
 */
export const MAX_INCARNATION = 2 ** 32 - 2 ** 16;

/** Names longer than this do not fit three times into a datagram. */
const MAX_NAME_LENGTH = 255;

export function judgeAlive(known: Member | undefined, news: Alive, judge: Judge, now: Instant): AliveVerdict {
  const aboutUs = news.node === judge.name;
  if (aboutUs && judge.leaving) return "ignore";
  if (!isUsable(news)) return "unusable";
  if (news.incarnation > MAX_INCARNATION) return "implausible";
  if (known === undefined) return news.incarnation === 0 ? "ignore" : "accept";
  const moves = !sameEndpoint(known.endpoint, news.endpoint);
  if (moves && !mayMove(known, judge, now)) return "conflict";
  if (aboutUs) return judgeAliveAboutUs(known, news);
  return news.incarnation > known.incarnation || moves ? "accept" : "ignore";
}

function judgeAliveAboutUs(known: Member, news: Alive): AliveVerdict {
  if (news.incarnation < known.incarnation) return "ignore";
  const same =
    news.incarnation === known.incarnation &&
    sameOctets(news.meta, known.meta) &&
    sameVersions(news.versions, known.versions);
  return same ? "ignore" : "refute";
}

/** @param suspected whether a suspicion of this member is running. */
export function judgeSuspect(
  known: Member | undefined,
  news: Suspect,
  judge: Judge,
  suspected: boolean,
): SuspectVerdict {
  if (known === undefined) return "ignore";
  if (news.incarnation > MAX_INCARNATION) return "implausible";
  const aboutUs = known.name === judge.name;
  if (aboutUs && judge.leaving) return "ignore";
  if (news.incarnation < known.incarnation) return aboutUs ? "answer" : "ignore";
  if (suspected) return "confirm";
  if (known.state !== "alive") return "ignore";
  return aboutUs ? "refute" : "accept";
}

export function judgeDead(known: Member | undefined, news: Dead, judge: Judge): DeadVerdict {
  if (known === undefined) return "ignore";
  if (news.incarnation > MAX_INCARNATION) return "implausible";
  const aboutUs = known.name === judge.name;
  if (news.incarnation < known.incarnation) return aboutUs && !judge.leaving ? "answer" : "ignore";
  if (known.state === "dead" || known.state === "left") return "ignore";
  return aboutUs && !judge.leaving ? "refute" : "accept";
}

/** A left name is free at once, a dead one after a while, any other is taken. */
function mayMove(known: Member, judge: Judge, now: Instant): boolean {
  if (known.name === judge.name) return false;
  if (known.state === "left") return true;
  return known.state === "dead" && judge.deadReclaimMs > 0 && now - known.since > judge.deadReclaimMs;
}

function isUsable({ node, versions }: Alive): boolean {
  const { protocolMin, protocolMax } = versions;
  const spoken = protocolMin !== 0 && protocolMax !== 0 && protocolMin <= protocolMax;
  return node !== "" && node.length <= MAX_NAME_LENGTH && spoken;
}

function sameVersions(a: Versions, b: Versions): boolean {
  return (Object.keys(a) as (keyof Versions)[]).every((field) => a[field] === b[field]);
}

/** What one member tells the others about another. */
export function aliveFrom({ name, incarnation, endpoint, meta, versions }: Member): Alive {
  return { type: "alive", incarnation, node: name, endpoint, meta, versions };
}
