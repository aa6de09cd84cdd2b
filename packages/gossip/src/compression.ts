import { DecodeError, type Reader, Writer } from "@herald/wire/bytes";
import { deflateLzw, inflateLzw } from "./lzw.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { octetsView, unsigned } from "./msgpack.ts";
import { Struct, type Values } from "./struct.ts";

const ALGORITHM_LZW = 0;
const MAX_PACKED_OCTETS = 20 * 2 ** 20;

const COMPRESS = new Struct("compress", { Algo: unsigned(0xff), Buf: octetsView(MAX_PACKED_OCTETS) });

/** A message in LZW, as a message again; may well be longer. */
export function compress(message: Uint8Array): Uint8Array {
  const values = { Algo: ALGORITHM_LZW, Buf: deflateLzw(message) };
  const w = new Writer(new Uint8Array(1 + COMPRESS.octets(values))).u8(MESSAGE_TYPE.compress);
  COMPRESS.write(w, values);
  return w.finish();
}

/** A compressed message that has arrived and is not unpacked yet. */
export type Compressed = Values<typeof COMPRESS extends Struct<infer S> ? S : never>;

/** @param r behind the type octet. @throws {DecodeError} as `Struct.read`. */
export function readCompressed(r: Reader): Compressed {
  return COMPRESS.read(r);
}

/**
 * @returns the message inside. @throws {DecodeError} `unsupported` for anything but LZW; as `inflateLzw`.
 */
export function decompress({ Algo, Buf }: Compressed, maxOctets: number): Uint8Array {
  if (Algo !== ALGORITHM_LZW) throw new DecodeError("unsupported", "compress.Algo", `${Algo}, want 0`);
  return inflateLzw(Buf, maxOctets, "compress.Buf");
}
