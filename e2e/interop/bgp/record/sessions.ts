import type { Capability } from "@herald/bgp/capability";
import { UNICAST } from "@herald/bgp/family";
import { AS_TRANS } from "@herald/bgp/iana";
import type { Open } from "@herald/bgp/open";
import { PEER, type RecordedSetup } from "./recorded-router.ts";

/** One connection from its beginning to its end. */
export interface Session {
  readonly name: string;
  readonly about: string;
  readonly setup: RecordedSetup;
  readonly open: Open;
  /** What is awaited or asked for, one after the other; a router that does not leave is left. */
  readonly steps: readonly Step[];
}

export type Step = "table" | "refresh" | "withdraw" | "leave";

const [THEIRS, OURS] = [4_200_000_001, 64_500];

const families: readonly Capability[] = ([4, 6] as const).map((family) => ({
  type: "multiprotocol",
  family: UNICAST[family],
}));
const modern: readonly Capability[] = [
  ...families,
  { type: "route-refresh" },
  {
    type: "graceful-restart",
    restarting: false,
    notifications: true,
    restartTimeSeconds: 120,
    families: ([4, 6] as const).map((family) => ({ family: UNICAST[family], forwarding: false })),
  },
  { type: "four-octet-asn", asn: OURS },
];
const receivesPaths: Capability = {
  type: "add-path",
  families: ([4, 6] as const).map((family) => ({ family: UNICAST[family], mode: "receive" })),
};
const open: Open = {
  type: "open",
  version: 4,
  asn: OURS,
  holdTimeSeconds: 90,
  routerId: PEER as Open["routerId"],
  capabilities: modern,
};
const external: RecordedSetup = { asn: THEIRS, peerAsn: OURS, addPath: false, restarts: true };

export const SESSIONS: readonly Session[] = [
  {
    name: "external",
    about: "to another AS: table, request, withdrawals, farewell",
    setup: external,
    open,
    steps: ["table", "refresh", "withdraw", "leave"],
  },
  {
    name: "internal",
    about: "within one AS, with path ids",
    setup: { asn: OURS, peerAsn: OURS, addPath: true, restarts: true },
    open: { ...open, capabilities: [...modern, receivesPaths] },
    steps: ["table"],
  },
  {
    name: "old",
    about: "to a peer that knows IPv4 only, and ASNs of two octets",
    setup: { ...external, restarts: false },
    open: { ...open, capabilities: families.slice(0, 1) },
    steps: ["table", "leave"],
  },
  {
    name: "refused",
    about: "to a peer of an AS that it does not expect",
    setup: external,
    open: {
      ...open,
      asn: AS_TRANS,
      capabilities: [...families, { type: "four-octet-asn", asn: 4_200_000_002 }],
    },
    steps: [],
  },
];
