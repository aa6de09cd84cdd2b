import { DecodeError, type Reader, Writer } from "@herald/wire/bytes";
import {
  ADDRESS,
  decodeEndpoint,
  decodeVersions,
  encodeVersions,
  META,
  NAME,
  U16,
  U32,
  VSN,
} from "./fields.ts";
import type { Inbox } from "./inbox.ts";
import type { NodeRecord, NodeState, PushPull } from "./message.ts";
import { MESSAGE_TYPE } from "./message-type.ts";
import { BOOLEAN, signed } from "./msgpack.ts";
import { skipValue } from "./msgpack-skip.ts";
import { Struct, type Values } from "./struct.ts";

/** What memberlist itself accepts, and what other members may well have. */
const MAX_NODES = 2 ** 20;
const MAX_USER_STATE_OCTETS = 20 * 2 ** 20;

/** A header or a record; real ones have some hundred. */
const MAX_STRUCT_OCTETS = 2 ** 16;
/** After so many records that are rubbish the whole table is. */
const MAX_REFUSED = 64;

/** The number on the wire is the place in this list. */
const STATES: readonly NodeState[] = ["alive", "suspect", "dead", "left"];

const HEADER = new Struct("push-pull", {
  Nodes: signed(MAX_NODES),
  UserStateLen: signed(MAX_USER_STATE_OCTETS),
  Join: BOOLEAN,
});

const RECORD = new Struct("record", {
  Name: NAME,
  Addr: ADDRESS,
  Port: U16,
  Meta: META,
  Incarnation: U32,
  State: signed(STATES.length - 1),
  Vsn: VSN,
});

/**
 * A whole table (memberlist, `net.go`: `sendLocalState`).
 *
 *   | 6 | map header | map record … map record | user state |
 */
export function encodePushPull({ join, nodes, userState }: PushPull): Uint8Array {
  const header = { Nodes: nodes.length, UserStateLen: userState.length, Join: join };
  const records = nodes.map(recordFields);
  let octets = 1 + HEADER.octets(header) + userState.length;
  for (const record of records) octets += RECORD.octets(record);
  const w = new Writer(new Uint8Array(octets)).u8(MESSAGE_TYPE.pushPull);
  HEADER.write(w, header);
  for (const record of records) RECORD.write(w, record);
  return w.bytes(userState).finish();
}

/** Somebody's table, and the records of it that are left out. */
export interface ReceivedPushPull {
  readonly message: PushPull;
  /** Why records were left out; at most 64. */
  readonly refused: readonly DecodeError[];
}

/**
 * There is no length around it and no end behind it: it is all there when the records announced are.
 *
 * @param inbox behind the type octet.
 * @throws {DecodeError} when it is refused as a whole; one record that is rubbish costs only itself.
 */
export function* readPushPull(inbox: Inbox, maxNodes: number): Generator<void, ReceivedPushPull, void> {
  const { Nodes, UserStateLen, Join } = yield* inbox.take(MAX_STRUCT_OCTETS, (r) => HEADER.read(r));
  if (Nodes > maxNodes)
    throw new DecodeError("oversized", "push-pull.Nodes", `${Nodes}, at most ${maxNodes}`);
  const nodes: NodeRecord[] = [];
  const refused: DecodeError[] = [];
  for (let index = 0; index < Nodes; index += 1) {
    const record = yield* readRecord(inbox);
    if (!(record instanceof DecodeError)) nodes.push(record);
    else if (refused.push(record) > MAX_REFUSED) throw record;
  }
  const userState = yield* inbox.take(
    UserStateLen,
    (r) => new Uint8Array(r.bytes(UserStateLen, "push-pull.user")),
  );
  return { message: { type: "push-pull", join: Join, nodes, userState }, refused };
}

/** @returns why it was skipped, where it was. @throws {DecodeError} when not even its end can be made out. */
function* readRecord(inbox: Inbox): Generator<void, NodeRecord | DecodeError, void> {
  try {
    return yield* inbox.take(MAX_STRUCT_OCTETS, decodeRecord);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    yield* inbox.take(MAX_STRUCT_OCTETS, (r) => skipValue(r, r.u8("record"), "record"));
    return error;
  }
}

function decodeRecord(r: Reader): NodeRecord {
  const fields = RECORD.read(r);
  return {
    node: fields.Name,
    endpoint: decodeEndpoint("record.Addr", fields.Addr, fields.Port),
    meta: fields.Meta,
    incarnation: fields.Incarnation,
    state: STATES[fields.State] as NodeState,
    versions: decodeVersions("record.Vsn", fields.Vsn),
  };
}

function recordFields(record: NodeRecord): Values<typeof RECORD extends Struct<infer S> ? S : never> {
  return {
    Name: record.node,
    Addr: record.endpoint.address,
    Port: record.endpoint.port,
    Meta: record.meta,
    Incarnation: record.incarnation,
    State: STATES.indexOf(record.state),
    Vsn: encodeVersions(record.versions),
  };
}
