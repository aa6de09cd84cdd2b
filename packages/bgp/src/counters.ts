import type { MessageName } from "./message.ts";

/** What went over the connections of a session, since it was made. */
export interface Counters {
  readonly sent: Readonly<Record<MessageName, number>>;
  readonly received: Readonly<Record<MessageName, number>>;
  readonly sentOctets: number;
  readonly receivedOctets: number;
  /** Routes that the peer told us, and took back. They are counted and forgotten. */
  readonly routesReceived: number;
  readonly withdrawalsReceived: number;
  /** UPDATEs with attributes that were wrong. */
  readonly attributeErrors: number;
  /** How often the session was Established, and how often it was lost. */
  readonly established: number;
  readonly lost: number;
}

/** The same while it is counted. */
export type Counting = { -readonly [K in keyof Counters]: Counters[K] extends number ? number : Tally };
type Tally = Record<MessageName, number>;

export function zeroCounters(): Counting {
  const tally = (): Tally => ({ open: 0, update: 0, notification: 0, keepalive: 0, "route-refresh": 0 });
  return {
    sent: tally(),
    received: tally(),
    sentOctets: 0,
    receivedOctets: 0,
    routesReceived: 0,
    withdrawalsReceived: 0,
    attributeErrors: 0,
    established: 0,
    lost: 0,
  };
}
