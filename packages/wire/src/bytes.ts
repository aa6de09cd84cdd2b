/** Why bytes off the wire were refused. A closed set: it is a metric label. */
export type DecodeReason =
  | "truncated"
  | "trailing"
  | "unsupported"
  | "invalid"
  | "checksum"
  | "unauthenticated" // sealed with no key of ours, changed on its way, or not sealed at all
  | "oversized"; // past a bound of ours

/** The other side sent bytes we refuse. Counted and dropped, never fatal. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly reason: DecodeReason;
  /** Dotted path of the refused field, e.g. `arp.oper`. */
  readonly field: string;
  constructor(reason: DecodeReason, field: string, detail = "") {
    super(`${field}: ${reason}${detail && ` (${detail})`}`); // arp.tpa: truncated (need 4, have 3)
    this.reason = reason;
    this.field = field;
  }
}

/** @throws {DecodeError} `unsupported` when `value` is not the only one we understand. */
export function expectField(field: string, value: number, wanted: number): void {
  if (value !== wanted) throw new DecodeError("unsupported", field, `${value}, want ${wanted}`);
}

/** Reads big-endian fields one after the other. Every read checks its bounds and names the field it was for. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u8(field: string): number {
    const at = this.#take(1, field);
    return this.#bytes[at] as number;
  }

  u16(field: string): number {
    const at = this.#take(2, field);
    return readU16(this.#bytes, at);
  }

  u32(field: string): number {
    const at = this.#take(4, field);
    return readU32(this.#bytes, at);
  }

  /** @returns a view into the bytes given to the constructor, not a copy. */
  bytes(octets: number, field: string): Uint8Array {
    const at = this.#take(octets, field);
    return this.#bytes.subarray(at, at + octets);
  }

  /** @returns a view of everything not read yet. */
  rest(): Uint8Array {
    return this.#bytes.subarray(this.#at);
  }

  #take(octets: number, field: string): number {
    const at = this.#at;
    const have = this.#bytes.length - at;
    if (have < octets) throw new DecodeError("truncated", field, `need ${octets}, have ${have}`);
    this.#at = at + octets;
    return at;
  }
}

/**
 * Writes big-endian fields one after the other into a buffer of exactly the right size, which need not be
 * zeroed. Writing past its end, or stopping before it, is a bug of ours and throws a RangeError.
 */
export class Writer {
  readonly #bytes: Uint8Array;
  #at = 0;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  u8(value: number): this {
    this.#bytes[this.#take(1)] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#take(2);
    this.#bytes[at] = value >>> 8;
    this.#bytes[at + 1] = value;
    return this;
  }

  u32(value: number): this {
    writeU32(this.#bytes, this.#take(4), value);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#bytes.set(value, this.#take(value.length));
    return this;
  }

  /** @returns the buffer, now that every octet of it has been written. */
  finish(): Uint8Array {
    const left = this.#bytes.length - this.#at;
    if (left > 0) throw new RangeError(`${left} octets were not written`);
    return this.#bytes;
  }

  #take(octets: number): number {
    const at = this.#at;
    if (at + octets > this.#bytes.length) {
      throw new RangeError(`no room for ${octets} octets at ${at} of ${this.#bytes.length}`);
    }
    this.#at = at + octets;
    return at;
  }
}

/** @param at where two octets are, as the caller has checked. */
export function readU16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** @param at where four octets are, as the caller has checked. */
export function readU32(bytes: Uint8Array, at: number): number {
  return ((readU16(bytes, at) << 16) | readU16(bytes, at + 2)) >>> 0;
}

/** @param at where four octets fit, as the caller has checked. */
export function writeU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
