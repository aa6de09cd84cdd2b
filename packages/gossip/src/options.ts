/**
 * How a member watches the others. Every number is local: members with different ones live in one cluster, and
 * whoever watches closest finds a crash first for all.
 */
export interface SwimOptions {
  /** Gap between two rounds of probes, ms. Also the time a probe has in all while we are healthy. */
  readonly probeIntervalMs: number;
  /** How long a probe waits before it asks others for help, ms. At most 0.4 of the interval: nacks take as long again. */
  readonly probeTimeoutMs: number;
  /** Members probed in one round; at least 1. All of them while they are no more than that. */
  readonly probesPerRound: number;
  /** Most probes under way at once; 1 is memberlist's way: a round that falls into a running probe is left out. */
  readonly probesAtOnce: number;
  /** Members asked to probe for us when a probe got no answer. */
  readonly indirectChecks: number;
  /** Whether an unanswered probe is also tried over TCP. */
  readonly tcpPings: boolean;
  /** Shortest suspicion in probe intervals; others must agree on it from 3 on, `suspicionMult - 2` of them. */
  readonly suspicionMult: number;
  /** Longest suspicion, in shortest ones: what it takes when nobody agrees. */
  readonly suspicionMaxMult: number;
  /** Whether suspicions last longer among many members (times log10 of them), as memberlist's do. */
  readonly suspicionGrows: boolean;
  /** By how much a probe's time may stretch while we seem to be the sick one; at least 1. */
  readonly awarenessMax: number;
  /** Shortest gap between two rounds of news, ms. Without news nothing is sent. */
  readonly gossipIntervalMs: number;
  /** Members told in one round. */
  readonly gossipFanout: number;
  /** News is put into `retransmitMult × ⌈log10(members + 1)⌉` datagrams. */
  readonly retransmitMult: number;
  /** How long a dead member is still told news, and the dead and the left are remembered at least, ms. */
  readonly gossipToTheDeadMs: number;
  /** How long a member must be dead before its name may come back from another address, ms; 0: never. */
  readonly deadReclaimMs: number;
  /** Gap between two exchanges of whole tables, ms; grows with the cluster (`pushPullScale`). */
  readonly pushPullIntervalMs: number;
  /** How long a stream may take, ms. */
  readonly streamTimeoutMs: number;
  /** Gap between two attempts to reach addresses behind which nobody is alive, ms. */
  readonly rejoinIntervalMs: number;
  /** Longest wait for our own leave to be told, ms. */
  readonly leaveTimeoutMs: number;
  /** How late our own timers may be before we distrust what we did not hear meanwhile, ms. */
  readonly lagMs: number;
  /** Members known at most, oneself, the dead and the left included. */
  readonly maxMembers: number;
  /** Aim for the size of a datagram before compression, UDP payload octets. */
  readonly datagramOctets: number;
}

export type ProfileName = "fast" | "default" | "lan";

/** What the three have in common, memberlist's numbers all of them. */
const COMMON = {
  indirectChecks: 3,
  tcpPings: true,
  gossipFanout: 3,
  gossipToTheDeadMs: 30_000,
  pushPullIntervalMs: 30_000,
  streamTimeoutMs: 10_000,
  leaveTimeoutMs: 1_000,
  maxMembers: 4_096,
  datagramOctets: 1_400,
} as const;

/** What each costs and survives, measured: docs/gossip.md. */
export const PROFILES: Readonly<Record<ProfileName, SwimOptions>> = {
  /** For nodes that never pause for more than 50 ms. */
  fast: {
    ...COMMON,
    probeIntervalMs: 30,
    probeTimeoutMs: 12,
    probesPerRound: 8,
    probesAtOnce: 64,
    suspicionMult: 3,
    suspicionMaxMult: 2,
    suspicionGrows: false,
    awarenessMax: 3,
    gossipIntervalMs: 5,
    retransmitMult: 6,
    deadReclaimMs: 1_000,
    streamTimeoutMs: 3_000,
    rejoinIntervalMs: 5_000,
    lagMs: 6,
  },
  /** For nodes that pause for 100 ms now and then: a CPU limit, a short stun of the virtual machine. */
  default: {
    ...COMMON,
    probeIntervalMs: 50,
    probeTimeoutMs: 20,
    probesPerRound: 8,
    probesAtOnce: 64,
    suspicionMult: 4,
    suspicionMaxMult: 2,
    suspicionGrows: false,
    awarenessMax: 3,
    gossipIntervalMs: 10,
    retransmitMult: 6,
    deadReclaimMs: 1_000,
    streamTimeoutMs: 3_000,
    rejoinIntervalMs: 5_000,
    lagMs: 10,
  },
  /** memberlist's LAN profile, which is MetalLB's. */
  lan: {
    ...COMMON,
    probeIntervalMs: 1_000,
    probeTimeoutMs: 500,
    probesPerRound: 1,
    probesAtOnce: 1,
    suspicionMult: 4,
    suspicionMaxMult: 6,
    suspicionGrows: true,
    awarenessMax: 8,
    gossipIntervalMs: 200,
    retransmitMult: 4,
    deadReclaimMs: 0,
    rejoinIntervalMs: 30_000,
    lagMs: 250,
  },
};
