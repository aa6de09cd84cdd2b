import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import type { HmacSha256 } from "@herald/gossip/derive-key";
import type { RandomOctets, Sealer } from "@herald/gossip/sealer";

const TAG_OCTETS = 16;

/** By the octets' identity; a key ring keeps them. Raw octets cost ten times as much at each datagram. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

/** AES-GCM by Node's OpenSSL. */
export const sealer: Sealer = {
  seal(key, nonce, plain, aad) {
    const cipher = createCipheriv(algorithmOf(key), keyObject(key), nonce).setAAD(aad);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  },
  open(key, nonce, sealed, aad) {
    const end = sealed.length - TAG_OCTETS;
    const decipher = createDecipheriv(algorithmOf(key), keyObject(key), nonce, { authTagLength: TAG_OCTETS });
    decipher.setAAD(aad).setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return undefined; // "unable to authenticate data": another key, or a forgery
    }
    return plain;
  },
};

export const systemOctets: RandomOctets = { octets: (count) => randomBytes(count) };

export const hmacSha256: HmacSha256 = (key, octets) => createHmac("sha256", key).update(octets).digest();

function algorithmOf(key: Uint8Array): "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" {
  if (key.length === 16) return "aes-128-gcm";
  return key.length === 24 ? "aes-192-gcm" : "aes-256-gcm";
}

function keyObject(key: Uint8Array): KeyObject {
  let object = keyObjects.get(key);
  if (object === undefined) {
    object = createSecretKey(key);
    keyObjects.set(key, object);
  }
  return object;
}
