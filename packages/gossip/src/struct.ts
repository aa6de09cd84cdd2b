import { DecodeError, type Reader, Writer } from "@herald/wire/bytes";
import { arrayEntries, type Kind, mapEntries, NIL, readKey, wrongType } from "./msgpack.ts";
import { skipValue } from "./msgpack-skip.ts";

/** A field the sender leaves out when it is zero. */
export interface Optional<T> {
  readonly optional: Kind<T>;
}

/** Field names as on the wire, in the order of declaration: what a struct sent as an array goes by. */
type Shape = Readonly<Record<string, Kind<unknown> | Optional<unknown>>>;

type ValueOf<F> = F extends Kind<infer T> ? T : F extends Optional<infer T> ? T : never;

/** A value of every field; those that did not arrive are zero. */
export type Values<S extends Shape> = { readonly [K in keyof S]: ValueOf<S[K]> };

interface Field {
  readonly name: string;
  /** Dotted, for errors: `ping.SeqNo`. */
  readonly path: string;
  readonly key: Uint8Array; // the name as MessagePack
  readonly kind: Kind<unknown>;
  readonly optional: boolean;
}

const MAX_ENTRIES = 64; // unknown ones included; memberlist has at most 8
const MAX_KEY_OCTETS = 64;

/** One Go struct as a MessagePack map: keys in byte order when written, in any order or none when read. */
export class Struct<S extends Shape> {
  readonly #path: string;
  readonly #declared: readonly Field[];
  readonly #sorted: readonly Field[];
  readonly #byName: ReadonlyMap<string, Field>;
  readonly #zeros: Values<S>;

  /** @param path how errors name it. */
  constructor(path: string, shape: S) {
    this.#path = path;
    this.#declared = Object.entries(shape).map(([name, field]) => fieldOf(path, name, field));
    this.#sorted = this.#declared.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    this.#byName = new Map(this.#declared.map((field) => [field.name, field]));
    this.#zeros = Object.fromEntries(
      this.#declared.map(({ name, kind }) => [name, kind.zero]),
    ) as unknown as Values<S>;
  }

  octets(values: Values<S>): number {
    let octets = 1;
    for (const { name, key, kind, optional } of this.#sorted) {
      const value: unknown = values[name];
      if (!optional || !isZero(value)) octets += key.length + kind.octets(value);
    }
    return octets;
  }

  write(w: Writer, values: Values<S>): void {
    w.u8(0x80 | this.#present(values));
    for (const { name, key, kind, optional } of this.#sorted) {
      const value: unknown = values[name];
      if (optional && isZero(value)) continue;
      w.bytes(key);
      kind.write(w, value);
    }
  }

  /**
   * Unknown keys are skipped, missing ones stay zero, what follows stays unread.
   *
   * @throws {DecodeError} `invalid` for anything but a map or an array, `oversized` past 64 entries, and
   * whatever a field deserves.
   */
  read(r: Reader): Values<S> {
    const head = r.u8(this.#path);
    const entries = mapEntries(r, head, this.#path);
    if (entries !== undefined) return this.#readMap(r, entries);
    const values = arrayEntries(r, head, this.#path);
    if (values !== undefined) return this.#readArray(r, values);
    throw wrongType(this.#path, head, "a map");
  }

  #readMap(r: Reader, entries: number): Values<S> {
    this.#checkEntries(entries);
    const values: Record<string, unknown> = { ...this.#zeros };
    for (let index = 0; index < entries; index += 1) {
      const field = this.#byName.get(readKey(r, MAX_KEY_OCTETS, this.#path));
      this.#readValue(r, field, values);
    }
    return values as Values<S>;
  }

  #readArray(r: Reader, entries: number): Values<S> {
    this.#checkEntries(entries);
    const values: Record<string, unknown> = { ...this.#zeros };
    for (let index = 0; index < entries; index += 1) this.#readValue(r, this.#declared[index], values);
    return values as Values<S>;
  }

  #readValue(r: Reader, field: Field | undefined, values: Record<string, unknown>): void {
    const head = r.u8(field?.path ?? this.#path);
    if (field === undefined) skipValue(r, head, this.#path);
    else values[field.name] = head === NIL ? field.kind.zero : field.kind.read(r, head, field.path);
  }

  #checkEntries(entries: number): void {
    if (entries > MAX_ENTRIES) {
      throw new DecodeError("oversized", this.#path, `${entries} entries, at most ${MAX_ENTRIES}`);
    }
  }

  #present(values: Values<S>): number {
    let present = 0;
    for (const { name, optional } of this.#sorted) if (!optional || !isZero(values[name])) present += 1;
    return present;
  }
}

function fieldOf(path: string, name: string, field: Kind<unknown> | Optional<unknown>): Field {
  const optional = "optional" in field;
  return {
    name,
    path: `${path}.${name}`,
    key: keyOf(name),
    kind: optional ? field.optional : field,
    optional,
  };
}

/** Names are short and ASCII: one octet of head, one per letter. */
function keyOf(name: string): Uint8Array {
  const w = new Writer(new Uint8Array(1 + name.length)).u8(0xa0 | name.length);
  for (const letter of name) w.u8(letter.charCodeAt(0));
  return w.finish();
}

function isZero(value: unknown): boolean {
  return value === 0 || value === "" || (value instanceof Uint8Array && value.length === 0);
}
