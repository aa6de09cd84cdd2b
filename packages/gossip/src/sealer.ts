/** AES-GCM with 12 octets of nonce and a tag of 16. The key's length says which AES. */
export interface Sealer {
  /** @returns the ciphertext with its tag behind it. */
  seal(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array, aad: Uint8Array): Uint8Array;
  /**
   * @param sealed at least a tag.
   * @returns `undefined` when this is not what that key sealed with that `aad`.
   */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array | undefined;
}

/** Twelve octets that no key has seen before, each time. */
export interface Nonces {
  next(): Uint8Array;
}

/** Octets nobody can foretell. */
export interface RandomOctets {
  octets(count: number): Uint8Array;
}

const PREFIX_OCTETS = 6;
const COUNTER_END = 2 ** 48;

/**
 * Six octets of chance for the life of a process, then a counter of six. Twelve of chance may meet after 2^32
 * datagrams, which a large cluster with one key sends in half a day; these after as many processes.
 */
export class CountedNonces implements Nonces {
  readonly #prefix: Uint8Array;
  #count: number;

  /** @param first where to count from. */
  constructor(random: RandomOctets, first = 0) {
    this.#prefix = random.octets(PREFIX_OCTETS);
    this.#count = first;
  }

  next(): Uint8Array {
    if (this.#count === COUNTER_END) throw new RangeError("out of nonces");
    const nonce = new Uint8Array(12);
    nonce.set(this.#prefix);
    const high = Math.floor(this.#count / 2 ** 32);
    nonce[6] = high >>> 8;
    nonce[7] = high;
    for (let index = 0; index < 4; index += 1) nonce[8 + index] = this.#count >>> (24 - 8 * index);
    this.#count += 1;
    return nonce;
  }
}
