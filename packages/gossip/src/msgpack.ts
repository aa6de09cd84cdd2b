import { DecodeError, type Reader, type Writer } from "@herald/wire/bytes";
import { decodeUtf8, encodeUtf8, utf8Octets } from "./text.ts";

/**
 * MessagePack as memberlist speaks it: the dialect from before strings and octets were told apart.
 *
 * Written: the shortest form; strings and octets alike as raw (a0–bf, da, db), never as str8 (d9) or bin
 * (c4–c6), which memberlist up to 0.5.0 refuses in strings. Read: whatever any version sends, and nil as zero.
 */
export interface Kind<T> {
  readonly zero: T;
  /** How many octets `write` needs. */
  octets(value: T): number;
  write(w: Writer, value: T): void;
  /**
   * @param head the first octet, already read and not nil.
   * @throws {DecodeError} `invalid` for another type or a number out of range, `oversized`, `truncated`.
   */
  read(r: Reader, head: number, field: string): T;
}

export const NIL = 0xc0;

/** Unsigned in the receivers' eyes: shortest unsigned form. */
export function unsigned(max: number): Kind<number> {
  return { zero: 0, octets: unsignedOctets, write: writeUnsigned, read: rangedInteger(max) };
}

/** Go's `int`: past 127 in signed forms, as memberlist from 0.5.1 writes it. Negative ones are refused. */
export function signed(max: number): Kind<number> {
  return { zero: 0, octets: signedOctets, write: writeSigned, read: rangedInteger(max) };
}

export const BOOLEAN: Kind<boolean> = {
  zero: false,
  octets: () => 1,
  write: (w, value) => void w.u8(value ? 0xc3 : 0xc2),
  read(_r, head, field) {
    if (head === 0xc2) return false;
    if (head === 0xc3) return true;
    throw wrongType(field, head, "a boolean");
  },
};

/** @param max octets of UTF-8, when reading. */
export function text(max: number): Kind<string> {
  return {
    zero: "",
    octets(value) {
      const octets = utf8Octets(value);
      return rawHeadOctets(octets) + octets;
    },
    write(w, value) {
      const octets = encodeUtf8(value);
      writeRawHead(w, octets.length);
      w.bytes(octets);
    },
    read: (r, head, field) => decodeUtf8(readRaw(r, head, max, field), field),
  };
}

/** Empty is written as nil. Read values are copies. @param max octets, when reading. */
export function octets(max: number): Kind<Uint8Array> {
  return { ...octetsView(max), read: (r, head, field) => new Uint8Array(readOctets(r, head, max, field)) };
}

/** As `octets`, but what was read is a view of what it was read from. */
export function octetsView(max: number): Kind<Uint8Array> {
  return {
    zero: new Uint8Array(0),
    octets: (value) => (value.length === 0 ? 1 : rawHeadOctets(value.length) + value.length),
    write(w, value) {
      if (value.length === 0) {
        w.u8(NIL);
        return;
      }
      writeRawHead(w, value.length);
      w.bytes(value);
    },
    read: (r, head, field) => readOctets(r, head, max, field),
  };
}

/** The name of a map entry. @throws {DecodeError} `invalid` when it is none. */
export function readKey(r: Reader, max: number, field: string): string {
  return decodeUtf8(readRaw(r, r.u8(field), max, field), field);
}

/** @returns the size of a map, or `undefined` when `head` does not begin one. */
export function mapEntries(r: Reader, head: number, field: string): number | undefined {
  if ((head & 0xf0) === 0x80) return head & 0x0f;
  if (head === 0xde) return r.u16(field);
  if (head === 0xdf) return r.u32(field);
  return undefined;
}

/** @returns the size of an array, or `undefined` when `head` does not begin one. */
export function arrayEntries(r: Reader, head: number, field: string): number | undefined {
  if ((head & 0xf0) === 0x90) return head & 0x0f;
  if (head === 0xdc) return r.u16(field);
  if (head === 0xdd) return r.u32(field);
  return undefined;
}

export function wrongType(field: string, head: number, wanted: string): DecodeError {
  return new DecodeError("invalid", field, `0x${head.toString(16).padStart(2, "0")}, want ${wanted}`);
}

/** @returns the length of raw, str or bin, or `undefined` when `head` begins none of them. */
export function rawLength(r: Reader, head: number, field: string): number | undefined {
  if ((head & 0xe0) === 0xa0) return head & 0x1f;
  if (head === 0xd9 || head === 0xc4) return r.u8(field);
  if (head === 0xda || head === 0xc5) return r.u16(field);
  if (head === 0xdb || head === 0xc6) return r.u32(field);
  return undefined;
}

function readRaw(r: Reader, head: number, max: number, field: string): Uint8Array {
  const length = rawLength(r, head, field);
  if (length === undefined) throw wrongType(field, head, "a string");
  if (length > max) throw new DecodeError("oversized", field, `${length} octets, at most ${max}`);
  return r.bytes(length, field);
}

/** Also from an array of small integers, which is how some encoders see octets. */
function readOctets(r: Reader, head: number, max: number, field: string): Uint8Array {
  const entries = arrayEntries(r, head, field);
  if (entries === undefined) return readRaw(r, head, max, field);
  const most = Math.min(max, 0xffff);
  if (entries > most) throw new DecodeError("oversized", field, `${entries} octets, at most ${most}`);
  return Uint8Array.from({ length: entries }, () => readInteger(r, r.u8(field), 0xff, field));
}

function rangedInteger(max: number): Kind<number>["read"] {
  return (r, head, field) => readInteger(r, head, max, field);
}

function readInteger(r: Reader, head: number, max: number, field: string): number {
  const value = head < 0x80 ? head : readWideInteger(r, head, field);
  if (value < 0 || value > max) throw new DecodeError("invalid", field, `${value}, want 0 to ${max}`);
  return value;
}

function readWideInteger(r: Reader, head: number, field: string): number {
  if (head >= 0xe0) return head - 0x100;
  switch (head) {
    case 0xcc:
      return r.u8(field);
    case 0xcd:
      return r.u16(field);
    case 0xce:
      return r.u32(field);
    case 0xcf:
      return r.u32(field) * 2 ** 32 + r.u32(field);
    case 0xd0:
      return (r.u8(field) << 24) >> 24;
    case 0xd1:
      return (r.u16(field) << 16) >> 16;
    case 0xd2:
      return r.u32(field) | 0;
    case 0xd3:
      return (r.u32(field) | 0) * 2 ** 32 + r.u32(field);
    default:
      throw wrongType(field, head, "an integer");
  }
}

function unsignedOctets(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x100) return 2;
  return value < 0x1_0000 ? 3 : 5;
}

function writeUnsigned(w: Writer, value: number): void {
  if (value < 0x80) w.u8(value);
  else if (value < 0x100) w.u8(0xcc).u8(value);
  else if (value < 0x1_0000) w.u8(0xcd).u16(value);
  else w.u8(0xce).u32(value);
}

function signedOctets(value: number): number {
  if (value < 0x80) return 1;
  return value < 0x8000 ? 3 : 5;
}

function writeSigned(w: Writer, value: number): void {
  if (value < 0x80) w.u8(value);
  else if (value < 0x8000) w.u8(0xd1).u16(value);
  else w.u8(0xd2).u32(value);
}

function rawHeadOctets(length: number): number {
  if (length < 0x20) return 1;
  return length < 0x1_0000 ? 3 : 5;
}

function writeRawHead(w: Writer, length: number): void {
  if (length < 0x20) w.u8(0xa0 | length);
  else if (length < 0x1_0000) w.u8(0xda).u16(length);
  else w.u8(0xdb).u32(length);
}
