import { Writer } from "@herald/wire/bytes";
import { MESSAGE_TYPE } from "./message-type.ts";

/** The count is one octet. Where more are given, real members send a wrong count and lose all of them. */
export const MAX_PARTS = 255;

const MAX_PART_OCTETS = 0xffff;

/**
 * Several messages as one, a single one as itself.
 *
 *   0   1       2                  2 + 2·count
 *   | 7 | count | length … length | part … part |
 *
 * @param parts 1 to 255 messages as `encodeMessage` gives them. @throws {RangeError} for more or for none.
 */
export function joinParts(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first === undefined || parts.length > MAX_PARTS) throw new RangeError(`${parts.length} parts`);
  if (parts.length === 1) return first;
  let octets = 2;
  for (const part of parts) octets += 2 + part.length;
  const w = new Writer(new Uint8Array(octets)).u8(MESSAGE_TYPE.compound).u8(parts.length);
  for (const part of parts) {
    if (part.length > MAX_PART_OCTETS) throw new RangeError(`a part of ${part.length} octets`);
    w.u16(part.length);
  }
  for (const part of parts) w.bytes(part);
  return w.finish();
}
