/**
 * A set of whole numbers 0 to `size - 1` that answers "the lowest member from here on" and "the lowest
 * non-member from here on" in O(log size), with memory for its members alone: a /64 costs nothing until used.
 *
 * It is a 32-way tree. Every node keeps two words: which of its 32 children have any member, and which have
 * all of theirs. Missing children are empty.
 */
export class AddressSet {
  readonly #size: bigint;
  readonly #levels: number;
  readonly #root: TreeNode = emptyNode();

  /** @param size how many numbers there are to choose from; 0 or more, up to 2^129. */
  constructor(size: bigint) {
    this.#size = size;
    let levels = 1;
    for (let span = 32n; span < size; span <<= 5n) levels += 1;
    this.#levels = levels;
  }

  get isEmpty(): boolean {
    return this.#root.some === 0;
  }

  has(member: bigint): boolean {
    let node = this.#root;
    for (let level = this.#levels - 1; level > 0; level -= 1) {
      const child = node.children[digit(member, level)];
      if (child === undefined) return false;
      node = child;
    }
    return (node.some & bit(digit(member, 0))) !== 0;
  }

  /** Adding a member twice is harmless. */
  add(member: bigint): void {
    addBelow(this.#root, this.#levels - 1, member);
  }

  /** Deleting what is no member is harmless. */
  delete(member: bigint): void {
    deleteBelow(this.#root, this.#levels - 1, member);
  }

  /** @returns `undefined` when no member is at `from` or above. */
  lowestMember(from: bigint): bigint | undefined {
    return from < this.#size ? searchMember(this.#root, this.#levels - 1, from) : undefined;
  }

  /** @returns `undefined` when everything from `from` to the end is a member. */
  lowestGap(from: bigint): bigint | undefined {
    if (from >= this.#size) return undefined;
    const gap = searchGap(this.#root, this.#levels - 1, from);
    return gap !== undefined && gap < this.#size ? gap : undefined;
  }
}

interface TreeNode {
  /** Bit i: child i has a member. In a leaf: i is a member. */
  some: number;
  /** Bit i: child i has no gap. In a leaf: the same word as `some`. */
  full: number;
  /** Only the children with members; none in a leaf. */
  readonly children: (TreeNode | undefined)[];
}

const EVERY = -1; // all 32 bits

function emptyNode(): TreeNode {
  return { some: 0, full: 0, children: [] };
}

function bit(index: number): number {
  return 1 << index;
}

/** Which child the number lies in, 0 to 31. */
function digit(value: bigint, level: number): number {
  return Number((value >> BigInt(5 * level)) & 31n);
}

/** The part of the number that matters below the given level. */
function below(value: bigint, level: number): bigint {
  return value & ((1n << BigInt(5 * level)) - 1n);
}

function lowestBit(word: number): number {
  return 31 - Math.clz32(word & -word);
}

function addBelow(node: TreeNode, level: number, member: bigint): void {
  const index = digit(member, level);
  node.some |= bit(index);
  if (level === 0) {
    node.full = node.some;
    return;
  }
  let child = node.children[index];
  if (child === undefined) {
    child = emptyNode();
    node.children[index] = child;
  }
  addBelow(child, level - 1, member);
  if (child.full === EVERY) node.full |= bit(index);
}

function deleteBelow(node: TreeNode, level: number, member: bigint): void {
  const index = digit(member, level);
  if (level === 0) {
    node.some &= ~bit(index);
    node.full = node.some;
    return;
  }
  const child = node.children[index];
  if (child === undefined) return;
  deleteBelow(child, level - 1, member);
  if (child.full !== EVERY) node.full &= ~bit(index);
  if (child.some !== 0) return;
  node.some &= ~bit(index);
  node.children[index] = undefined;
}

function searchMember(node: TreeNode, level: number, from: bigint): bigint | undefined {
  const first = digit(from, level);
  for (let left = node.some & (EVERY << first); left !== 0; left &= left - 1) {
    const index = lowestBit(left);
    if (level === 0) return BigInt(index);
    const child = node.children[index] as TreeNode; // its bit in `some` is set
    const found = searchMember(child, level - 1, index === first ? below(from, level) : 0n);
    if (found !== undefined) return (BigInt(index) << BigInt(5 * level)) + found;
  }
  return undefined;
}

function searchGap(node: TreeNode | undefined, level: number, from: bigint): bigint | undefined {
  if (node === undefined) return from;
  const first = digit(from, level);
  for (let left = ~node.full & (EVERY << first); left !== 0; left &= left - 1) {
    const index = lowestBit(left);
    if (level === 0) return BigInt(index);
    const found = searchGap(node.children[index], level - 1, index === first ? below(from, level) : 0n);
    if (found !== undefined) return (BigInt(index) << BigInt(5 * level)) + found;
  }
  return undefined;
}
