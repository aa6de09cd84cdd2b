import { DecodeError } from "@herald/wire/bytes";
import { MESSAGE_TYPE } from "./message-type.ts";
import { decodeUtf8, encodeUtf8 } from "./text.ts";

const MAX_LABEL_OCTETS = 255;

/**
 * A cluster's name, in front of each datagram and of each stream on the dialling side, so that clusters that meet
 * do not mix. In the clear, but what is encrypted is tied to it.
 *
 *   0      1        2
 *   | 0xf4 | length | label |
 *
 * @returns the header's octets; none for an empty label. @throws {RangeError} past 255 octets.
 */
export function encodeLabel(label: string): Uint8Array {
  const octets = encodeUtf8(label);
  if (octets.length === 0) return octets;
  if (octets.length > MAX_LABEL_OCTETS) throw new RangeError(`a label of ${octets.length} octets`);
  return Uint8Array.of(MESSAGE_TYPE.label, octets.length, ...octets);
}

/**
 * @param header the one we want, as `encodeLabel` gives it.
 * @returns how many octets it took.
 * @throws {DecodeError} `unsupported` for another label, none, or one where none is wanted; `truncated`;
 * `invalid` for an empty one.
 */
export function expectLabel(bytes: Uint8Array, header: Uint8Array): number {
  const found = foundLabel(bytes);
  const wanted = header.subarray(2);
  if (found.length !== wanted.length || found.some((octet, index) => octet !== wanted[index])) {
    throw new DecodeError("unsupported", "label", `${quoted(found)}, want ${quoted(wanted)}`);
  }
  return header.length;
}

function foundLabel(bytes: Uint8Array): Uint8Array {
  if (bytes[0] !== MESSAGE_TYPE.label) return bytes.subarray(0, 0);
  const length = bytes[1];
  if (length === undefined) throw new DecodeError("truncated", "label.length", "need 1, have 0");
  if (length === 0) throw new DecodeError("invalid", "label.length", "0");
  const have = bytes.length - 2;
  if (have < length) throw new DecodeError("truncated", "label", `need ${length}, have ${have}`);
  return bytes.subarray(2, 2 + length);
}

function quoted(label: Uint8Array): string {
  try {
    return JSON.stringify(decodeUtf8(label, "label"));
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return `${label.length} octets`;
  }
}
