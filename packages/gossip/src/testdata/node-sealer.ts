import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Sealer } from "../sealer.ts";

const TAG_OCTETS = 16;

/** AES-GCM by Node, for tests. */
export const NODE_SEALER: Sealer = {
  seal(key, nonce, plain, aad) {
    const cipher = createCipheriv(algorithmOf(key), key, nonce).setAAD(aad);
    return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
  },
  open(key, nonce, sealed, aad) {
    const end = sealed.length - TAG_OCTETS;
    const decipher = createDecipheriv(algorithmOf(key), key, nonce, { authTagLength: TAG_OCTETS });
    decipher.setAAD(aad).setAuthTag(sealed.subarray(end));
    const plain = decipher.update(sealed.subarray(0, end));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return plain;
  },
};

function algorithmOf(key: Uint8Array): "aes-128-gcm" | "aes-192-gcm" | "aes-256-gcm" {
  if (key.length === 16) return "aes-128-gcm";
  return key.length === 24 ? "aes-192-gcm" : "aes-256-gcm";
}
