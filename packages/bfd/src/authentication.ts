import type { Random } from "@herald/shared/core";
import { Reader, Writer } from "@herald/wire/bytes";
import { AUTHENTICATION_TYPE } from "./iana.ts";
import { type AuthenticationSection, type ControlPacket, encodePacket } from "./packet.ts";
import type { BfdDropReason } from "./reasons.ts";

/** One key that both sides have (RFC 5880 §6.7). */
export interface Authentication {
  readonly kind: keyof typeof AUTHENTICATION_TYPE;
  /** 0 to 255. */
  readonly keyId: number;
  /** 1 to 16 octets, with SHA-1 up to 20. Never logged. */
  readonly key: Uint8Array;
}

/** The two hash functions, 16 and 20 octets. Who has no keys needs none. */
export interface Digests {
  md5(bytes: Uint8Array): Uint8Array;
  sha1(bytes: Uint8Array): Uint8Array;
}

const DIGEST_OCTETS = { md5: 16, sha1: 20 } as const;

/** Reserved octet and sequence number, in front of a digest: after key ID (RFC 5880 §4.3, §4.4). */
const SEQUENCE_AT = 2;
const DIGEST_AT = 6;

/**
 * Proves what a session sends, and judges what it gets. Every packet has a next sequence number, with the kinds that are not
 * meticulous, too: they allow it.
 */
export class Authenticator {
  readonly #authentication: Authentication;
  readonly #digests: Digests;
  #sendSequence: number;
  /** bfd.RcvAuthSeq; `undefined` while bfd.AuthSeqKnown is 0. */
  #receivedSequence: number | undefined;

  constructor(authentication: Authentication, digests: Digests, random: Random) {
    this.#authentication = authentication;
    this.#digests = digests;
    this.#sendSequence = Math.floor(random.next() * 2 ** 32);
  }

  encode(packet: ControlPacket): Uint8Array {
    const { kind, keyId, key } = this.#authentication;
    const type = AUTHENTICATION_TYPE[kind];
    const hash = hashOf(kind);
    if (hash === undefined) {
      const data = new Writer(new Uint8Array(1 + key.length)).u8(keyId).bytes(key).finish();
      return encodePacket({ ...packet, authentication: { type, data } });
    }
    const data = new Writer(new Uint8Array(DIGEST_AT + DIGEST_OCTETS[hash]))
      .u8(keyId)
      .u8(0)
      .u32(this.#sendSequence)
      .bytes(padded(key, DIGEST_OCTETS[hash]))
      .finish();
    this.#sendSequence = (this.#sendSequence + 1) >>> 0;
    const bytes = encodePacket({ ...packet, authentication: { type, data } });
    bytes.set(this.#digests[hash](bytes), bytes.length - DIGEST_OCTETS[hash]);
    return bytes;
  }

  /**
   * @param bytes those of the packet, and no more.
   * @returns why it must be discarded; `undefined` when it is the peer's.
   */
  judge(packet: ControlPacket, bytes: Uint8Array): BfdDropReason | undefined {
    const { kind, keyId, key } = this.#authentication;
    const section = packet.authentication;
    if (section === undefined) return "missing-authentication";
    if (section.type !== AUTHENTICATION_TYPE[kind] || section.data[0] !== keyId)
      return "wrong-authentication";
    const hash = hashOf(kind);
    if (hash === undefined) return isSame(section.data.subarray(1), key) ? undefined : "wrong-authentication";
    if (section.data.length !== DIGEST_AT + DIGEST_OCTETS[hash]) return "wrong-authentication";
    const sequence = sequenceOf(section);
    if (!this.#isNext(sequence, packet.detectMultiplier)) return "replayed";
    const at = bytes.length - DIGEST_OCTETS[hash];
    const keyed = bytes.slice();
    keyed.set(padded(key, DIGEST_OCTETS[hash]), at);
    if (!isSame(this.#digests[hash](keyed), bytes.subarray(at))) return "wrong-authentication";
    // Why: the RFC takes the first number before it looks at the digest. Anybody could then shut the peer out.
    this.#receivedSequence = sequence;
    return undefined;
  }

  /** The peer was silent for twice the detection time: it may have begun anew (bfd.AuthSeqKnown := 0, RFC 5880 §6.8.1). */
  forget(): void {
    this.#receivedSequence = undefined;
  }

  /** Within three detection times of the last one; circular. */
  #isNext(sequence: number, detectMultiplier: number): boolean {
    if (this.#receivedSequence === undefined) return true;
    const ahead = (sequence - this.#receivedSequence) >>> 0;
    const least = this.#authentication.kind.startsWith("meticulous") ? 1 : 0;
    return ahead >= least && ahead <= 3 * detectMultiplier;
  }
}

function hashOf(kind: Authentication["kind"]): "md5" | "sha1" | undefined {
  if (kind === "password") return undefined;
  return kind.endsWith("md5") ? "md5" : "sha1";
}

function sequenceOf({ data }: AuthenticationSection): number {
  const r = new Reader(data);
  r.bytes(SEQUENCE_AT, "bfd.auth-key-id");
  return r.u32("bfd.sequence-number");
}

function padded(key: Uint8Array, octets: number): Uint8Array {
  const all = new Uint8Array(octets);
  all.set(key);
  return all;
}

/** Takes as long wherever the first difference is. */
function isSame(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (const [index, octet] of a.entries()) difference |= octet ^ (b[index] as number);
  return difference === 0;
}
