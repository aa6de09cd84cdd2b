import { encodeLabel } from "./label.ts";
import { type Encryption, sealedOverhead } from "./sealed.ts";

/** What all members of a cluster agree on: what is around the messages. */
export interface Framing {
  /** The label's header, from `framing`; empty for none. */
  readonly labelHeader: Uint8Array;
  readonly encryption: Encryption | undefined;
  /** Whether we compress: larger datagrams where it makes them smaller, streams always. Understood in any case. */
  readonly compress: boolean;
  /** From how many octets on a datagram is worth it. */
  readonly compressFromOctets: number;
}

/** Below that a datagram is one packet whether compressed or not, and LZW is half of what it costs to make. */
const WORTH_COMPRESSING_OCTETS = 512;

/** @param label at most 255 octets; empty for none. @throws {RangeError} past that. */
export function framing(options: {
  readonly label: string;
  readonly encryption: Encryption | undefined;
  readonly compress: boolean;
  /** 512 when left out; 0 is memberlist's. */
  readonly compressFromOctets?: number;
}): Framing {
  return {
    labelHeader: encodeLabel(options.label),
    encryption: options.encryption,
    compress: options.compress,
    compressFromOctets: options.compressFromOctets ?? WORTH_COMPRESSING_OCTETS,
  };
}

/** What the encryption of a datagram is tied to. */
export function labelOf({ labelHeader }: Framing): Uint8Array {
  return labelHeader.subarray(2);
}

/** @returns how to encrypt what we send, if we do. */
export function outgoingEncryption({ encryption }: Framing): Encryption | undefined {
  return encryption?.verifyOutgoing ? encryption : undefined;
}

/** How many octets label and encryption put around a datagram at most. A CRC adds 5, which nobody counts. */
export function framingOverhead(around: Framing): number {
  const encryption = outgoingEncryption(around);
  return around.labelHeader.length + (encryption === undefined ? 0 : sealedOverhead(encryption.version));
}
