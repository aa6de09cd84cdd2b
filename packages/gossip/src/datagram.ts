import { DecodeError, Reader, Writer } from "@herald/wire/bytes";
import { joinParts } from "./compound.ts";
import { compress, decompress, readCompressed } from "./compression.ts";
import { crc32 } from "./crc.ts";
import { type Framing, labelOf, outgoingEncryption } from "./framing.ts";
import { expectLabel } from "./label.ts";
import type { DatagramMessage } from "./message.ts";
import { decodeMessage } from "./message-codec.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { open, seal } from "./sealed.ts";

/** Compounds and compressed messages inside one another; memberlist itself makes two. */
const MAX_DEPTH = 4;
/** All that one datagram unpacks to, taken together. */
const MAX_INFLATED_OCTETS = 2 ** 20;
const MAX_MESSAGES = 1_024;
/** After so many parts that are rubbish the rest is not worth a look. */
const MAX_REFUSED = 64;

/** What arrived in one datagram. */
export interface Datagram {
  /** In the order they are to be taken in; at most 1,024. */
  readonly messages: readonly DatagramMessage[];
  /** Parts left out, and why; at most 64. */
  readonly refused: readonly DecodeError[];
}

/**
 * Puts messages into one datagram.
 *
 *   | label | version nonce ( | 12 | crc | ( | 9 | compressed ( one message or a compound ) | ) | ) tag |
 *
 * @param parts 1 to 255 messages as `encodeMessage` gives them; `packParts` sees to the size.
 * @param crc for receivers whose `protocolMax` is 5 or more, and only in periodic gossip or beside a suspicion;
 * memberlist takes it everywhere.
 */
export function encodeDatagram(
  parts: readonly Uint8Array[],
  { crc }: { readonly crc: boolean },
  around: Framing,
): Uint8Array {
  const joined = joinParts(parts);
  const packs = around.compress && joined.length >= around.compressFromOctets;
  const message = packs ? smaller(joined, compress(joined)) : joined;
  const plain = crc ? withCrc(message) : message;
  const encryption = outgoingEncryption(around);
  const body = encryption === undefined ? plain : seal(encryption, plain, labelOf(around));
  if (around.labelHeader.length === 0) return body;
  return new Writer(new Uint8Array(around.labelHeader.length + body.length))
    .bytes(around.labelHeader)
    .bytes(body)
    .finish();
}

/**
 * Unwraps a datagram. What is refused inside a compound leaves the others as they are.
 *
 * @param bytes up to 65,507.
 * @throws {DecodeError} when nothing of it counts: `unsupported` for another label or what no datagram carries,
 * `unauthenticated`, `checksum`, `truncated`, `oversized`, `invalid`.
 */
export function decodeDatagram(bytes: Uint8Array, around: Framing): Datagram {
  const body = bytes.subarray(expectLabel(bytes, around.labelHeader));
  const unwrapping = new Unwrapping();
  unwrapping.message(checked(opened(body, around)), 1);
  return { messages: unwrapping.messages, refused: unwrapping.refused };
}

function opened(body: Uint8Array, around: Framing): Uint8Array {
  const { encryption } = around;
  if (encryption === undefined) return body;
  try {
    return open(encryption, body, labelOf(around));
  } catch (error) {
    if (!(error instanceof DecodeError) || encryption.verifyIncoming) throw error;
    return body;
  }
}

function checked(plain: Uint8Array): Uint8Array {
  if (plain[0] !== MESSAGE_TYPE.crc) return plain;
  const r = new Reader(plain.subarray(1));
  const claimed = r.u32("crc");
  const message = r.rest();
  const actual = crc32(message);
  if (actual !== claimed) {
    throw new DecodeError("checksum", "crc", `${claimed.toString(16)}, want ${actual.toString(16)}`);
  }
  return message;
}

function withCrc(message: Uint8Array): Uint8Array {
  return new Writer(new Uint8Array(5 + message.length))
    .u8(MESSAGE_TYPE.crc)
    .u32(crc32(message))
    .bytes(message)
    .finish();
}

function smaller(plain: Uint8Array, packed: Uint8Array): Uint8Array {
  return packed.length < plain.length ? packed : plain;
}

/** The messages of one datagram as they come to light, with what may still come. */
class Unwrapping {
  readonly messages: DatagramMessage[] = [];
  readonly refused: DecodeError[] = [];
  #inflatedLeft = MAX_INFLATED_OCTETS;

  /** @throws {DecodeError} when it is refused as a whole. */
  message(bytes: Uint8Array, depth: number): void {
    if (depth > MAX_DEPTH) throw new DecodeError("oversized", "message", `more than ${MAX_DEPTH} deep`);
    if (bytes[0] === MESSAGE_TYPE.compound) this.#compound(bytes.subarray(1), depth);
    else if (bytes[0] === MESSAGE_TYPE.compress) this.#compressed(bytes.subarray(1), depth);
    else if (this.messages.length < MAX_MESSAGES) this.messages.push(decodeMessage(bytes));
    else throw new DecodeError("oversized", "message", `more than ${MAX_MESSAGES}`);
  }

  #compressed(bytes: Uint8Array, depth: number): void {
    const inside = decompress(readCompressed(new Reader(bytes)), this.#inflatedLeft);
    this.#inflatedLeft -= inside.length;
    this.message(inside, depth + 1);
  }

  /** Octets behind the last part are ignored, a part that is cut off is the last. */
  #compound(bytes: Uint8Array, depth: number): void {
    const r = new Reader(bytes);
    const count = r.u8("compound.count");
    const lengths = new Reader(r.bytes(2 * count, "compound.lengths"));
    for (let index = 0; index < count && this.refused.length < MAX_REFUSED; index += 1) {
      const octets = lengths.u16("compound.length");
      const part = this.#attempt(() => r.bytes(octets, "compound.part"));
      if (part === undefined) return;
      this.#attempt(() => this.message(part, depth + 1));
    }
  }

  /** @returns `undefined` when it was refused, which is noted. */
  #attempt<T>(step: () => T): T | undefined {
    try {
      return step();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.refused.push(error);
      return undefined;
    }
  }
}
