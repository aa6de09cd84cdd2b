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
  /** By address, then by node: the first 48 bits of the digest. Bounded by addresses in use times nodes. */
  readonly #scores = new Map<IpAddress, Map<string, number>>();
  constructor(digest: Digest) {
    this.#digest = digest;
  }

  /** @returns the first of `rank`; `undefined` when there are no candidates. */
  ownerOf(address: IpAddress, candidates: Iterable<string>): string | undefined {
    const scores = this.#scoresOf(address);
    let owner: string | undefined;
    let lowest = Number.POSITIVE_INFINITY;
    for (const node of candidates) {
      let score = scores.get(node);
      if (score === undefined) {
        score = leading48Bits(this.#digest(ballot(node, address)));
        scores.set(node, score);
      }
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

  forgetAddress(address: IpAddress): void {
    this.#scores.delete(address);
  }

  forgetNode(node: string): void {
    for (const scores of this.#scores.values()) scores.delete(node);
  }

  #scoresOf(address: IpAddress): Map<string, number> {
    let scores = this.#scores.get(address);
    if (scores === undefined) {
      scores = new Map();
      this.#scores.set(address, scores);
    }
    return scores;
  }

  #precedes(node: string, other: string, address: IpAddress): boolean {
    return compareOctets(this.#digest(ballot(node, address)), this.#digest(ballot(other, address))) < 0;
  }
}

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
