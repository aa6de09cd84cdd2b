import { DecodeError, Writer } from "@herald/wire/bytes";
import { decompress, readCompressed } from "./compression.ts";
import { fullInbox, type Inbox } from "./inbox.ts";
import type { StreamError, StreamMessage, User } from "./message.ts";
import { decodeAck, decodePing, encodeAck, encodePing } from "./message-codec.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { signed, text } from "./msgpack.ts";
import { encodePushPull, readPushPull } from "./push-pull.ts";
import { Struct } from "./struct.ts";

/** What one stream may cost. */
export interface StreamLimits {
  /** All that arrives; memberlist allows 20 MiB. */
  readonly octets: number;
  /** What it unpacks to; memberlist allows 40 MiB. */
  readonly inflatedOctets: number;
  /** Records in a table; memberlist allows 2^20. */
  readonly nodes: number;
}

/** As memberlist 0.7.0 has them. */
export const MEMBERLIST_LIMITS: StreamLimits = {
  octets: 20 * 2 ** 20,
  inflatedOctets: 40 * 2 ** 20,
  nodes: 2 ** 20,
};

/** What was said in one stream. */
export interface ReceivedStream {
  readonly message: StreamMessage;
  /** Records of a table that were left out, and why; at most 64. */
  readonly refused: readonly DecodeError[];
}

const MAX_STRUCT_OCTETS = 2 ** 16;
const MAX_USER_OCTETS = 20 * 2 ** 20;

const USER_HEADER = new Struct("user", { UserMsgLen: signed(MAX_USER_OCTETS) });
const ERROR = new Struct("error", { Error: text(MAX_STRUCT_OCTETS) });

/** Without any wrapping. */
export function encodeStreamMessage(message: StreamMessage): Uint8Array {
  switch (message.type) {
    case "push-pull":
      return encodePushPull(message);
    case "ping":
      return encodePing(message);
    case "ack":
      return encodeAck(message);
    case "user":
      return encodeUser(message);
    case "error":
      return encodeError(message);
  }
}

/** @throws {DecodeError} `unsupported` for what no stream carries; else as the field deserves. */
export function* readStreamMessage(
  inbox: Inbox,
  limits: StreamLimits,
): Generator<void, ReceivedStream, void> {
  const type = yield* inbox.take(0, (r) => r.u8("stream.type"));
  if (type !== MESSAGE_TYPE.compress) return yield* readPlain(type, inbox, limits);
  const compressed = yield* inbox.take(limits.octets, readCompressed);
  const inside = fullInbox(decompress(compressed, limits.inflatedOctets));
  return yield* readPlain(yield* inside.take(0, (r) => r.u8("stream.type")), inside, limits);
}

function* readPlain(type: number, inbox: Inbox, limits: StreamLimits): Generator<void, ReceivedStream, void> {
  switch (type) {
    case MESSAGE_TYPE.pushPull:
      return yield* readPushPull(inbox, limits.nodes);
    case MESSAGE_TYPE.ping:
      return whole(yield* inbox.take(MAX_STRUCT_OCTETS, decodePing));
    case MESSAGE_TYPE.ack:
      return whole(yield* inbox.take(MAX_STRUCT_OCTETS, decodeAck));
    case MESSAGE_TYPE.user:
      return whole(yield* readUser(inbox));
    case MESSAGE_TYPE.error: {
      const { Error: said } = yield* inbox.take(MAX_STRUCT_OCTETS, (r) => ERROR.read(r));
      return whole({ type: "error", text: said });
    }
    default:
      throw new DecodeError("unsupported", "stream.type", `${type}`);
  }
}

function whole(message: StreamMessage): ReceivedStream {
  return { message, refused: [] };
}

function encodeUser({ payload }: User): Uint8Array {
  const header = { UserMsgLen: payload.length };
  const octets = 1 + USER_HEADER.octets(header) + payload.length;
  const w = new Writer(new Uint8Array(octets)).u8(MESSAGE_TYPE.user);
  USER_HEADER.write(w, header);
  return w.bytes(payload).finish();
}

function* readUser(inbox: Inbox): Generator<void, User, void> {
  const { UserMsgLen } = yield* inbox.take(MAX_STRUCT_OCTETS, (r) => USER_HEADER.read(r));
  const payload = yield* inbox.take(UserMsgLen, (r) => new Uint8Array(r.bytes(UserMsgLen, "user.payload")));
  return { type: "user", payload };
}

function encodeError({ text: said }: StreamError): Uint8Array {
  const fields = { Error: said };
  const w = new Writer(new Uint8Array(1 + ERROR.octets(fields))).u8(MESSAGE_TYPE.error);
  ERROR.write(w, fields);
  return w.finish();
}
