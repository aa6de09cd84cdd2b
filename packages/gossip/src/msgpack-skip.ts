import { DecodeError, type Reader } from "@herald/wire/bytes";
import { arrayEntries, mapEntries, rawLength, wrongType } from "./msgpack.ts";

/** Values inside one another that are worth skipping; deeper ones are somebody's joke. */
const MAX_DEPTH = 8;
const MAX_VALUES = 1_024;

/** Reads past one value of any type, whatever it is.
 *
 * @throws {DecodeError} `oversized` past 8 levels or 1,024 values, `truncated`, `invalid` for 0xc1.
 */
export function skipValue(r: Reader, head: number, field: string): void {
  let left = MAX_VALUES;
  const skip = (first: number, depth: number): void => {
    left -= 1;
    if (left < 0 || depth > MAX_DEPTH) throw new DecodeError("oversized", field, "nested too far");
    const inner = innerValues(r, first, field);
    if (inner === undefined) skipScalar(r, first, field);
    else for (let index = 0; index < inner; index += 1) skip(r.u8(field), depth + 1);
  };
  skip(head, 1);
}

function innerValues(r: Reader, head: number, field: string): number | undefined {
  const entries = mapEntries(r, head, field);
  return entries === undefined ? arrayEntries(r, head, field) : entries * 2;
}

function skipScalar(r: Reader, head: number, field: string): void {
  if (head < 0x80 || head >= 0xe0) return; // small integers
  const length = rawLength(r, head, field) ?? FIXED[head] ?? extensionLength(r, head, field);
  if (length === undefined) throw wrongType(field, head, "MessagePack");
  r.bytes(length, field);
}

/** Octets behind the head of what always has the same size: nil, booleans, floats, integers, short extensions. */
const FIXED: Readonly<Record<number, number>> = {
  192: 0, // c0
  194: 0, // c2
  195: 0, // c3
  202: 4, // ca
  203: 8, // cb
  204: 1, // cc
  205: 2, // cd
  206: 4, // ce
  207: 8, // cf
  208: 1, // d0
  209: 2, // d1
  210: 4, // d2
  211: 8, // d3
  212: 2, // d4
  213: 3, // d5
  214: 5, // d6
  215: 9, // d7
  216: 17, // d8
};

/** The octet that says which extension it is counted in. */
function extensionLength(r: Reader, head: number, field: string): number | undefined {
  if (head === 0xc7) return r.u8(field) + 1;
  if (head === 0xc8) return r.u16(field) + 1;
  return head === 0xc9 ? r.u32(field) + 1 : undefined;
}
