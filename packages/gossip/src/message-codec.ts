import { DecodeError, Reader, Writer } from "@herald/wire/bytes";
import {
  ADDRESS,
  decodeEndpoint,
  decodeSource,
  decodeVersions,
  encodeVersions,
  META,
  NAME,
  SOURCE_FIELDS,
  sourceFields,
  U16,
  U32,
  VSN,
} from "./fields.ts";
import type { Ack, Alive, DatagramMessage, Dead, IndirectPing, Ping, Suspect } from "./message.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { BOOLEAN, octets } from "./msgpack.ts";
import { Struct, type Values } from "./struct.ts";

/** A datagram holds no more. */
const MAX_PAYLOAD = 0xffff;

// In the order of declaration in Go, which is what a struct sent as an array goes by.
const PING = new Struct("ping", { SeqNo: U32, Node: NAME, ...SOURCE_FIELDS });
const INDIRECT_PING = new Struct("indirect-ping", {
  SeqNo: U32,
  Target: ADDRESS,
  Port: U16,
  Node: NAME,
  Nack: BOOLEAN,
  ...SOURCE_FIELDS,
});
const ACK = new Struct("ack", { SeqNo: U32, Payload: octets(MAX_PAYLOAD) });
const NACK = new Struct("nack", { SeqNo: U32 });
const SUSPECT = new Struct("suspect", { Incarnation: U32, Node: NAME, From: NAME });
const ALIVE = new Struct("alive", {
  Incarnation: U32,
  Node: NAME,
  Addr: ADDRESS,
  Port: U16,
  Meta: META,
  Vsn: VSN,
});
const DEAD = new Struct("dead", { Incarnation: U32, Node: NAME, From: NAME });

/**
 * One message, type octet first, without any wrapping: what a compound holds and what a broadcast queue keeps.
 *
 * @returns a buffer of exactly its size.
 */
export function encodeMessage(message: DatagramMessage): Uint8Array {
  switch (message.type) {
    case "ping":
      return encodePing(message);
    case "indirect-ping":
      return encodeIndirectPing(message);
    case "ack":
      return encodeAck(message);
    case "nack":
      return encodeStruct(MESSAGE_TYPE.nack, NACK, { SeqNo: message.sequence });
    case "suspect":
      return encodeStruct(MESSAGE_TYPE.suspect, SUSPECT, accusationFields(message));
    case "alive":
      return encodeAlive(message);
    case "dead":
      return encodeStruct(MESSAGE_TYPE.dead, DEAD, accusationFields(message));
    case "user":
      return new Writer(new Uint8Array(1 + message.payload.length))
        .u8(MESSAGE_TYPE.user)
        .bytes(message.payload)
        .finish();
  }
}

/**
 * Structure only: an empty name, a protocol of zero or an incarnation nobody can have pass.
 *
 * @param bytes one message; octets behind its map are ignored.
 * @throws {DecodeError} `unsupported` for a type that is not a message by itself in datagrams; else as the
 * field deserves.
 */
export function decodeMessage(bytes: Uint8Array): DatagramMessage {
  const r = new Reader(bytes);
  const type = r.u8("message.type");
  switch (type) {
    case MESSAGE_TYPE.ping:
      return decodePing(r);
    case MESSAGE_TYPE.indirectPing:
      return decodeIndirectPing(r);
    case MESSAGE_TYPE.ack:
      return decodeAck(r);
    case MESSAGE_TYPE.nack:
      return { type: "nack", sequence: NACK.read(r).SeqNo };
    case MESSAGE_TYPE.suspect:
      return { type: "suspect", ...accusationOf(SUSPECT.read(r)) };
    case MESSAGE_TYPE.alive:
      return decodeAlive(r);
    case MESSAGE_TYPE.dead:
      return { type: "dead", ...accusationOf(DEAD.read(r)) };
    case MESSAGE_TYPE.user:
      return { type: "user", payload: new Uint8Array(r.rest()) };
    default:
      throw new DecodeError("unsupported", "message.type", `${type}`);
  }
}

/** With its type octet; the same in streams. */
export function encodePing({ sequence, node, source, sourceNode }: Ping): Uint8Array {
  return encodeStruct(MESSAGE_TYPE.ping, PING, {
    SeqNo: sequence,
    Node: node,
    ...sourceFields(source),
    SourceNode: sourceNode,
  });
}

/** @param r behind the type octet. */
export function decodePing(r: Reader): Ping {
  const fields = PING.read(r);
  return {
    type: "ping",
    sequence: fields.SeqNo,
    node: fields.Node,
    source: decodeSource("ping", fields.SourceAddr, fields.SourcePort),
    sourceNode: fields.SourceNode,
  };
}

/** With its type octet; the same in streams. */
export function encodeAck({ sequence, payload }: Ack): Uint8Array {
  return encodeStruct(MESSAGE_TYPE.ack, ACK, { SeqNo: sequence, Payload: payload });
}

/** @param r behind the type octet. */
export function decodeAck(r: Reader): Ack {
  const { SeqNo, Payload } = ACK.read(r);
  return { type: "ack", sequence: SeqNo, payload: Payload };
}

function encodeIndirectPing(message: IndirectPing): Uint8Array {
  return encodeStruct(MESSAGE_TYPE.indirectPing, INDIRECT_PING, {
    SeqNo: message.sequence,
    Target: message.target.address,
    Port: message.target.port,
    Node: message.node,
    Nack: message.wantsNack,
    ...sourceFields(message.source),
    SourceNode: message.sourceNode,
  });
}

function decodeIndirectPing(r: Reader): IndirectPing {
  const fields = INDIRECT_PING.read(r);
  return {
    type: "indirect-ping",
    sequence: fields.SeqNo,
    target: decodeEndpoint("indirect-ping.Target", fields.Target, fields.Port),
    node: fields.Node,
    wantsNack: fields.Nack,
    source: decodeSource("indirect-ping", fields.SourceAddr, fields.SourcePort),
    sourceNode: fields.SourceNode,
  };
}

function encodeAlive(message: Alive): Uint8Array {
  return encodeStruct(MESSAGE_TYPE.alive, ALIVE, {
    Incarnation: message.incarnation,
    Node: message.node,
    Addr: message.endpoint.address,
    Port: message.endpoint.port,
    Meta: message.meta,
    Vsn: encodeVersions(message.versions),
  });
}

function decodeAlive(r: Reader): Alive {
  const fields = ALIVE.read(r);
  return {
    type: "alive",
    incarnation: fields.Incarnation,
    node: fields.Node,
    endpoint: decodeEndpoint("alive.Addr", fields.Addr, fields.Port),
    meta: fields.Meta,
    versions: decodeVersions("alive.Vsn", fields.Vsn),
  };
}

function accusationFields({ incarnation, node, from }: Suspect | Dead): Values<Accusation> {
  return { Incarnation: incarnation, Node: node, From: from };
}

type Accusation = typeof SUSPECT extends Struct<infer S> ? S : never;

function accusationOf(fields: Values<Accusation>): { incarnation: number; node: string; from: string } {
  return { incarnation: fields.Incarnation, node: fields.Node, from: fields.From };
}

function encodeStruct<S extends ConstructorParameters<typeof Struct>[1]>(
  type: number,
  struct: Struct<S>,
  values: Values<S>,
): Uint8Array {
  const w = new Writer(new Uint8Array(1 + struct.octets(values))).u8(type);
  struct.write(w, values);
  return w.finish();
}
