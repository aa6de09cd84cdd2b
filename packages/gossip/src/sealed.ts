import { DecodeError } from "@herald/wire/bytes";
import { type KeyRing, primaryKey } from "./key-ring.ts";
import type { Nonces, Sealer } from "./sealer.ts";

/** How a member encrypts. */
export interface Encryption {
  readonly ring: KeyRing;
  readonly sealer: Sealer;
  readonly nonces: Nonces;
  /** 1; 0 only where everybody speaks memberlist's protocol 1. Both are understood. */
  readonly version: 0 | 1;
  /** `false` while a cluster moves to encryption: what is not encrypted is accepted as well. */
  readonly verifyIncoming: boolean;
  /** `false` while a cluster moves to encryption: nothing is encrypted. */
  readonly verifyOutgoing: boolean;
}

const NONCE_OCTETS = 12;
const TAG_OCTETS = 16;
const BLOCK_OCTETS = 16;
const FRAME_OCTETS = 1 + NONCE_OCTETS + TAG_OCTETS;

/** How many octets longer a payload gets at most. */
export function sealedOverhead(version: 0 | 1): number {
  return version === 0 ? FRAME_OCTETS + BLOCK_OCTETS : FRAME_OCTETS;
}

/** How long a payload of `plainOctets` gets exactly. */
export function sealedOctets(version: 0 | 1, plainOctets: number): number {
  return FRAME_OCTETS + plainOctets + (version === 0 ? paddingOf(plainOctets) : 0);
}

/**
 * Encrypts with the first key of the ring (memberlist, `security.go`).
 *
 *   0         1       13           -16
 *   | version | nonce | ciphertext | tag |
 *
 * Version 0 pads what it encrypts to whole blocks, PKCS #7.
 */
export function seal(
  { ring, sealer, nonces, version }: Encryption,
  plain: Uint8Array,
  aad: Uint8Array,
): Uint8Array {
  const nonce = nonces.next();
  const sealed = sealer.seal(primaryKey(ring), nonce, version === 0 ? padded(plain) : plain, aad);
  const bytes = new Uint8Array(1 + NONCE_OCTETS + sealed.length);
  bytes[0] = version;
  bytes.set(nonce, 1);
  bytes.set(sealed, 1 + NONCE_OCTETS);
  return bytes;
}

/**
 * Tries every key of the ring.
 *
 * @throws {DecodeError} `truncated`, `unsupported` for another version, `unauthenticated` when no key fits,
 * `invalid` for padding that is none.
 */
export function open({ ring, sealer }: Encryption, bytes: Uint8Array, aad: Uint8Array): Uint8Array {
  const version = bytes[0];
  if (version === undefined) throw new DecodeError("truncated", "sealed.version", "need 1, have 0");
  if (version > 1) throw new DecodeError("unsupported", "sealed.version", `${version}, want 0 or 1`);
  const least = version === 0 ? FRAME_OCTETS + BLOCK_OCTETS : FRAME_OCTETS;
  if (bytes.length < least) {
    throw new DecodeError("truncated", "sealed", `need ${least}, have ${bytes.length}`);
  }
  const nonce = bytes.subarray(1, 1 + NONCE_OCTETS);
  const sealed = bytes.subarray(1 + NONCE_OCTETS);
  for (const key of ring.keys) {
    const plain = sealer.open(key, nonce, sealed, aad);
    if (plain !== undefined) return version === 0 ? withoutPadding(plain) : plain;
  }
  throw new DecodeError("unauthenticated", "sealed.tag", `none of ${ring.keys.length} keys fits`);
}

function paddingOf(octets: number): number {
  return BLOCK_OCTETS - (octets % BLOCK_OCTETS);
}

function padded(plain: Uint8Array): Uint8Array {
  const padding = paddingOf(plain.length);
  const blocks = new Uint8Array(plain.length + padding).fill(padding);
  blocks.set(plain);
  return blocks;
}

function withoutPadding(blocks: Uint8Array): Uint8Array {
  const padding = blocks.at(-1) ?? 0;
  const end = blocks.length - padding;
  if (padding < 1 || padding > BLOCK_OCTETS || end < 0 || blocks.subarray(end).some((o) => o !== padding)) {
    throw new DecodeError("invalid", "sealed.padding", `${padding}`);
  }
  return blocks.subarray(0, end);
}
