import type { SessionView } from "@herald/k8s/bgp-session-state";

/** What is the matter with the session of a node with a router, in words; {@link ESTABLISHED}: nothing. */
export type SessionTrouble = string;

export const ESTABLISHED: SessionTrouble = "";
/** Nothing went wrong yet. */
const NO_ANSWER = "no answer yet";
/** There is no BGPSessionState of it. */
export const NOT_SAID: SessionTrouble = "its node says nothing of it yet";
/** Errors quote what routers say, and are quoted of several in one sentence. */
const MAX_TROUBLE = 200;

/** How sessions of all nodes stand: by peer, then by node. */
export type SessionTroubles = ReadonlyMap<string, ReadonlyMap<string, SessionTrouble>>;

/** `unread`: the objects that say so are not there, or not for us. */
export type SessionNews = SessionTroubles | "unread";

/** What BGPSessionStates say. Those that say nothing yet are of no peer, and left out. */
export function troublesIn(states: Iterable<SessionView>): SessionTroubles {
  const troubles = new Map<string, Map<string, SessionTrouble>>();
  for (const state of states) {
    if (state.peer === "") continue;
    const byNode = troubles.get(state.peer) ?? new Map<string, SessionTrouble>();
    troubles.set(state.peer, byNode.set(state.node, troubleOf(state)));
  }
  return troubles;
}

/**
 * The same with the errors that were told before, where there is still no session: whoever tries again may hear something
 * else each time, and that alone is no news.
 */
export function withErrorsOf(before: SessionTroubles, after: SessionTroubles): SessionTroubles {
  const kept = (peer: string, node: string, trouble: SessionTrouble): SessionTrouble => {
    const told = before.get(peer)?.get(node);
    const isNew = told === undefined || told === ESTABLISHED || told === NO_ANSWER;
    return isNew || trouble === ESTABLISHED ? trouble : told;
  };
  return new Map(
    [...after].map(([peer, byNode]) => [
      peer,
      new Map([...byNode].map(([node, trouble]) => [node, kept(peer, node, trouble)])),
    ]),
  );
}

function troubleOf({ isEstablished, error, isErrorOld }: SessionView): SessionTrouble {
  if (isEstablished) return ESTABLISHED;
  if (error === "" || isErrorOld) return NO_ANSWER;
  return error.length > MAX_TROUBLE ? `${error.slice(0, MAX_TROUBLE - 1)}…` : error;
}
