import { BFD_TTL } from "@herald/bfd/iana";
import { type IpFamily, toOctets } from "@herald/shared/ip/address";
import type { BfdPlace, LeastTtl } from "../bfd-port.ts";

/** Classic BPF of <linux/filter.h>: what is done, by name. */
const CODE = { loadWord: 0x20, loadOctet: 0x30, ifEqual: 0x15, ifAtLeast: 0x35, return: 0x06 } as const;

/** Offsets from here on count from the IP header (SKF_NET_OFF). */
const IP_HEADER = 0xfff0_0000;
const TTL_AT = { 4: 8, 6: 7 } as const;
const SOURCE_AT = { 4: 12, 6: 8 } as const;

const ACCEPT = 0xffff_ffff;
const DROP = 0;

/** `then` and `otherwise`: how many instructions to leave out. */
interface Instruction {
  readonly code: (typeof CODE)[keyof typeof CODE];
  readonly then?: number;
  readonly otherwise?: number;
  readonly value: number;
}

/**
 * A socket filter that lets pass what came over few enough hops. For UDP the kernel knows no option to do so.
 * Over many hops senders that are not listed need the most that any listed one needs.
 *
 * @returns an array of struct sock_filter, in this machine's order.
 */
export function ttlFilter({
  hops,
  family,
  leastTtls,
}: Pick<BfdPlace, "hops" | "family" | "leastTtls">): Uint8Array {
  const listed = hops === "single" ? [] : leastTtls;
  const most = listed.length === 0 ? BFD_TTL : Math.max(...listed.map(({ ttl }) => ttl));
  return assemble([...listed.flatMap((each) => ofSender(family, each)), ...atLeast(family, most)]);
}

/** Goes on behind itself for all other senders. */
function ofSender(family: IpFamily, { from, ttl }: LeastTtl): readonly Instruction[] {
  const octets = toOctets(from);
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const words = octets.length / 4;
  const verdict = atLeast(family, ttl);
  const comparison = Array.from({ length: words }, (_, index): readonly Instruction[] => [
    { code: CODE.loadWord, value: IP_HEADER + SOURCE_AT[family] + 4 * index },
    {
      code: CODE.ifEqual,
      value: view.getUint32(4 * index),
      otherwise: 2 * (words - index - 1) + verdict.length,
    },
  ]);
  return [...comparison.flat(), ...verdict];
}

function atLeast(family: IpFamily, ttl: number): readonly Instruction[] {
  return [
    { code: CODE.loadOctet, value: IP_HEADER + TTL_AT[family] },
    { code: CODE.ifAtLeast, value: ttl, otherwise: 1 },
    { code: CODE.return, value: ACCEPT },
    { code: CODE.return, value: DROP },
  ];
}

function assemble(instructions: readonly Instruction[]): Uint8Array {
  const octets = new Uint8Array(8 * instructions.length);
  const view = new DataView(octets.buffer);
  for (const [index, { code, then = 0, otherwise = 0, value }] of instructions.entries()) {
    view.setUint16(8 * index, code, true);
    view.setUint8(8 * index + 2, then);
    view.setUint8(8 * index + 3, otherwise);
    view.setUint32(8 * index + 4, value, true);
  }
  return octets;
}
