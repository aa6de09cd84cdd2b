const NEWLINE = 0x0a;

/** Chunks of a stream → whole lines. Keeps at most `maxOctets` of an unfinished one. */
export class LineSplitter {
  readonly #maxOctets: number;
  #rest: Buffer[] = []; // of the unfinished line; bounded by #maxOctets
  #restOctets = 0;

  constructor(maxOctets: number) {
    this.#maxOctets = maxOctets;
  }

  /** Octets of the unfinished line. */
  get pendingOctets(): number {
    return this.#restOctets;
  }

  /**
   * @returns the lines this chunk finished, without their newline, empty ones left out.
   * @throws {RangeError} when a line grows past the bound.
   */
  push(chunk: Buffer): readonly string[] {
    const lines: string[] = [];
    let from = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      this.#keep(chunk.subarray(from, end));
      const line = Buffer.concat(this.#rest).toString("utf8");
      if (line !== "") lines.push(line);
      this.#rest = [];
      this.#restOctets = 0;
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
    return lines;
  }

  #keep(part: Buffer): void {
    if (part.length === 0) return;
    this.#restOctets += part.length;
    if (this.#restOctets > this.#maxOctets) {
      throw new RangeError(`a line is longer than ${this.#maxOctets} octets`);
    }
    this.#rest.push(part);
  }
}
