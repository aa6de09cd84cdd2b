import { readU16 } from "@herald/wire/bytes";
import { HEADER_OCTETS, MAX_OCTETS } from "./header.ts";
import { ERROR, HEADER_ERROR, MESSAGE_TYPE } from "./iana.ts";
import { MessageError } from "./message-error.ts";
import { notification } from "./notification.ts";

/** One whole message, not looked into yet. */
export interface Frame {
  /** One of `MESSAGE_TYPE`. */
  readonly type: number;
  readonly body: Uint8Array;
}

/** Cuts what comes out of a TCP connection into messages. */
export class Framer {
  /** What is not a whole message yet. Bounded by one message of the greatest length and one chunk. */
  #buffer: Uint8Array = new Uint8Array(0);
  #maxOctets = MAX_OCTETS;

  /** Our OPEN said that we take longer messages. Lengths of those that follow are judged by it. */
  allow(maxOctets: number): void {
    this.#maxOctets = maxOctets;
  }

  /** Take all messages out with `next` before the next chunk, or the buffer grows. */
  push(chunk: Uint8Array): void {
    if (this.#buffer.length === 0) {
      this.#buffer = chunk;
      return;
    }
    const joined = new Uint8Array(this.#buffer.length + chunk.length);
    joined.set(this.#buffer);
    joined.set(chunk, this.#buffer.length);
    this.#buffer = joined;
  }

  /**
   * @returns the next message; `undefined` until more comes.
   * @throws {MessageError} when the stream cannot be read on (RFC 4271 §6.1). Nothing behind it can, either.
   */
  next(): Frame | undefined {
    const buffer = this.#buffer;
    checkMarker(buffer);
    if (buffer.length < HEADER_OCTETS) return undefined;
    const octets = readU16(buffer, 16);
    const type = buffer[18] as number;
    this.#check(type, octets);
    if (buffer.length < octets) return undefined;
    this.#buffer = buffer.subarray(octets);
    return { type, body: buffer.subarray(HEADER_OCTETS, octets) };
  }

  #check(type: number, octets: number): void {
    const bounds = BOUNDS[type];
    if (bounds === undefined) {
      const answer = notification(ERROR.header, HEADER_ERROR.badType, Uint8Array.of(type));
      throw new MessageError("unsupported", "header.type", `${type}`, answer);
    }
    const most = Math.min(bounds.most ?? this.#maxOctets, this.#maxOctets);
    if (octets >= bounds.least && octets <= most) return;
    const data = Uint8Array.of(octets >>> 8, octets);
    const answer = notification(ERROR.header, HEADER_ERROR.badLength, data);
    throw new MessageError("invalid", "header.length", `${octets}, want ${bounds.least} to ${most}`, answer);
  }
}

/**
 * Least and greatest length by type, RFC 4271 §6.1; `undefined`: as long as messages may be. Why ROUTE-REFRESH has no
 * least length of its own here: a wrong one has an error of its own (RFC 7313 §5).
 */
const BOUNDS: Readonly<Record<number, { readonly least: number; readonly most: number | undefined }>> = {
  [MESSAGE_TYPE.open]: { least: 29, most: MAX_OCTETS },
  [MESSAGE_TYPE.update]: { least: 23, most: undefined },
  [MESSAGE_TYPE.notification]: { least: 21, most: undefined },
  [MESSAGE_TYPE.keepalive]: { least: 19, most: 19 },
  [MESSAGE_TYPE.routeRefresh]: { least: 19, most: undefined },
};

/** As soon as the first octet is there: who speaks something else should not be waited for. */
function checkMarker(buffer: Uint8Array): void {
  const end = Math.min(buffer.length, 16);
  for (let index = 0; index < end; index += 1) {
    if (buffer[index] === 0xff) continue;
    const answer = notification(ERROR.header, HEADER_ERROR.notSynchronized);
    throw new MessageError("invalid", "header.marker", `octet ${index} is ${buffer[index]}`, answer);
  }
}
