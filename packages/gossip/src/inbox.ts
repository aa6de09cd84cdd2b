import { DecodeError, Reader } from "@herald/wire/bytes";

const MIN_ROOM = 4_096;

/**
 * Octets that arrive piece by piece, read as far as they have come. A reading generator yields while there is
 * not enough and is resumed once there is more.
 */
export class Inbox {
  readonly #maxOctets: number;
  #octets = new Uint8Array(0);
  #read = 0;
  #end = 0;
  #complete = false;

  /** @param maxOctets all that may arrive. */
  constructor(maxOctets: number) {
    this.#maxOctets = maxOctets;
  }

  /** @throws {DecodeError} `oversized`. */
  append(chunk: Uint8Array): void {
    const needed = this.#end + chunk.length;
    if (needed > this.#maxOctets) {
      throw new DecodeError("oversized", "stream", `more than ${this.#maxOctets} octets`);
    }
    if (needed > this.#octets.length) {
      const larger = new Uint8Array(Math.max(MIN_ROOM, needed, 2 * this.#octets.length));
      larger.set(this.#octets.subarray(0, this.#end));
      this.#octets = larger;
    }
    this.#octets.set(chunk, this.#end);
    this.#end = needed;
  }

  /** Nothing more will come: what is not there now is missing. */
  complete(): void {
    this.#complete = true;
  }

  /**
   * Reads again and again from the same place until it is all there; only then is it taken.
   *
   * @param maxOctets of one reading: how far it may wait for more.
   * @throws {DecodeError} what `read` throws, `truncated` only when nothing more comes; `oversized`.
   */
  *take<T>(maxOctets: number, read: (r: Reader) => T): Generator<void, T, void> {
    for (;;) {
      const unread = this.#octets.subarray(this.#read, this.#end);
      const r = new Reader(unread);
      try {
        const value = read(r);
        this.#read = this.#end - r.rest().length;
        return value;
      } catch (error) {
        if (!(error instanceof DecodeError) || error.reason !== "truncated" || this.#complete) throw error;
        if (unread.length > maxOctets) {
          throw new DecodeError("oversized", error.field, `not there after ${maxOctets} octets`);
        }
      }
      yield;
    }
  }
}

/** All there from the start. */
export function fullInbox(octets: Uint8Array): Inbox {
  const inbox = new Inbox(octets.length);
  inbox.append(octets);
  inbox.complete();
  return inbox;
}
