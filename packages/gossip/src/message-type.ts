/** The first octet of every message (memberlist, `net.go`). */
export const MESSAGE_TYPE = {
  ping: 0,
  indirectPing: 1,
  ack: 2,
  suspect: 3,
  alive: 4,
  dead: 5,
  pushPull: 6, // streams only
  compound: 7, // datagrams only
  user: 8, // with another body in streams
  compress: 9,
  encrypt: 10, // streams only: an encrypted datagram has no type
  nack: 11,
  crc: 12, // datagrams only, outermost
  error: 13, // streams only, from whom we dialled
  label: 244, // before everything else
} as const;
