import { encodeUtf8 } from "./text.ts";

const METALLB_KEY_OCTETS = 32;

/** SHA-256 of nothing at all. */
// biome-ignore format: as it is printed everywhere
const SHA256_OF_NOTHING = Uint8Array.of(
  0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
  0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
);

/**
 * The key MetalLB's speakers have, so that they and ours can share a cluster: the secret with SHA-256 of nothing
 * behind it, cut to the key's length. Go's `Sum(secret)` appends to the secret where its author meant to hash
 * it, so a long secret's tail counts for nothing and a short one's key is half known.
 *
 * @param secret the file as it is, a newline at its end included.
 * @param keyOctets 32; 16 to talk to MetalLB before 0.14.2.
 */
export function metallbKey(secret: Uint8Array, keyOctets: 16 | 32 = METALLB_KEY_OCTETS): Uint8Array {
  const key = new Uint8Array(secret.length + SHA256_OF_NOTHING.length);
  key.set(secret);
  key.set(SHA256_OF_NOTHING, secret.length);
  return key.slice(0, keyOctets);
}

/** HMAC with SHA-256: 32 octets. */
export type HmacSha256 = (key: Uint8Array, octets: Uint8Array) => Uint8Array;

const INFO = encodeUtf8("herald gossip v1");

/**
 * A key of 32 octets that every octet of the secret counts in: HKDF with SHA-256, no salt, our own `info`
 * (RFC 5869 §2.2, §2.3). It spreads what a secret has of chance, it does not add any: no password belongs here.
 */
export function deriveKey(secret: Uint8Array, hmac: HmacSha256): Uint8Array {
  const extracted = hmac(new Uint8Array(32), secret);
  return new Uint8Array(hmac(extracted, Uint8Array.of(...INFO, 1)));
}
