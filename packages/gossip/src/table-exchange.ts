import type { News } from "./broadcasts.ts";
import { aliveFrom, type Member } from "./member.ts";
import type { NodeRecord, PushPull, Versions } from "./message.ts";

/** Everything we know, as one line per member, and what the application adds. */
export function tableOf(members: Iterable<Member>, join: boolean, userState: Uint8Array): PushPull {
  const nodes = [...members].map(
    ({ name, endpoint, meta, incarnation, state, versions }): NodeRecord => ({
      node: name,
      endpoint,
      meta,
      incarnation,
      state,
      versions,
    }),
  );
  return { type: "push-pull", join, nodes, userState };
}

/**
 * What a line of somebody's table is worth: as much as the same news in a datagram, but a death is a suspicion of
 * ours only, so that nobody dies of a stale table.
 *
 * @param self our name: we are the accuser.
 */
export function newsOf(record: NodeRecord, self: string): News {
  const { node, incarnation } = record;
  switch (record.state) {
    case "alive":
      return aliveFrom({ ...record, name: node, since: 0 });
    case "left":
      return { type: "dead", incarnation, node, from: node };
    case "suspect":
    case "dead":
      return { type: "suspect", incarnation, node, from: self };
  }
}

/** Whether everybody in both tables speaks versions that all the living understand. */
export function areCompatible(theirs: readonly NodeRecord[], ours: Iterable<Member>): boolean {
  const all = [...theirs, ...ours];
  const living = all.filter(({ state }) => state === "alive").map(({ versions }) => versions);
  return (
    areWithin(all, living, "protocolMin", "protocolMax", "protocolCurrent") &&
    areWithin(all, living, "applicationMin", "applicationMax", "applicationCurrent")
  );
}

function areWithin(
  all: readonly { readonly versions: Versions }[],
  living: readonly Versions[],
  min: keyof Versions,
  max: keyof Versions,
  current: keyof Versions,
): boolean {
  let [lowest, highest] = [0, 255];
  for (const versions of living) {
    lowest = Math.max(lowest, versions[min]);
    highest = Math.min(highest, versions[max]);
  }
  return all.every(({ versions }) => versions[current] >= lowest && versions[current] <= highest);
}
