import type { IpRange } from "../ip/range.ts";
import { AddressSet } from "./address-set.ts";
import type { SharingTerms } from "./sharing.ts";

/**
 * The addresses of one family in one pool, numbered from 0 in the order they are to be given out: ranges as
 * the operator listed them, ascending inside each. Knows which are taken and where a newcomer may join, and
 * finds the lowest of either in O(log size).
 */
export class Space {
  /** How many addresses may be given out. */
  readonly capacity: bigint;
  /** Distinct addresses in use. */
  inUse = 0;
  readonly #segments: readonly Segment[]; // by first address
  readonly #numbered: readonly Segment[]; // by position
  readonly #size: bigint;
  readonly #avoidBuggyIps: boolean;
  readonly #taken: AddressSet; // in use, set aside, or found unusable while searching
  /** Set aside for somebody; bounded by reservations and by Services whose return is awaited. */
  readonly #reserved = new Set<bigint>();
  readonly #reservedInUse = new Map<bigint, SharingTerms | undefined>(); // of #reserved, with the users' terms
  readonly #groups = new Map<SharingTerms, SharingGroup>(); // bounded by addresses in use

  /** @param ranges all of one family, no two overlapping. */
  constructor(ranges: readonly IpRange[], avoidBuggyIps: boolean) {
    let size = 0n;
    this.#numbered = ranges.map(({ first, last }) => {
      const segment = { first, last, position: size };
      size += last - first + 1n;
      return segment;
    });
    this.#segments = this.#numbered.toSorted((one, other) => (one.first < other.first ? -1 : 1));
    this.#size = size;
    this.#avoidBuggyIps = avoidBuggyIps && ranges[0]?.family === 4;
    this.#taken = new AddressSet(size);
    const buggy = this.#avoidBuggyIps ? ranges.reduce((sum, range) => sum + countBuggy(range), 0n) : 0n;
    this.capacity = size - buggy;
  }

  /** @returns `undefined` when the address is in none of the ranges. */
  positionOf(address: bigint): bigint | undefined {
    const segment = lastAtOrBelow(this.#segments, address, "first");
    return segment !== undefined && address <= segment.last
      ? segment.position + address - segment.first
      : undefined;
  }

  /** @param position of an address of ours. */
  addressAt(position: bigint): bigint {
    const segment = lastAtOrBelow(this.#numbered, position, "position");
    if (segment === undefined) throw new RangeError(`no address has the position ${position}`);
    return segment.first + position - segment.position;
  }

  /** Whether the pool refuses to give the address out although it is in one of its ranges. */
  isAvoided(address: bigint): boolean {
    return this.#avoidBuggyIps && isBuggy(address);
  }

  /** @returns `undefined` when every address is in use. */
  lowestFree(): bigint | undefined {
    for (;;) {
      const position = this.#taken.lowestGap(0n);
      if (position === undefined || !this.isAvoided(this.addressAt(position))) return position;
      this.#taken.add(position); // never looked at again
    }
  }

  /** Whoever it is for may have the address beside those that have it. */
  mayOpenReserved(position: bigint, terms: SharingTerms | undefined, ports: readonly string[]): boolean {
    if (!this.#reservedInUse.has(position)) return true;
    const theirs = this.#reservedInUse.get(position);
    if (terms === undefined || terms !== theirs) return false;
    const byPort = this.#groups.get(terms)?.byPort;
    return !ports.some((port) => byPort?.get(port)?.has(position));
  }

  /** Sets an address aside that nobody has: no search finds it any more. */
  reserve(position: bigint): void {
    this.#reserved.add(position);
    this.#taken.add(position);
  }

  /** Gives an address back to all that nobody has. */
  unreserve(position: bigint): void {
    if (this.#reserved.delete(position)) this.#taken.delete(position);
  }

  /** The lowest address whose users have the same terms and none of the ports. */
  lowestShareable(terms: SharingTerms, ports: readonly string[]): bigint | undefined {
    const group = this.#groups.get(terms);
    if (group === undefined) return undefined;
    const occupied = ports.map((port) => group.byPort.get(port)).filter((set) => set !== undefined);
    let candidate = group.addresses.lowestMember(0n);
    while (candidate !== undefined) {
      const clear = lowestClear(occupied, candidate);
      if (clear === candidate) return candidate;
      candidate = clear === undefined ? undefined : group.addresses.lowestMember(clear);
    }
    return undefined;
  }

  /** The first user of an address came. */
  open(position: bigint, terms: SharingTerms | undefined): void {
    this.inUse += 1;
    this.#taken.add(position);
    if (this.#reserved.has(position)) this.#reservedInUse.set(position, terms);
    else if (terms !== undefined) this.#group(terms).addresses.add(position);
  }

  /** The last user of an address left, its ports before it. */
  close(position: bigint, terms: SharingTerms | undefined): void {
    this.inUse -= 1;
    if (!this.#reservedInUse.delete(position)) this.#taken.delete(position);
    if (terms === undefined) return;
    const { addresses } = this.#group(terms);
    addresses.delete(position);
    if (addresses.isEmpty) this.#groups.delete(terms);
  }

  occupyPorts(position: bigint, terms: SharingTerms, ports: readonly string[]): void {
    const { byPort } = this.#group(terms);
    for (const port of ports) {
      const positions = byPort.get(port) ?? new AddressSet(this.#size);
      positions.add(position);
      byPort.set(port, positions);
    }
  }

  vacatePorts(position: bigint, terms: SharingTerms, ports: readonly string[]): void {
    const { byPort } = this.#group(terms);
    for (const port of ports) {
      const positions = byPort.get(port);
      positions?.delete(position);
      if (positions?.isEmpty) byPort.delete(port);
    }
  }

  #group(terms: SharingTerms): SharingGroup {
    const known = this.#groups.get(terms);
    if (known !== undefined) return known;
    const group = { addresses: new AddressSet(this.#size), byPort: new Map<string, AddressSet>() };
    this.#groups.set(terms, group);
    return group;
  }
}

interface Segment {
  readonly first: bigint;
  readonly last: bigint;
  /** Of `first`. */
  readonly position: bigint;
}

/** The addresses whose users have the same terms. */
interface SharingGroup {
  readonly addresses: AddressSet;
  /** Where each port is taken; bounded by the ports of Services that hold addresses. */
  readonly byPort: Map<string, AddressSet>;
}

/** Old equipment takes these for a network's or a broadcast address, whatever the prefix. */
function isBuggy(address: bigint): boolean {
  const lastOctet = address & 0xffn;
  return lastOctet === 0n || lastOctet === 0xffn;
}

function countBuggy({ first, last }: IpRange): bigint {
  const zeros = (last >> 8n) - ((first + 0xffn) >> 8n) + 1n;
  const ones = ((last + 1n) >> 8n) - (first >> 8n);
  return zeros + ones;
}

/** Segments are sorted by `key`, ascending. */
function lastAtOrBelow(
  segments: readonly Segment[],
  value: bigint,
  key: "first" | "position",
): Segment | undefined {
  let low = 0;
  let high = segments.length; // the answer is before it
  while (low < high) {
    const middle = (low + high) >>> 1;
    const segment = segments[middle];
    if (segment !== undefined && segment[key] <= value) low = middle + 1;
    else high = middle;
  }
  return segments[low - 1];
}

/** The lowest position from `from` on that is in none of the sets. */
function lowestClear(sets: readonly AddressSet[], from: bigint): bigint | undefined {
  let position = from;
  for (let agreeing = 0, index = 0; agreeing < sets.length; index = (index + 1) % sets.length) {
    const gap = sets[index]?.lowestGap(position);
    if (gap === undefined) return undefined;
    agreeing = gap === position ? agreeing + 1 : 1;
    position = gap;
  }
  return position;
}
