/**
 * Why a datagram was read and counted for nothing, with a sentence for the operator. A closed set: it is a metric label and
 * content of the reference page. A datagram counts under the first that applies; the order is that of RFC 5880 §6.8.6.
 */
export const BFD_DROP_REASONS = {
  ttl: "It came over more hops than it may: over one its TTL must be 255, over many no less than the profile says.",
  truncated: "It ends before what every packet begins with does.",
  version: "It is of another version of the protocol.",
  length: "Its length is less than a packet's least, or more than what arrived.",
  "detect-multiplier": "It says that no packet may ever be missed.",
  multipoint: "It is of the kind that goes to many at once.",
  discriminator: "It does not say which session of its sender's it is of.",
  "invalid-authentication": "What it brings to prove who sent it does not fit into it.",
  "unknown-session": "It names a session of ours that is not there: of one that has ended, most of the time.",
  "state-unproven": "It claims that the session is coming up, and does not know its number on this side.",
  "unknown-peer": "It is the first of a session, and no session with its sender is wanted.",
  "wrong-path":
    "It names a session of ours that goes another way: over more hops, another interface or another address of ours.",
  "unexpected-authentication": "It proves who sent it, and the session knows no key.",
  "missing-authentication": "It does not prove who sent it, and the session has a key.",
  "wrong-authentication": "It proves who sent it in another way, or with another key, than the session's.",
  replayed: "Its sequence number is not a next one: it was recorded, or far too many were lost.",
  "admin-down": "The session is shut down on this side.",
} as const;

export type BfdDropReason = keyof typeof BFD_DROP_REASONS;

/** Why a session that was up is not any more. A closed set, as the other. */
export const BFD_DOWN_REASONS = {
  "detection-expired": "Nothing was heard of the peer for the detection time.",
  "peer-down": "The peer does not hear this side, or has just begun anew.",
  "peer-admin-down": "The peer's operator shut the session down; the way there may well work.",
  disabled: "The session was shut down on this side.",
} as const;

export type BfdDownReason = keyof typeof BFD_DOWN_REASONS;

/**
 * Whether those who use the path should act as if it were broken. One that is shut down says nothing about the path
 * (RFC 5882 §3.2).
 */
export const IS_FAILURE: Readonly<Record<BfdDownReason, boolean>> = {
  "detection-expired": true,
  "peer-down": true,
  "peer-admin-down": false,
  disabled: false,
};
