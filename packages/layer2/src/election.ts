import type { IpAddress } from "@herald/shared/ip/address";

/** SHA-256 over the UTF-8 of a text, 32 octets: the only thing an election needs from outside. */
export type Digest = (text: string) => Uint8Array;

/**
 * Every candidate for an address, the owner first: by SHA-256 of `node#address`, ascending, as MetalLB does
 * since 0.11. All speakers that see the same candidates agree without a word; a candidate that goes moves
 * only the addresses it owned, one that comes takes only those it will own.
 *
 * @param address the one to hash; for Services that belong together the caller passes the same for all.
 * @param candidates names of nodes, in any order.
 */
export function rank(address: IpAddress, candidates: readonly string[], digest: Digest): readonly string[] {
  return [...new Set(candidates)]
    .map((node) => ({ node, hash: digest(ballot(node, address)) }))
    .sort((a, b) => compareOctets(a.hash, b.hash))
    .map(({ node }) => node);
}

/**
 * Owners, with the digests kept: an election costs one look per candidate once every pair of node and address
 * was seen. The caller says when an address or a node is gone.
 */
export class Election {
  readonly #digest: Digest;
  /** Where a node's score stands in every row; bounded by the nodes of the cluster. */
  readonly #columns = new Map<string, number>();
  /** Columns of nodes that are gone, to be used again. */
  readonly #freeColumns: number[] = [];
  /**
   * By address, a row of the first 48 bits of the digest per node, NaN where it was never asked for. Eight
   * octets for each pair of address and node: 8 MB for 10,000 addresses and 100 nodes.
   */
  readonly #rows = new Map<IpAddress, Float64Array>();
  constructor(digest: Digest) {
    this.#digest = digest;
  }

  /** @returns the first of `rank`; `undefined` when there are no candidates. */
  ownerOf(address: IpAddress, candidates: Iterable<string>): string | undefined {
    let owner: string | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    for (const node of candidates) {
      const score = this.#scoreOf(address, node);
      if (
        score < lowest ||
        (score === lowest && owner !== undefined && this.#precedes(node, owner, address))
      ) {
        owner = node;
        lowest = score;
      }
    }
    return owner;
  }

  /** @returns how many of the candidates stand before `node` in `rank`. */
  placeOf(address: IpAddress, candidates: Iterable<string>, node: string): number {
    const own = this.#scoreOf(address, node);
    let before = 0;
    for (const other of candidates) {
      const score = this.#scoreOf(address, other);
      if (score < own || (score === own && other !== node && this.#precedes(other, node, address)))
        before += 1;
    }
    return before;
  }

  forgetAddress(address: IpAddress): void {
    this.#rows.delete(address);
  }

  forgetNode(node: string): void {
    const column = this.#columns.get(node);
    if (column === undefined) return;
    this.#columns.delete(node);
    this.#freeColumns.push(column);
    for (const row of this.#rows.values()) if (column < row.length) row[column] = Number.NaN;
  }

  #scoreOf(address: IpAddress, node: string): number {
    const column = this.#columnOf(node);
    let row = this.#rows.get(address) ?? NO_SCORES;
    if (column >= row.length) row = this.#widen(address, row, column + 1);
    let score = row[column] as number;
    if (Number.isNaN(score)) {
      score = leading48Bits(this.#digest(ballot(node, address)));
      row[column] = score;
    }
    return score;
  }

  #columnOf(node: string): number {
    let column = this.#columns.get(node);
    if (column === undefined) {
      column = this.#freeColumns.pop() ?? this.#columns.size;
      this.#columns.set(node, column);
    }
    return column;
  }

  /** @returns a row with room for `columns` and for every node known, in the place of the narrower one. */
  #widen(address: IpAddress, row: Float64Array, columns: number): Float64Array {
    const wider = new Float64Array(Math.max(columns, this.#columns.size)).fill(Number.NaN);
    wider.set(row);
    this.#rows.set(address, wider);
    return wider;
  }

  #precedes(node: string, other: string, address: IpAddress): boolean {
    return compareOctets(this.#digest(ballot(node, address)), this.#digest(ballot(other, address))) < 0;
  }
}

const NO_SCORES = new Float64Array();

function ballot(node: string, address: IpAddress): string {
  return `${node}#${address}`;
}

function leading48Bits(octets: Uint8Array): number {
  let value = 0;
  for (let index = 0; index < 6; index += 1) value = value * 256 + (octets[index] as number);
  return value;
}

function compareOctets(a: Uint8Array, b: Uint8Array): number {
  for (let index = 0; index < a.length; index += 1) {
    const difference = (a[index] as number) - (b[index] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}
