import type { PeerEnd, PeerUp } from "@herald/bgp/bmp-message";
import type { BgpEffect } from "@herald/bgp/effect";
import type { LocalAddresses } from "@herald/bgp/export";
import { MESSAGE_TYPE } from "@herald/bgp/iana";
import { encodeMessage } from "@herald/bgp/message";
import { type IpAddress, isLinkLocal } from "@herald/shared/ip/address";
import type { BgpConnection } from "./bgp-port.ts";

/** Where an address is not known. */
const NOWHERE = { 4: "0.0.0.0" as IpAddress, 6: "::" as IpAddress };

/** How a monitoring station sees the beginning of a session. @param remote where the peer is, if that is known. */
export function peerUp(
  { negotiated, local, opens }: Extract<BgpEffect, { type: "established" }>,
  remote: IpAddress | undefined,
  connection: Pick<BgpConnection, "ports"> | undefined,
): PeerUp {
  const { peerAsn: asn, peerRouterId: routerId, asnOctets } = negotiated;
  const address = remote ?? NOWHERE[local.transport];
  return {
    peer: { address, asn, routerId, asnOctets },
    local: ownAddress(local, address) ?? NOWHERE[local.transport],
    ports: connection?.ports ?? { local: 0, remote: 0 },
    opens,
  };
}

/** How it sees the end. */
export function peerEnd({ error, notification }: Extract<BgpEffect, { type: "down" }>): PeerEnd {
  if (notification === undefined) return { type: error.reason === "closed" ? "peer-closed" : "we-closed" };
  const type = error.reason === "notification" ? "peer-notified" : "we-notified";
  return { type, notification: encodeMessage(notification) };
}

/** @param messages one or more of one type, header and all. */
export function areUpdates(messages: Uint8Array): boolean {
  return messages[18] === MESSAGE_TYPE.update;
}

function ownAddress(
  { transport, ipv4, ipv6, linkLocal }: LocalAddresses,
  peer: IpAddress,
): IpAddress | undefined {
  if (isLinkLocal(peer)) return linkLocal;
  return transport === 4 ? ipv4 : ipv6;
}
