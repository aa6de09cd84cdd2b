import { DecodeError, expectField, Reader, Writer } from "@herald/wire/bytes";
import { formatMac, isGroup, MAC_OCTETS, type MacAddress, macOctets } from "@herald/wire/mac";

/** What a speaker of ours says of itself to the other members of the gossip; MetalLB's speakers say nothing. */
export interface SpeakerMeta {
  /** Of the interfaces it announces on; at most {@link MACS_MAX}. */
  readonly macs: readonly MacAddress[];
}

/** memberlist's MetaMaxSize. */
const META_OCTETS_MAX = 512;
const HEADER_OCTETS = 6;
export const MACS_MAX = Math.floor((META_OCTETS_MAX - HEADER_OCTETS) / MAC_OCTETS);

/** "HRLD" */
const MAGIC = 0x48524c44;
const VERSION = 1;

/**
 *   0       4         5       6
 *   | magic | version | count | count × MAC |
 *
 * A later version keeps this as its beginning. MACs are sorted, so that equal sets are equal octets; of more than fit
 * the last are left out, and others take those for a stranger's.
 */
export function encodeSpeakerMeta({ macs }: SpeakerMeta): Uint8Array {
  const some = [...new Set(macs)].sort().slice(0, MACS_MAX);
  const writer = new Writer(new Uint8Array(HEADER_OCTETS + some.length * MAC_OCTETS));
  writer.u32(MAGIC).u8(VERSION).u8(some.length);
  for (const mac of some) writer.bytes(macOctets(mac));
  return writer.finish();
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
  const left = reader.rest().length;
  if (version === VERSION && left > 0) throw new DecodeError("trailing", "meta", `${left} octets`);
  return { macs };
}

function readMac(reader: Reader): MacAddress {
  const octets = reader.bytes(MAC_OCTETS, "meta.mac");
  if (isGroup(octets)) throw new DecodeError("invalid", "meta.mac", "a group");
  return formatMac(octets);
}
