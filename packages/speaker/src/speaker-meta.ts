import { DecodeError, expectField, Reader, Writer } from "@herald/wire/bytes";
import { formatMac, isGroup, MAC_OCTETS, type MacAddress, macOctets } from "@herald/wire/mac";
import type { UsableInterfaces } from "./interface-rules.ts";

/** What a speaker of ours says of itself to the other members of the gossip; MetalLB's speakers say nothing. */
export interface SpeakerMeta {
  /** Of the interfaces it announces on, up or not, the most used first; at most {@link MACS_MAX}. */
  readonly macs: readonly MacAddress[];
  /** Where it can be heard now. */
  readonly interfaces: UsableInterfaces;
}

/** memberlist's MetaMaxSize. */
const META_OCTETS_MAX = 512;
const HEADER_OCTETS = 7;
export const MACS_MAX = Math.floor((META_OCTETS_MAX - HEADER_OCTETS) / MAC_OCTETS);
/** In place of a count of names: there are too many to say, so every name counts as there. */
const NAMES_UNSAID = 0xff;

/** "HRLD" */
const MAGIC = 0x48524c44;
const VERSION = 1;

/**
 *   0       4         5       6
 *   | magic | version | count | count × MAC | count | count × (octets, name in UTF-8) |
 *
 * A later version keeps this as its beginning. MACs and names are sorted, so that equal sets are equal octets. Of more
 * MACs than fit the last are left out, and others take those for a stranger's; names must all fit beside them, or none
 * is said.
 */
export function encodeSpeakerMeta({ macs, interfaces }: SpeakerMeta): Uint8Array {
  const some = [...new Set(macs)].slice(0, MACS_MAX).sort();
  const octets = HEADER_OCTETS + some.length * MAC_OCTETS;
  const names = namesWithin(META_OCTETS_MAX - octets, interfaces);
  const namesOctets = names?.reduce((sum, name) => sum + 1 + name.length, 0) ?? 0;
  const writer = new Writer(new Uint8Array(octets + namesOctets));
  writer.u32(MAGIC).u8(VERSION).u8(some.length);
  for (const mac of some) writer.bytes(macOctets(mac));
  writer.u8(names?.length ?? NAMES_UNSAID);
  for (const name of names ?? []) writer.u8(name.length).bytes(name);
  return writer.finish();
}

/** @returns `undefined` when they are not known or do not fit. */
function namesWithin(room: number, interfaces: UsableInterfaces): readonly Uint8Array[] | undefined {
  if (interfaces === "all") return undefined;
  const names = [...interfaces].sort().map((name) => UTF8.encode(name));
  return names.reduce((left, name) => left - 1 - name.length, room) < 0 ? undefined : names;
}

/** @throws {DecodeError} when it is not what a speaker of ours says. */
export function decodeSpeakerMeta(bytes: Uint8Array): SpeakerMeta {
  if (bytes.length > META_OCTETS_MAX) throw new DecodeError("oversized", "meta", `${bytes.length} octets`);
  const reader = new Reader(bytes);
  expectField("meta.magic", reader.u32("meta.magic"), MAGIC);
  const version = reader.u8("meta.version");
  if (version < VERSION) throw new DecodeError("unsupported", "meta.version", `${version}`);
  const count = reader.u8("meta.count");
  const macs = Array.from({ length: count }, () => readMac(reader));
  const interfaces = readNames(reader);
  const left = reader.rest().length;
  if (version === VERSION && left > 0) throw new DecodeError("trailing", "meta", `${left} octets`);
  return { macs, interfaces };
}

function readNames(reader: Reader): UsableInterfaces {
  const count = reader.u8("meta.names");
  if (count === NAMES_UNSAID) return "all";
  const names = Array.from({ length: count }, () => {
    const octets = reader.bytes(reader.u8("meta.name"), "meta.name");
    return TEXT.decode(octets);
  });
  return new Set(names);
}

function readMac(reader: Reader): MacAddress {
  const octets = reader.bytes(MAC_OCTETS, "meta.mac");
  if (isGroup(octets)) throw new DecodeError("invalid", "meta.mac", "a group");
  return formatMac(octets);
}

const UTF8 = new TextEncoder();
const TEXT = new TextDecoder();
