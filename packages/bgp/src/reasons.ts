/** Why there is no session with a peer, or no longer. A closed set: it is a metric label and content of the reference page. */
export const DOWN_REASONS = {
  "connect-failed": "No TCP connection with the peer could be made, or not in time.",
  closed: "The TCP connection ended without a word.",
  "hold-expired": "Nothing was heard of the peer for the hold time, or it did not introduce itself in time.",
  "open-refused": "The peer's OPEN does not fit the configuration: its AS, its role, what it can do.",
  "protocol-error": "The peer sent what cannot be read, or what has no place at that moment.",
  notification: "The peer ended the session, and said why.",
  collision: "Both sides connected at once; the other connection stays.",
  "peer-down": "BFD noticed that the peer is gone.",
  stopped: "The session was shut down from this side.",
  restarting: "This side restarts, and asked the peer to keep its routes.",
} as const;

export type DownReason = keyof typeof DOWN_REASONS;

/** What a session noticed without going down. A closed set, as the other. */
export const BGP_NOTICES = {
  "attribute-error": "A peer sent routes with attributes that are wrong (RFC 7606); the session stays.",
  "no-next-hop":
    "Routes of a family are not announced: this side has no address for it that the peer could use.",
  "family-refused":
    "Routes of a family are not announced: the peer does not say that it takes them. One that says nothing at all takes IPv4.",
  "attributes-too-long": "Routes are not announced: their attributes do not fit into a message.",
  "connection-refused": "The peer connected while it was not wanted, or too soon after an error.",
  "other-connection":
    "While there was a session, another connection from the peer's address came to nothing; the session stays.",
} as const;

export type BgpNotice = keyof typeof BGP_NOTICES;
