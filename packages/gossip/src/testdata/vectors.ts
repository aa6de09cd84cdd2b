import { readFileSync } from "node:fs";

/**
 * Golden bytes, recorded from nodes of hashicorp/memberlist 0.6.0 on loopback together with what they mean; some
 * made by hand and given to such nodes, with whether they took them. Nodes of 0.5.0, 0.5.1 and 0.7.0 behave the
 * same.
 */
interface Recording {
  readonly vectors: readonly Vector[];
  readonly lzw: readonly { readonly name: string; readonly plain: string; readonly lzw: string }[];
  readonly gcm: readonly GcmVector[];
  readonly metallbKeys: readonly MetallbKeyVector[];
}

/** All of one datagram, or of one direction of one TCP connection. */
export interface Vector {
  readonly id: string;
  readonly scenario: string;
  readonly transport: "udp" | "tcp";
  /** `memberlist`: sent by a real node. */
  readonly producer: "memberlist" | "handcrafted";
  readonly direction: string;
  /** The layers, outermost first: `label>enc1>crc>compound[ping,suspect]`. */
  readonly shape: string;
  readonly description: string;
  readonly hex: string;
  readonly keys?: readonly string[];
  readonly label?: string;
  /** `reject`: the real nodes drop it, though perhaps only after decoding. */
  readonly expect?: "accept" | "reject";
  /** `false`: lenient or malformed on purpose, nobody writes it so. */
  readonly exactEncode?: boolean;
  readonly decoded: Decoded;
}

export interface Decoded {
  readonly label?: string;
  readonly encryption?: {
    readonly encVersion: 0 | 1;
    readonly nonce: string;
    readonly key: string;
    readonly plaintext: string;
  };
  readonly compress?: { readonly uncompressed: string }; // of a stream
  readonly message: DecodedMessage;
}

/** Field names and values as Go has them; octets in hex. */
export interface DecodedMessage {
  readonly name: string;
  readonly error?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly count?: number; // of a compound
  /** The first six and the last of very many. */
  readonly parts?: readonly DecodedMessage[] | null;
  readonly inner?: DecodedMessage; // of a compressed datagram
  readonly header?: Readonly<Record<string, unknown>>;
  readonly nodes?: readonly Readonly<Record<string, unknown>>[];
  readonly userState?: string; // left out when long
  readonly payload?: string; // of a user message in a stream
}

export interface GcmVector {
  readonly encVersion: 0 | 1;
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly plaintext: string;
  readonly payload: string;
}

export interface MetallbKeyVector {
  readonly secretFileContent: string;
  readonly aesKey: string;
  readonly aesKeyBefore_0_14_2: string;
}

export const RECORDING = JSON.parse(
  readFileSync(new URL("memberlist.json", import.meta.url), "utf8"),
) as Recording;
