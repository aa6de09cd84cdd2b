/**
 * What members say to each other, as values. Their bytes are memberlist's (hashicorp/memberlist 0.5 to 0.7);
 * `message-codec.ts` knows them one by one, `datagram.ts` and `stream.ts` their wrapping.
 *
 *   a ── ping ──▶ b                        a ── indirect-ping ──▶ r ── ping ──▶ b
 *   a ◀── ack ─── b                        a ◀── ack or nack ──── r ◀── ack ─── b
 *
 * Octets in decoded messages are copies: keeping one does not keep the datagram it came in.
 */

/**
 * Where a member hears. The octets are an identity, not only an address: 127.0.0.1 in 4 octets and in 16 are
 * two addresses to every other member. Keep and pass on what arrived, change the form only for sockets.
 */
export interface Endpoint {
  readonly address: Uint8Array; // 4 or 16 octets
  readonly port: number; // UDP and TCP; in `alive` and node records 0 means the receiver's own port
}

/** Lowest, highest and spoken version of memberlist's protocol and of the application's on top of it. */
export interface Versions {
  readonly protocolMin: number; // u8; an `alive` with 0 here is to be ignored, as with 0 or less in max
  readonly protocolMax: number; // u8; from 3 TCP pings, from 4 nacks, from 5 CRC headers are understood
  readonly protocolCurrent: number; // u8
  readonly applicationMin: number; // u8
  readonly applicationMax: number; // u8
  readonly applicationCurrent: number; // u8
}

/** What a current memberlist says of itself; whoever says less is treated as less. */
export const FULL_VERSIONS: Versions = {
  protocolMin: 1,
  protocolMax: 5,
  protocolCurrent: 2,
  applicationMin: 0,
  applicationMax: 0,
  applicationCurrent: 0,
};

/** "Are you there?" Answered by the member called `node` only, an empty name by anybody. */
export interface Ping {
  readonly type: "ping";
  readonly sequence: number; // u32, the asker's
  readonly node: string;
  /** Where the ack goes. `undefined`: to where the datagram came from. */
  readonly source: Endpoint | undefined;
  readonly sourceNode: string; // empty when unknown
}

/** "Ask `node` for me." */
export interface IndirectPing {
  readonly type: "indirect-ping";
  readonly sequence: number; // u32, the asker's; the relay's ping has one of its own
  readonly target: Endpoint; // port 0: the relay's own
  readonly node: string;
  readonly wantsNack: boolean;
  readonly source: Endpoint | undefined; // as in Ping
  readonly sourceNode: string;
}

/** Answer to a ping, also passed on by a relay. */
export interface Ack {
  readonly type: "ack";
  readonly sequence: number; // u32
  readonly payload: Uint8Array; // empty unless an application fills it
}

/** A relay's "no answer yet, but I am here and you were heard". */
export interface Nack {
  readonly type: "nack";
  readonly sequence: number; // u32
}

/** "`from` could not reach `node`." */
export interface Suspect {
  readonly type: "suspect";
  readonly incarnation: number; // u32, of the accused
  readonly node: string;
  readonly from: string;
}

/** A member about itself, passed on by all. */
export interface Alive {
  readonly type: "alive";
  readonly incarnation: number; // u32
  readonly node: string;
  readonly endpoint: Endpoint;
  readonly meta: Uint8Array; // empty for none; members send at most 512 octets
  readonly versions: Versions;
}

/** "`from` says `node` is dead." Where both are the same, the member left of its own will. */
export interface Dead {
  readonly type: "dead";
  readonly incarnation: number; // u32
  readonly node: string;
  readonly from: string;
}

/** The application's own octets. */
export interface User {
  readonly type: "user";
  readonly payload: Uint8Array;
}

/** Somebody's whole table, over TCP. With `join` a member asks to be let in, or answers one who asked. */
export interface PushPull {
  readonly type: "push-pull";
  readonly join: boolean;
  readonly nodes: readonly NodeRecord[];
  readonly userState: Uint8Array; // the application's; empty for none
}

export type NodeState = "alive" | "suspect" | "dead" | "left";

/** One line of a table. */
export interface NodeRecord {
  readonly node: string;
  readonly endpoint: Endpoint;
  readonly meta: Uint8Array;
  readonly incarnation: number; // u32
  readonly state: NodeState;
  readonly versions: Versions;
}

/** Why a member could not read a stream, in its own words. */
export interface StreamError {
  readonly type: "error";
  readonly text: string;
}

/** What a datagram may carry, one or several. */
export type DatagramMessage = Ping | IndirectPing | Ack | Nack | Suspect | Alive | Dead | User;

/** What a TCP connection may carry, one each way. */
export type StreamMessage = PushPull | Ping | Ack | User | StreamError;

export type Message = DatagramMessage | StreamMessage;
