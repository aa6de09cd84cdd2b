import { DecodeError } from "@herald/wire/bytes";
import { CodeReader, CodeWriter } from "./lzw-codes.ts";

/**
 * LZW as Go's compress/lzw has it with least significant bits first and 8-bit literals, which is GIF's: codes of
 * 9 to 12 bits, 256 clears the table, 257 ends. Bits fill octets from the low end, the last one padded with 0.
 */
const CLEAR = 256;
const END = 257;
const MIN_WIDTH = 9;
const MAX_WIDTH = 12;
const MAX_CODE = 2 ** MAX_WIDTH - 1;
const MIN_ROOM = 1_024;

/**
 * @param maxOctets a bound on what may come out: 200 kB can stand for 256 MiB.
 * @throws {DecodeError} `truncated` without an end code, `invalid` for a code not defined yet, `oversized`.
 */
export function inflateLzw(packed: Uint8Array, maxOctets: number, field: string): Uint8Array {
  const codes = new CodeReader(packed, field);
  const out = new Inflation(maxOctets, field);
  for (let code = codes.take(out.width); code !== END; code = codes.take(out.width)) {
    if (code === CLEAR) out.clear();
    else out.append(code);
  }
  return out.finish();
}

/** @returns octet for octet what Go's encoder gives. */
export function deflateLzw(plain: Uint8Array): Uint8Array {
  const out = new Deflation(plain.length);
  for (let index = 0; index < plain.length; index += 1) out.append(plain[index] as number);
  return out.finish();
}

/**
 * What came out so far. Every string of the table was written before, its octets side by side: where it begins
 * and how long it is are all there is to know.
 */
class Inflation {
  readonly #maxOctets: number;
  readonly #field: string;
  readonly #starts = new Uint32Array(MAX_CODE + 1);
  readonly #lengths = new Uint32Array(MAX_CODE + 1);
  #octets: Uint8Array;
  #end = 0;
  #next = END; // the code that the string before, and one octet of this one, will be defined as
  #previousStart = -1; // none: after a clear, and while the table is full
  width = MIN_WIDTH;

  constructor(maxOctets: number, field: string) {
    this.#maxOctets = maxOctets;
    this.#field = field;
    this.#octets = new Uint8Array(Math.min(MIN_ROOM, maxOctets));
  }

  clear(): void {
    this.width = MIN_WIDTH;
    this.#next = END;
    this.#previousStart = -1;
  }

  append(code: number): void {
    if (code > this.#next) {
      throw new DecodeError("invalid", this.#field, `code ${code}, at most ${this.#next}`);
    }
    const start = this.#end;
    if (this.#previousStart >= 0) {
      this.#starts[this.#next] = this.#previousStart;
      this.#lengths[this.#next] = start - this.#previousStart + 1;
    }
    this.#write(code);
    this.#previousStart = start;
    this.#advance();
  }

  finish(): Uint8Array {
    return this.#octets.subarray(0, this.#end);
  }

  #write(code: number): void {
    const length = code < CLEAR ? 1 : (this.#lengths[code] as number);
    this.#makeRoom(length);
    if (code < CLEAR) this.#octets[this.#end] = code;
    else this.#repeat(this.#starts[code] as number, length);
    this.#end += length;
  }

  /** One octet at a time, forwards: a string just being defined ends in the octet written first. */
  #repeat(start: number, length: number): void {
    for (let index = 0; index < length; index += 1) {
      this.#octets[this.#end + index] = this.#octets[start + index] as number;
    }
  }

  #advance(): void {
    this.#next += 1;
    if (this.#next < 2 ** this.width) return;
    if (this.width < MAX_WIDTH) this.width += 1;
    else {
      this.#next = MAX_CODE;
      this.#previousStart = -1;
    }
  }

  #makeRoom(octets: number): void {
    const needed = this.#end + octets;
    if (needed > this.#maxOctets) {
      throw new DecodeError("oversized", this.#field, `unpacks to more than ${this.#maxOctets} octets`);
    }
    if (needed <= this.#octets.length) return;
    const larger = new Uint8Array(Math.min(this.#maxOctets, Math.max(needed, 2 * this.#octets.length)));
    larger.set(this.#octets.subarray(0, this.#end));
    this.#octets = larger;
  }
}

class Deflation {
  readonly #codes: CodeWriter;
  readonly #table = new Map<number, number>(); // prefix and octet → code; at most 3,837
  #width = MIN_WIDTH;
  #last = END; // the highest code defined
  #prefix = -1; // a string of the table that is not written yet; none at the very beginning

  constructor(plainOctets: number) {
    this.#codes = new CodeWriter(plainOctets);
    this.#codes.put(CLEAR, MIN_WIDTH);
  }

  append(octet: number): void {
    if (this.#prefix < 0) {
      this.#prefix = octet;
      return;
    }
    const key = (this.#prefix << 8) | octet;
    const known = this.#table.get(key);
    if (known !== undefined) {
      this.#prefix = known;
      return;
    }
    if (this.#put(this.#prefix)) this.#table.set(key, this.#last);
    this.#prefix = octet;
  }

  finish(): Uint8Array {
    if (this.#prefix >= 0) this.#put(this.#prefix);
    this.#codes.put(END, this.#width);
    return this.#codes.finish();
  }

  /** @returns whether there is room in the table for one more; if not, it was cleared. */
  #put(code: number): boolean {
    this.#codes.put(code, this.#width);
    this.#last += 1;
    if (this.#last === 2 ** this.#width) this.#width += 1;
    if (this.#last < MAX_CODE) return true;
    this.#codes.put(CLEAR, this.#width);
    this.#table.clear();
    this.#width = MIN_WIDTH;
    this.#last = END;
    return false;
  }
}
