import type { Instant } from "@herald/shared/core";
import { familyOf, type IpAddress, toOctets } from "@herald/shared/ip/address";
import { readU32 } from "@herald/wire/bytes";
import type { MacAddress } from "@herald/wire/mac";
import type { Spread } from "./spread-clients.ts";

/** An address that is answered for, or about to be. */
export interface Held {
  readonly address: IpAddress;
  readonly octets: Uint8Array; // 4 or 16
  readonly interfaces: "all" | ReadonlySet<string>;
  /** `false`: only listened for, while somebody finds out whether it is free. */
  readonly speaks: boolean;
  /** `undefined`: this node answers all who ask. */
  readonly spread: Spread | undefined;
  /** Who else announced it last, and when: often our successor, who was told of the move before us. */
  claim: { readonly by: MacAddress; readonly at: Instant } | undefined;
}

export function admits({ interfaces }: Held, name: string): boolean {
  return interfaces === "all" || interfaces.has(name);
}

/** One that is spread is announced to nobody but those who ask, and to clients that move. */
export function announcesToAll({ speaks, spread }: Held): boolean {
  return speaks && spread === undefined;
}

export function isIpv6({ octets }: Pick<Held, "octets">): boolean {
  return octets.length === 16;
}

/**
 * The addresses of an announcer, found by what stands in a packet. A look costs the same whatever their number,
 * and allocates nothing: it is done for every question on the segment.
 */
export class Holdings {
  /** All three bounded by what the announcer was told. */
  readonly #byText = new Map<IpAddress, Held>();
  readonly #byIpv4 = new Map<number, Held>();
  /** By {@link hashOf}; those of a bucket differ in their upper 96 bits, which is next to never. */
  readonly #byIpv6 = new Map<number, readonly Held[]>();

  get(address: IpAddress): Held | undefined {
    return this.#byText.get(address);
  }

  /** @param address u32. */
  ofIpv4(address: number): Held | undefined {
    return this.#byIpv4.get(address);
  }

  /** @param at where 16 octets are, as the caller has checked. */
  ofIpv6(bytes: Uint8Array, at: number): Held | undefined {
    const bucket = this.#byIpv6.get(hashOf(bytes, at));
    if (bucket === undefined) return undefined;
    for (const held of bucket) if (equals(held.octets, bytes, at)) return held;
    return undefined;
  }

  values(): Iterable<Held> {
    return this.#byText.values();
  }

  set(held: Held): void {
    this.delete(held.address);
    this.#byText.set(held.address, held);
    if (familyOf(held.address) === 4) {
      this.#byIpv4.set(readU32(held.octets, 0), held);
    } else {
      const hash = hashOf(held.octets, 0);
      this.#byIpv6.set(hash, [...(this.#byIpv6.get(hash) ?? []), held]);
    }
  }

  delete(address: IpAddress): void {
    if (!this.#byText.delete(address)) return;
    const octets = toOctets(address);
    if (familyOf(address) === 4) {
      this.#byIpv4.delete(readU32(octets, 0));
      return;
    }
    const hash = hashOf(octets, 0);
    const others = (this.#byIpv6.get(hash) ?? []).filter((held) => held.address !== address);
    if (others.length === 0) this.#byIpv6.delete(hash);
    else this.#byIpv6.set(hash, others);
  }
}

/** Different for any two addresses of the same 96 bits; a signed integer, which costs no allocation as a key. */
function hashOf(bytes: Uint8Array, at: number): number {
  const high = Math.imul(Math.imul(readU32(bytes, at), MIX) ^ readU32(bytes, at + 4), MIX);
  return Math.imul(high ^ readU32(bytes, at + 8), MIX) ^ readU32(bytes, at + 12);
}

/** Odd, and 2^32 divided by the golden ratio: spreads neighbouring values (Knuth, TAOCP 3, §6.4). */
const MIX = 0x9e3779b1;

function equals(octets: Uint8Array, bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < octets.length; index += 1) {
    if (octets[index] !== bytes[at + index]) return false;
  }
  return true;
}
