import { DecodeError } from "@herald/wire/bytes";

/** Takes codes of changing width out of octets, low bits first. */
export class CodeReader {
  readonly #octets: Uint8Array;
  readonly #field: string;
  #at = 0;
  #bits = 0;
  #held = 0; // how many of `#bits` count; below 8 between calls

  constructor(octets: Uint8Array, field: string) {
    this.#octets = octets;
    this.#field = field;
  }

  /** @throws {DecodeError} `truncated` when there are fewer bits left. */
  take(width: number): number {
    while (this.#held < width) {
      const octet = this.#octets[this.#at];
      if (octet === undefined) throw new DecodeError("truncated", this.#field, "no end code");
      this.#bits |= octet << this.#held;
      this.#held += 8;
      this.#at += 1;
    }
    const code = this.#bits & (2 ** width - 1);
    this.#bits >>>= width;
    this.#held -= width;
    return code;
  }
}

/** Puts codes of changing width into octets, low bits first. */
export class CodeWriter {
  #octets: Uint8Array;
  #at = 0;
  #bits = 0;
  #held = 0;

  /** @param plainOctets of what is packed: how long the result may be at worst follows from it. */
  constructor(plainOctets: number) {
    // Why 16: a code for each octet, each 12 bits at most, and a clear code now and then.
    this.#octets = new Uint8Array(16 + 2 * plainOctets);
  }

  put(code: number, width: number): void {
    this.#bits |= code << this.#held;
    this.#held += width;
    while (this.#held >= 8) this.#flush();
  }

  finish(): Uint8Array {
    if (this.#held > 0) this.#flush();
    return this.#octets.slice(0, this.#at);
  }

  #flush(): void {
    this.#octets[this.#at] = this.#bits;
    this.#at += 1;
    this.#bits >>>= 8;
    this.#held -= 8;
  }
}
