import {
  type CipherGCMTypes,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  type KeyObject,
} from "node:crypto";
import type { Sealer } from "../sealer.ts";

const TAG_OCTETS = 16;

/** AES-GCM by Node, for tests. */
export const NODE_SEALER: Sealer = {
  seal(key, nonce, plain, aad) {
    const cipher = createCipheriv(algorithmOf(key), keyObjectOf(key), nonce).setAAD(aad);
    const sealed = new Uint8Array(plain.length + TAG_OCTETS);
    sealed.set(cipher.update(plain));
    cipher.final(); // GCM holds nothing back
    sealed.set(cipher.getAuthTag(), plain.length);
    return sealed;
  },
  open(key, nonce, sealed, aad) {
    const end = sealed.length - TAG_OCTETS;
    const decipher = createDecipheriv(algorithmOf(key), keyObjectOf(key), nonce, {
      authTagLength: TAG_OCTETS,
    });
    decipher.setAAD(aad).setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
  },
};

/** Why: with a key given as octets each datagram costs five times as much. */
const keyObjects = new WeakMap<Uint8Array, KeyObject>();

function keyObjectOf(key: Uint8Array): KeyObject {
  const known = keyObjects.get(key);
  if (known !== undefined) return known;
  const made = createSecretKey(key);
  keyObjects.set(key, made);
  return made;
}

function algorithmOf(key: Uint8Array): CipherGCMTypes {
  if (key.length === 16) return "aes-128-gcm";
  return key.length === 24 ? "aes-192-gcm" : "aes-256-gcm";
}
