import { DecodeError, type Reader, Writer } from "@herald/wire/bytes";
import { compress } from "./compression.ts";
import { type Framing, labelOf, outgoingEncryption } from "./framing.ts";
import { fullInbox, Inbox } from "./inbox.ts";
import { expectLabel } from "./label.ts";
import type { StreamMessage } from "./message.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { type Encryption, open, seal, sealedOctets } from "./sealed.ts";
import {
  encodeStreamMessage,
  type ReceivedStream,
  readStreamMessage,
  type StreamLimits,
} from "./stream-message.ts";

/** Who sends: the one that dialled puts the label in front, the one that answers does not. */
export type StreamSide = "dialler" | "listener";

/** What label, type and length may take beside what `StreamLimits` counts. */
const MAX_HEAD_OCTETS = 2 ** 16;
const MAX_LABEL_HEADER_OCTETS = 257;
const SEALED_HEAD_OCTETS = 5;

/**
 * All that one side says on a connection.
 *
 *   | label header | 10 | length | version nonce ( | 9 | compressed ( message ) | ) tag |
 *
 * A label the dialler alone sends, but encryption is tied to it on both sides. Compression, where it is on, is
 * for every stream, those that grow by it too: memberlist does it so.
 */
export function encodeStream(message: StreamMessage, sender: StreamSide, around: Framing): Uint8Array {
  const plain = encodeStreamMessage(message);
  const body = around.compress ? compress(plain) : plain;
  const encryption = outgoingEncryption(around);
  const sent = encryption === undefined ? body : sealStream(body, encryption, around);
  if (sender === "listener" || around.labelHeader.length === 0) return sent;
  return new Writer(new Uint8Array(around.labelHeader.length + sent.length))
    .bytes(around.labelHeader)
    .bytes(sent)
    .finish();
}

/** Takes in what one side says, in pieces of any size, and knows when it is all there: nobody says so. */
export class StreamDecoder {
  readonly #inbox: Inbox;
  readonly #reading: Generator<void, ReceivedStream, void>;

  /** @param sender the other side. */
  constructor(sender: StreamSide, around: Framing, limits: StreamLimits) {
    this.#inbox = new Inbox(limits.octets + MAX_HEAD_OCTETS);
    this.#reading = readStream(this.#inbox, sender, around, limits);
  }

  /**
   * @returns what was said, once; `undefined` while there is more to come, and after that.
   * @throws {DecodeError} when it is refused: `unauthenticated` also for plain text where encryption is wanted.
   */
  push(chunk: Uint8Array): ReceivedStream | undefined {
    this.#inbox.append(chunk);
    const { done, value } = this.#reading.next();
    return done ? value : undefined;
  }

  /** The other side closed. @throws {DecodeError} `truncated` when it had not said everything. */
  end(): void {
    this.#inbox.complete();
    this.#reading.next();
  }
}

function* readStream(
  inbox: Inbox,
  sender: StreamSide,
  around: Framing,
  limits: StreamLimits,
): Generator<void, ReceivedStream, void> {
  if (sender === "dialler") yield* inbox.take(MAX_LABEL_HEADER_OCTETS, (r) => readLabel(r, around));
  const { encryption } = around;
  const sealed = yield* inbox.take(limits.octets + SEALED_HEAD_OCTETS, (r) => readSealed(r, limits));
  if (sealed === undefined) {
    if (encryption?.verifyIncoming) throw new DecodeError("unauthenticated", "stream", "not encrypted");
    return yield* readStreamMessage(inbox, limits);
  }
  if (encryption === undefined) throw new DecodeError("unsupported", "stream", "encrypted, no keys");
  const plain = open(encryption, sealed, sealedAad(sealed.length, around));
  return yield* readStreamMessage(fullInbox(plain), limits);
}

function readLabel(r: Reader, around: Framing): void {
  const unread = r.rest();
  if (unread.length === 0) throw new DecodeError("truncated", "label", "need 1, have 0");
  r.bytes(expectLabel(unread, around.labelHeader), "label");
}

/** @returns `undefined`, and takes nothing, when it is not encrypted. */
function readSealed(r: Reader, limits: StreamLimits): Uint8Array | undefined {
  const [type] = r.rest();
  if (type !== undefined && type !== MESSAGE_TYPE.encrypt) return undefined;
  r.u8("stream.type");
  const octets = r.u32("stream.length");
  if (octets > limits.octets) {
    throw new DecodeError("oversized", "stream.length", `${octets}, at most ${limits.octets}`);
  }
  return r.bytes(octets, "stream.sealed");
}

function sealStream(plain: Uint8Array, encryption: Encryption, around: Framing): Uint8Array {
  const octets = sealedOctets(encryption.version, plain.length);
  return new Writer(new Uint8Array(SEALED_HEAD_OCTETS + octets))
    .u8(MESSAGE_TYPE.encrypt)
    .u32(octets)
    .bytes(seal(encryption, plain, sealedAad(octets, around)))
    .finish();
}

/** In streams encryption is tied to what is in front of it, too. */
function sealedAad(octets: number, around: Framing): Uint8Array {
  const label = labelOf(around);
  return new Writer(new Uint8Array(SEALED_HEAD_OCTETS + label.length))
    .u8(MESSAGE_TYPE.encrypt)
    .u32(octets)
    .bytes(label)
    .finish();
}
