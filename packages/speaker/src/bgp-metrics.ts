import type { Counters } from "@herald/bgp/counters";
import { BGP_NOTICES, DOWN_REASONS } from "@herald/bgp/reasons";
import type { SessionStatus } from "@herald/bgp/session";
import { Counter, Gauge, type Registry } from "prom-client";

/** As MetalLB's FRR mode calls a session. */
export interface SessionLabels {
  /** `ADDRESS:PORT`. */
  readonly peer: string;
  /** `default` for the main one. */
  readonly vrf: string;
}

/** A session that is there, wanted or on its way out. */
export interface SessionSight {
  readonly labels: SessionLabels;
  readonly status: SessionStatus;
  /** How many routes the peer is to have in all. */
  readonly wanted: number;
}

export interface BgpMetrics {
  readonly downs: Counter<"peer" | "vrf" | "reason">;
  readonly notices: Counter<"peer" | "vrf" | "reason">;
  /** Connections that came in and were dropped. */
  readonly refused: Counter<"reason">;
  /** Services and prefixes that are not announced as asked, by reason. */
  readonly withheld: Gauge<"reason">;
  /** Router advertisements that count for nothing. */
  readonly routerDrops: Counter<"reason">;
  /** Whom to ask at every scrape. */
  watch(sessions: () => Iterable<SessionSight>): void;
  /** Ends the series of a session that is gone, unless another one has the same. */
  forget(session: SessionLabels): void;
}

type Read = (sight: SessionSight) => number;

const sum = (numbers: Readonly<Record<string, number>>): number =>
  Object.values(numbers).reduce((total, each) => total + each, 0);
const told = ({ status }: SessionSight): number => status.told[4] + status.told[6];
const counted =
  (read: (counters: Counters) => number): Read =>
  ({ status }) =>
    read(status.counters);

/** Of several sessions with one router, from several addresses, the worst counts: an alert goes by it. */
const GAUGES: Readonly<
  Record<string, readonly [help: string, read: Read, worst: (...of: number[]) => number]>
> = {
  metallb_bgp_session_up: [
    "1 while the session with the peer is established, else 0.",
    ({ status }) => (status.state === "established" ? 1 : 0),
    Math.min,
  ],
  metallb_bgp_announced_prefixes_total: [
    "Prefixes the peer has been told and still has of us.",
    told,
    Math.min,
  ],
  metallb_bgp_pending_prefixes_total: [
    "Prefixes the peer is to have and has not been told.",
    (sight) => Math.max(0, sight.wanted - told(sight)),
    Math.max,
  ],
};

const COUNTERS: Readonly<Record<string, readonly [help: string, read: Read]>> = {
  metallb_bgp_updates_total: ["UPDATE messages sent.", counted(({ sent }) => sent.update)],
  metallb_bgp_updates_total_received: ["UPDATE messages received.", counted((c) => c.received.update)],
  metallb_bgp_opens_sent: ["OPEN messages sent.", counted(({ sent }) => sent.open)],
  metallb_bgp_opens_received: ["OPEN messages received.", counted(({ received }) => received.open)],
  metallb_bgp_notifications_sent: ["NOTIFICATIONs sent.", counted(({ sent }) => sent.notification)],
  metallb_bgp_keepalives_sent: ["KEEPALIVEs sent.", counted(({ sent }) => sent.keepalive)],
  metallb_bgp_keepalives_received: ["KEEPALIVEs received.", counted(({ received }) => received.keepalive)],
  metallb_bgp_route_refresh_sent: ["ROUTE-REFRESHes sent.", counted((c) => c.sent["route-refresh"])],
  metallb_bgp_total_sent: ["Messages sent.", counted(({ sent }) => sum(sent))],
  metallb_bgp_total_received: ["Messages received.", counted(({ received }) => sum(received))],
  herald_speaker_bgp_received_routes_total: [
    "Routes the peer told us; they are counted and forgotten.",
    counted(({ routesReceived }) => routesReceived),
  ],
  herald_speaker_bgp_attribute_errors_total: [
    "UPDATEs with attributes that were wrong (RFC 7606); each is in the log, too.",
    counted(({ attributeErrors }) => attributeErrors),
  ],
  herald_speaker_bgp_established_total: [
    "Times a session with the peer was established; more than 1 means that it was lost.",
    counted(({ established }) => established),
  ],
};

function seriesOf({ peer, vrf }: SessionLabels): string {
  return JSON.stringify([peer, vrf]);
}

/** Sessions are asked at each scrape: they count themselves, from when they were made. */
export function createBgpMetrics(registry: Registry): BgpMetrics {
  const registers = [registry];
  const labelNames = ["peer", "vrf"] as const;
  let sessions: () => Iterable<SessionSight> = () => [];
  for (const [name, [help, read, worst]] of Object.entries(GAUGES)) {
    const gauge: Gauge<keyof SessionLabels> = new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect: () => {
        gauge.reset();
        for (const alike of Map.groupBy(sessions(), ({ labels }) => seriesOf(labels)).values()) {
          gauge.set({ ...(alike[0] as SessionSight).labels }, worst(...alike.map(read)));
        }
      },
    });
  }
  for (const [name, [help, read]] of Object.entries(COUNTERS)) {
    const counter: Counter<keyof SessionLabels> = new Counter({
      name,
      help,
      labelNames,
      registers,
      collect: () => {
        counter.reset();
        for (const sight of sessions()) counter.inc({ ...sight.labels }, read(sight));
      },
    });
  }
  const downs = new Counter({
    name: "herald_speaker_bgp_downs_total",
    help: "Times a session ended or a connection came to nothing, by reason (docs/reference/reasons.md).",
    labelNames: [...labelNames, "reason"] as const,
    registers,
  });
  const notices = new Counter({
    name: "herald_speaker_bgp_notices_total",
    help: "What sessions noticed without ending, by reason (docs/reference/reasons.md).",
    labelNames: [...labelNames, "reason"] as const,
    registers,
  });
  return {
    downs,
    notices,
    refused: new Counter({
      name: "herald_speaker_bgp_incoming_refused_total",
      help: "Connections to the BGP port that were reset at once, by reason (docs/reference/reasons.md). Those with a wrong password or too low a TTL are the kernel's to drop: see TcpExtTCPMD5Failure, TcpExtTCPMD5NotFound and TcpExtTCPMinTTLDrop of nstat.",
      labelNames: ["reason"],
      registers,
    }),
    withheld: new Gauge({
      name: "herald_speaker_bgp_withheld",
      help: "Services that BGP is for and this node does not announce, and prefixes that advertisements disagree on, by reason (docs/reference/reasons.md).",
      labelNames: ["reason"],
      registers,
    }),
    routerDrops: new Counter({
      name: "herald_speaker_bgp_router_advertisements_dropped_total",
      help: "Router advertisements that count for nothing, on interfaces that BGP peers name instead of an address, by reason (docs/reference/reasons.md).",
      labelNames: ["reason"],
      registers,
    }),
    watch: (from) => {
      sessions = from;
    },
    forget: (session) => {
      if ([...sessions()].some(({ labels }) => seriesOf(labels) === seriesOf(session))) return;
      for (const reason of Object.keys(DOWN_REASONS)) downs.remove({ ...session, reason });
      for (const reason of Object.keys(BGP_NOTICES)) notices.remove({ ...session, reason });
    },
  };
}
