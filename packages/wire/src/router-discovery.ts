import { DecodeError, expectField, Reader, Writer } from "./bytes.ts";
import { ICMPV6_TYPE, type Icmpv6Message } from "./icmpv6.ts";
import { macIn, OPTION, optionOctets, readOptions, writeOption } from "./ndp-options.ts";

/**
 * "Is there a router?" (RFC 4861 §4.1), behind the four octets of ICMPv6.
 *
 *   4          8
 *   | reserved | options
 */
export interface RouterSolicitation {
  readonly type: "solicitation";
  /** The MAC of who asks, 6 octets. */
  readonly linkAddress: Uint8Array | undefined;
}

/**
 * "There is one" (RFC 4861 §4.2). What it tells hosts to do is of no matter here: 0 stands for "not specified".
 *
 *   4          5       6          8                16
 *   | hopLimit | flags | lifetime | timers, 4 + 4 | options
 */
export interface RouterAdvertisement {
  readonly type: "advertisement";
  /** How long it may be taken for a default router, s, 16 bits; 0: it is none. */
  readonly lifetimeSeconds: number;
  /** The router's MAC, 6 octets. */
  readonly linkAddress: Uint8Array | undefined;
}

export type RouterMessage = RouterSolicitation | RouterAdvertisement;

const SOLICITATION_OCTETS = 4;
const ADVERTISEMENT_OCTETS = 12;

/**
 * @returns views into the message's body. Options not known are skipped; of one that is there twice the first counts.
 * @throws {DecodeError} `truncated`; `unsupported` for other types, a code other than 0 or a link-layer address that is
 *   no MAC; `invalid` for an option without length, as RFC 4861 §6.1 demands.
 */
export function decodeRouterMessage({ type, code, body }: Icmpv6Message): RouterMessage {
  if (type !== ICMPV6_TYPE.routerSolicitation && type !== ICMPV6_TYPE.routerAdvertisement) {
    throw new DecodeError("unsupported", "icmpv6.type", `${type}, want 133 or 134`);
  }
  expectField("router.code", code, 0);
  const r = new Reader(body);
  if (type === ICMPV6_TYPE.routerSolicitation) {
    r.u32("router.reserved");
    return { type: "solicitation", linkAddress: linkAddressIn(r.rest()) };
  }
  r.u16("router.flags");
  const lifetimeSeconds = r.u16("router.lifetime");
  r.u32("router.reachable");
  r.u32("router.retransmit");
  return { type: "advertisement", lifetimeSeconds, linkAddress: linkAddressIn(r.rest()) };
}

export function encodeRouterMessage(message: RouterMessage): Icmpv6Message {
  const isSolicitation = message.type === "solicitation";
  const fixed = isSolicitation ? SOLICITATION_OCTETS : ADVERTISEMENT_OCTETS;
  const w = new Writer(new Uint8Array(fixed + optionOctets(message.linkAddress)));
  if (isSolicitation) w.u32(0);
  else w.u16(0).u16(message.lifetimeSeconds).u32(0).u32(0);
  writeOption(w, OPTION.source, message.linkAddress);
  const type = isSolicitation ? ICMPV6_TYPE.routerSolicitation : ICMPV6_TYPE.routerAdvertisement;
  return { type, code: 0, body: w.finish() };
}

function linkAddressIn(options: Uint8Array): Uint8Array | undefined {
  return macIn(readOptions(options).get(OPTION.source));
}
