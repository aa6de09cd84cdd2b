/** The only version there is (RFC 5880 §4.1). */
export const BFD_VERSION = 1;

/** UDP ports to send to: single hop (RFC 5881 §4), many hops (RFC 5883 §5), and echo, which we do not send (RFC 5881 §4). */
export const BFD_PORT = { single: 3_784, multi: 4_784, echo: 3_785 } as const;

/** Where the source port of a single hop's packets must be; one for the life of a session (RFC 5881 §4). */
export const BFD_SOURCE_PORTS = { first: 49_152, last: 65_535 } as const;

/** TTL or hop limit of all that is sent, and of all that is taken over a single hop (RFC 5881 §5, RFC 5082). */
export const BFD_TTL = 255;

/** RFC 5880 §4.1, Sta. */
export const BFD_STATE = { "admin-down": 0, down: 1, init: 2, up: 3 } as const;

/** RFC 5880 §4.1, registry "BFD Diagnostic Codes"; 9 is of RFC 6428. What we never say ourselves can be heard. */
export const DIAGNOSTIC = {
  none: 0,
  detectionExpired: 1,
  echoFailed: 2,
  neighborSignaledDown: 3,
  forwardingPlaneReset: 4,
  pathDown: 5,
  concatenatedPathDown: 6,
  administrativelyDown: 7,
  reverseConcatenatedPathDown: 8,
  misconnectivity: 9,
} as const;

/** In words, by number. */
export const DIAGNOSTIC_WORDS: Readonly<Record<number, string>> = {
  0: "no diagnostic",
  1: "control detection time expired",
  2: "echo function failed",
  3: "neighbor signaled session down",
  4: "forwarding plane reset",
  5: "path down",
  6: "concatenated path down",
  7: "administratively down",
  8: "reverse concatenated path down",
  9: "mis-connectivity defect",
};

/** RFC 5880 §4.1, registry "BFD Authentication Types". */
export const AUTHENTICATION_TYPE = {
  password: 1,
  md5: 2,
  "meticulous-md5": 3,
  sha1: 4,
  "meticulous-sha1": 5,
} as const;
