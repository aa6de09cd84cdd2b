/** Keys of AES-GCM by length: 128, 192 or 256 bits. */
const KEY_OCTETS = [16, 24, 32];

/** As many as one datagram is tried with at most: a stranger's costs that much. */
const MAX_KEYS = 16;

/**
 * What a cluster's members encrypt with. To change the key without losing a member: add the new one everywhere,
 * use it everywhere, remove the old one everywhere.
 */
export interface KeyRing {
  /** At least one, each different. The first encrypts, all are tried to decrypt, in this order. */
  readonly keys: readonly Uint8Array[];
}

/** @throws {RangeError} when a key has neither 16, 24 nor 32 octets, or there are more than 16. */
export function keyRing(primary: Uint8Array, ...others: readonly Uint8Array[]): KeyRing {
  return others.reduce<KeyRing>(addKey, { keys: [checked(primary)] });
}

/** Decrypts with `key` too, from now on; harmless when it is there already. @throws {RangeError} as `keyRing`. */
export function addKey(ring: KeyRing, key: Uint8Array): KeyRing {
  checked(key);
  if (ring.keys.some((known) => sameOctets(known, key))) return ring;
  if (ring.keys.length === MAX_KEYS) throw new RangeError(`more than ${MAX_KEYS} keys`);
  return { keys: [...ring.keys, key] };
}

/** Encrypts with `key` from now on. @throws {RangeError} when it was not added before. */
export function useKey(ring: KeyRing, key: Uint8Array): KeyRing {
  const others = ring.keys.filter((known) => !sameOctets(known, key));
  if (others.length === ring.keys.length) throw new RangeError("not a key of this ring");
  return { keys: [key, ...others] };
}

/** Harmless when it is not there. @throws {RangeError} for the key that encrypts. */
export function removeKey(ring: KeyRing, key: Uint8Array): KeyRing {
  if (sameOctets(primaryKey(ring), key)) throw new RangeError("the key that encrypts cannot be removed");
  return { keys: ring.keys.filter((known) => !sameOctets(known, key)) };
}

export function primaryKey(ring: KeyRing): Uint8Array {
  const [primary] = ring.keys;
  if (primary === undefined) throw new RangeError("a ring without keys");
  return primary;
}

function checked(key: Uint8Array): Uint8Array {
  if (!KEY_OCTETS.includes(key.length)) {
    throw new RangeError(`a key of ${key.length} octets, want ${KEY_OCTETS.join(", ")}`);
  }
  return key;
}

function sameOctets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((octet, index) => octet === b[index]);
}
