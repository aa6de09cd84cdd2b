import type { BgpPeerConfig } from "@herald/shared/config/config";
import { sessionKey } from "./bgp-peer.ts";

/**
 * Which sessions are kept, and what they are called from now on. Whom a session is with is not in its name: a peer of a
 * ConfigMap is called by its place there, which is another one once a peer before it goes, and by an object when it moves
 * to one.
 *
 * @param keys of the sessions there are, by name, see `sessionKey`.
 * @param peers there are to be. Of several that are alike in all but their names each has a session of its own.
 * @returns by the name that a session had, the one that it gets; those that nobody wants any more are missing.
 */
export function namesOfKept(
  keys: ReadonlyMap<string, string>,
  peers: readonly BgpPeerConfig[],
): ReadonlyMap<string, string> {
  const left = new Map(keys);
  const names = new Map<string, string>();
  const strangers = peers.filter((peer) => {
    if (left.get(peer.name) !== sessionKey(peer)) return true;
    names.set(peer.name, peer.name);
    left.delete(peer.name);
    return false;
  });
  for (const peer of strangers) {
    const wanted = sessionKey(peer);
    const [before] = [...left].find(([, key]) => key === wanted) ?? [];
    if (before === undefined) continue;
    names.set(before, peer.name);
    left.delete(before);
  }
  return names;
}
