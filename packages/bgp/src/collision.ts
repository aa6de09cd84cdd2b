import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import { readU32 } from "@herald/wire/bytes";
import { CEASE } from "./iana.ts";
import type { Machine, Why } from "./machine.ts";
import type { Negotiated } from "./negotiate.ts";
import { cease } from "./notification.ts";
import type { SessionOptions } from "./options.ts";

/** What happens to the connection that has to go, and what its other end is told. */
export const COLLISION: Why = {
  error: { reason: "collision", text: "both sides connected at once, and the other connection stays" },
  answer: cease(CEASE.collision),
};

/**
 * Which of two connections with one peer stays (RFC 4271 §6.8): the one made by the side with the greater identifier. Of two
 * that one side made, the later: it would not have made it if it still knew of the other.
 *
 * @param old is in OpenConfirm or Established. A session goes only for a peer that restarts gracefully (RFC 4724 §4.2).
 * @param machine has just heard the peer's OPEN.
 * @returns whether the old one goes.
 */
export function yields(old: Machine, machine: Machine, options: SessionOptions): boolean {
  if (old.state === "established") return old.negotiated?.gracefulRestart !== undefined;
  if (old.dialled === machine.dialled) return true;
  return machine.dialled === isGreater(options, machine.negotiated);
}

/** RFC 6286 §2.3: of equal identifiers, those of the greater AS. */
function isGreater({ routerId, asn }: SessionOptions, peer: Negotiated | undefined): boolean {
  if (peer === undefined) return true;
  const [own, theirs] = [asNumber(routerId), asNumber(peer.peerRouterId)];
  return own === theirs ? asn > peer.peerAsn : own > theirs;
}

function asNumber(routerId: IpAddress): number {
  return readU32(toOctets(routerId), 0);
}
