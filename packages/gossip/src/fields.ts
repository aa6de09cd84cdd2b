import { DecodeError } from "@herald/wire/bytes";
import type { Endpoint, Versions } from "./message.ts";
import { octets, text, unsigned } from "./msgpack.ts";

/** Fields that several messages have, with their bounds. Go bounds none of them; a datagram holds no more. */
export const U16 = unsigned(0xffff);
export const U32 = unsigned(0xffff_ffff);
/** A Kubernetes node name has at most 253 octets. */
export const NAME = text(255);
export const ADDRESS = octets(16);
/** What memberlist lets a sender have (`MetaMaxSize`). */
export const META = octets(512);
/** Six octets; later protocols may append. */
export const VSN = octets(32);

/** Who asks, in pings direct and indirect. Older members and some others leave them out. */
export const SOURCE_FIELDS = {
  SourceAddr: { optional: ADDRESS },
  SourcePort: { optional: U16 },
  SourceNode: { optional: NAME },
};

const NOWHERE = new Uint8Array(0);

export function sourceFields(source: Endpoint | undefined): { SourceAddr: Uint8Array; SourcePort: number } {
  return { SourceAddr: source?.address ?? NOWHERE, SourcePort: source?.port ?? 0 };
}

/** Half a source is none: memberlist answers to it only if it has both address and port. */
export function decodeSource(path: string, address: Uint8Array, port: number): Endpoint | undefined {
  if (address.length === 0 || port === 0) return undefined;
  return decodeEndpoint(`${path}.SourceAddr`, address, port);
}

/** @throws {DecodeError} `invalid` when the address has neither 4 nor 16 octets. */
export function decodeEndpoint(field: string, address: Uint8Array, port: number): Endpoint {
  if (address.length !== 4 && address.length !== 16) {
    throw new DecodeError("invalid", field, `${address.length} octets, want 4 or 16`);
  }
  return { address, port };
}

/**
 * Why short ones are refused: memberlist up to 0.6.0 crashes on one to five octets, and takes none as all zero,
 * which makes every later join in the cluster fail. Who stores neither, passes neither on.
 *
 * @throws {DecodeError} `invalid` below six octets.
 */
export function decodeVersions(field: string, vsn: Uint8Array): Versions {
  if (vsn.length < 6) throw new DecodeError("invalid", field, `${vsn.length} octets, want 6`);
  return {
    protocolMin: vsn[0] as number,
    protocolMax: vsn[1] as number,
    protocolCurrent: vsn[2] as number,
    applicationMin: vsn[3] as number,
    applicationMax: vsn[4] as number,
    applicationCurrent: vsn[5] as number,
  };
}

export function encodeVersions(versions: Versions): Uint8Array {
  return Uint8Array.of(
    versions.protocolMin,
    versions.protocolMax,
    versions.protocolCurrent,
    versions.applicationMin,
    versions.applicationMax,
    versions.applicationCurrent,
  );
}
