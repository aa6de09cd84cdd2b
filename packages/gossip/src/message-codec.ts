import type { DatagramMessage } from "./message.ts";

/**
 * One message, type octet first, without any wrapping: what a compound holds and what a broadcast queue keeps.
 *
 * @returns a buffer of exactly its size.
 */
export function encodeMessage(_message: DatagramMessage): Uint8Array {
  throw new Error("not there yet");
}

/**
 * @param bytes one message; octets behind its map are ignored.
 * @throws {DecodeError} `unsupported` for a type that no datagram carries; else as the field deserves.
 */
export function decodeMessage(_bytes: Uint8Array): DatagramMessage {
  throw new Error("not there yet");
}
