import { addLoopLag } from "@herald/daemon/metrics";
import type { MemberChange } from "@herald/gossip/effect";
import { SWIM_NOTICES, type SwimNotice } from "@herald/gossip/notices";
import { CONFLICT_KINDS, type ConflictKind } from "@herald/layer2/conflict-messages";
import { ARP_DROP_REASONS, type DropReason, NDP_DROP_REASONS } from "@herald/layer2/drop-reasons";
import { familyOf, type IpAddress } from "@herald/shared/ip/address";
import { Counter, Gauge, type Registry } from "prom-client";
import { type BfdMetrics, createBfdMetrics } from "./bfd-metrics.ts";
import { type BgpMetrics, createBgpMetrics } from "./bgp-metrics.ts";
import { type BmpMetrics, createBmpMetrics } from "./bmp-metrics.ts";
import { UNFIT_REASONS } from "./interface-rules.ts";

/** Answers and announcements: what an operator asks about first. */
export interface Layer2Metrics {
  /** Under each protocol the reasons there are of it. */
  readonly framesDropped: Readonly<Record<"arp" | "ndp", Readonly<Partial<Record<DropReason, Counted>>>>>;
  readonly gratuitous: Readonly<Record<"request" | "reply" | "advertisement", Counted>>;
  /** By what came of it: the address was free, or somebody had it. */
  readonly probes: Readonly<Record<"free" | "taken", Counted>>;
  readonly conflicts: Readonly<Record<ConflictKind, Counted>>;
  readonly defences: Counted;
  readonly quarantined: Gauge;
  /** Clients told, and told of. */
  readonly spread: Readonly<Record<"refreshed" | "introduced", Counted>>;
  readonly sendFailures: Counted;
  readonly joinFailures: Counted;
  readonly captureOpens: Counted;
  readonly captureFailures: Counted;
  /** By state: "announcing", "opening" or why nothing is announced there. */
  readonly interfaces: Gauge<"state">;
  readonly interfaceTroubles: Counted;
  /** MetalLB's counters of one address; made on first use. */
  readonly ofAddress: (address: IpAddress) => AddressCounters;
  /** Ends the counters of an address that is no longer announced. */
  readonly forgetAddress: (address: IpAddress) => void;
}

export interface Counted {
  inc(by?: number): void;
}

export interface AddressCounters {
  /** Of all addresses of its protocol. */
  readonly answers: Counted;
  readonly requests: Counted;
  readonly responses: Counted;
  readonly gratuitous: Counted;
}

export interface GossipMetrics {
  readonly changes: Readonly<Record<MemberChange, Counted>>;
  readonly notices: Readonly<Record<SwimNotice, Counted>>;
  readonly refused: Counter<"from" | "reason">;
}

export interface SpeakerMetrics {
  readonly bfd: BfdMetrics;
  readonly bmp: BmpMetrics;
  readonly bgp: BgpMetrics;
  readonly gossip: GossipMetrics;
  readonly layer2: Layer2Metrics;
  readonly announcedAddresses: Gauge<"protocol">;
  readonly candidates: Gauge;
  readonly takeovers: Counted;
  readonly yields: Readonly<Record<"heard" | "timeout", Counted>>;
  readonly batchesApplied: Counted;
  readonly apiNotices: Counter<"resource" | "notice">;
  readonly eventsDropped: Gauge;
  readonly wordFailures: Counted;
  /** MetalLB's: one series for each Service and address announced from here. */
  readonly announced: Gauge<"service" | "protocol" | "node" | "ip">;
  readonly configLoaded: Gauge;
  readonly configStale: Gauge;
  readonly updates: Counted;
  readonly updateErrors: Counted;
}

/** Every metric of the speaker, registered; all that can be known beforehand stands at 0. */
export function createSpeakerMetrics(registry: Registry): SpeakerMetrics {
  const registers = [registry];
  addLoopLag(
    registry,
    "herald_speaker_event_loop_lag_seconds",
    "How late the event loop ran since the last scrape; above 0.02 answers are delayed by our own work.",
  );
  const yields = new Counter({
    name: "herald_speaker_yields_total",
    help: "Addresses left to a new owner: whether it was heard on the wire, or waited for in vain.",
    labelNames: ["outcome"],
    registers,
  });
  return {
    bfd: createBfdMetrics(registry),
    bmp: createBmpMetrics(registry),
    bgp: createBgpMetrics(registry),
    gossip: createGossipMetrics(registry),
    layer2: createLayer2Metrics(registry),
    announcedAddresses: startingAt0(
      new Gauge({
        name: "herald_speaker_announced_addresses",
        help: "Addresses this node announces now.",
        labelNames: ["protocol"],
        registers,
      }),
      "layer2",
    ),
    candidates: new Gauge({
      name: "herald_speaker_candidates",
      help: "Nodes that may own addresses as this speaker sees it; speakers that disagree for long disagree about owners.",
      registers,
    }),
    takeovers: counter(registry, "herald_speaker_takeovers_total", "Services this node began to announce."),
    yields: { heard: series(yields, "heard"), timeout: series(yields, "timeout") },
    batchesApplied: counter(
      registry,
      "herald_speaker_batches_applied_total",
      "Batches of changes taken over from the Kubernetes worker.",
    ),
    apiNotices: new Counter({
      name: "herald_speaker_api_notices_total",
      help: "What reflectors noticed about the API server, by resource; relists and errors that grow mean it is in trouble.",
      labelNames: ["resource", "notice"],
      registers,
    }),
    eventsDropped: new Gauge({
      name: "herald_speaker_events_dropped",
      help: "Kubernetes Events that could not be written since the start.",
      registers,
    }),
    wordFailures: counter(
      registry,
      "herald_speaker_status_write_failures_total",
      "Times the condition herald.io/Announced of a Service could not be written; each is tried again.",
    ),
    ...createMetalLbMetrics(registry),
  };
}

function createGossipMetrics(registry: Registry): GossipMetrics {
  const registers = [registry];
  const changes = new Counter({
    name: "herald_speaker_member_changes_total",
    help: "What became of other speakers, as gossip has it; suspect and alive in turns mean lost packets or a slow node.",
    labelNames: ["change"],
    registers,
  });
  const notices = new Counter({
    name: "herald_speaker_gossip_notices_total",
    help: "What gossip noticed about others and itself (docs/reference/reasons.md).",
    labelNames: ["reason"],
    registers,
  });
  const changeNames: readonly MemberChange[] = ["alive", "suspect", "dead", "left", "updated"];
  return {
    changes: Object.fromEntries(
      changeNames.map((change) => [change, changes.labels(change)]),
    ) as GossipMetrics["changes"],
    notices: Object.fromEntries(
      Object.keys(SWIM_NOTICES).map((reason) => [reason, notices.labels(reason)]),
    ) as GossipMetrics["notices"],
    refused: new Counter({
      name: "herald_speaker_gossip_refused_total",
      help: "Datagrams and streams of the gossip, and claims in them, that were refused; unauthenticated means another key.",
      labelNames: ["from", "reason"],
      registers,
    }),
  };
}

function createLayer2Metrics(registry: Registry): Layer2Metrics {
  const registers = [registry];
  const framesDropped = new Counter({
    name: "herald_speaker_frames_dropped_total",
    help: "Frames read and not answered, by protocol and reason (docs/reference/reasons.md).",
    labelNames: ["protocol", "reason"],
    registers,
  });
  const dropped = (protocol: "arp" | "ndp", reasons: object): Partial<Record<DropReason, Counted>> =>
    Object.fromEntries(
      Object.keys(reasons).map((reason) => [reason, series(framesDropped, protocol, reason)]),
    );
  const gratuitous = new Counter({
    name: "herald_speaker_gratuitous_sent_total",
    help: "Frames sent unasked after a takeover, by protocol and operation.",
    labelNames: ["protocol", "operation"],
    registers,
  });
  const interfaces = new Gauge({
    name: "herald_speaker_interfaces",
    help: "Network interfaces of this node by state; none announcing means nobody hears this node.",
    labelNames: ["state"],
    registers,
  });
  for (const state of ["announcing", "opening", ...Object.keys(UNFIT_REASONS)]) interfaces.set({ state }, 0);
  return {
    framesDropped: { arp: dropped("arp", ARP_DROP_REASONS), ndp: dropped("ndp", NDP_DROP_REASONS) },
    gratuitous: {
      request: series(gratuitous, "arp", "request"),
      reply: series(gratuitous, "arp", "reply"),
      advertisement: series(gratuitous, "ndp", "advertisement"),
    },
    ...createConflictMetrics(registry),
    spread: createSpreadMetrics(registry),
    sendFailures: counter(
      registry,
      "herald_speaker_send_failures_total",
      "Frames the system refused to send: an interface that just went down, or a full queue.",
    ),
    joinFailures: counter(
      registry,
      "herald_speaker_group_join_failures_total",
      "Multicast groups the system refused to join: behind a switch that snoops, an IPv6 address in them is not found.",
    ),
    captureOpens: counter(registry, "herald_speaker_capture_opens_total", "Captures begun on an interface."),
    captureFailures: counter(
      registry,
      "herald_speaker_capture_failures_total",
      "Captures that ended or could not begin; each is tried again.",
    ),
    interfaces,
    interfaceTroubles: counter(
      registry,
      "herald_speaker_interface_event_losses_total",
      "Times the kernel's news about interfaces were lost; the whole list was read instead.",
    ),
    ...createAddressCounters(registry),
  };
}

function createSpreadMetrics(registry: Registry): Layer2Metrics["spread"] {
  return {
    refreshed: counter(
      registry,
      "herald_speaker_spread_refreshes_total",
      "Frames that told a client of a spread address, alone and unasked, that it is served here now.",
    ),
    introduced: counter(
      registry,
      "herald_speaker_spread_introductions_total",
      "Frames that told another node of a client of a spread address that is served here, in case this node goes.",
    ),
  };
}

function createConflictMetrics(
  registry: Registry,
): Pick<Layer2Metrics, "probes" | "conflicts" | "defences" | "quarantined"> {
  const registers = [registry];
  const probes = new Counter({
    name: "herald_speaker_probes_total",
    help: "Addresses asked for before they were announced first, by what came of it; taken means that a machine on the segment uses an address of a pool.",
    labelNames: ["outcome"],
    registers,
  });
  const conflicts = new Counter({
    name: "herald_speaker_conflicts_total",
    help: "Times somebody else was heard to have an address of ours, by who it is (docs/reference/reasons.md); at most one in 10 s for each address.",
    labelNames: ["kind"],
    registers,
  });
  const kinds = Object.keys(CONFLICT_KINDS).map((kind) => [kind, series(conflicts, kind)]);
  return {
    probes: { free: series(probes, "free"), taken: series(probes, "taken") },
    conflicts: Object.fromEntries(kinds) as Layer2Metrics["conflicts"],
    defences: counter(
      registry,
      "herald_speaker_defences_total",
      "Times an address was announced once more because somebody else claimed it.",
    ),
    quarantined: new Gauge({
      name: "herald_speaker_quarantined_addresses",
      help: "Addresses given up to a machine that does not give way, until it is gone; above 0 Services are down.",
      registers,
    }),
  };
}

/** MetalLB never removes these; here they end with the address. */
function createAddressCounters(registry: Registry): Pick<Layer2Metrics, "ofAddress" | "forgetAddress"> {
  const make = (name: string, help: string): Counter<"ip"> =>
    new Counter({ name, help, labelNames: ["ip"], registers: [registry] });
  const requests = make(
    "metallb_layer2_requests_received",
    "Requests received for addresses announced here.",
  );
  const responses = make("metallb_layer2_responses_sent", "Answers sent for addresses announced here.");
  const gratuitous = make(
    "metallb_layer2_gratuitous_sent",
    "Frames sent unasked for addresses announced here.",
  );
  const answers = new Counter({
    name: "herald_speaker_answers_total",
    help: "ARP requests and neighbour solicitations answered.",
    labelNames: ["protocol"],
    registers: [registry],
  });
  const answersOf = { 4: series(answers, "arp"), 6: series(answers, "ndp") };
  const known = new Map<IpAddress, AddressCounters>(); // bounded by addresses announced
  return {
    ofAddress: (ip) => {
      let counters = known.get(ip);
      if (counters === undefined) {
        counters = {
          answers: answersOf[familyOf(ip)],
          requests: series(requests, ip),
          responses: series(responses, ip),
          gratuitous: series(gratuitous, ip),
        };
        known.set(ip, counters);
      }
      return counters;
    },
    forgetAddress: (ip) => {
      if (!known.delete(ip)) return;
      for (const metric of [requests, responses, gratuitous]) metric.remove(ip);
    },
  };
}

/** Dashboards and alerts made for MetalLB find what they look for. */
function createMetalLbMetrics(
  registry: Registry,
): Pick<SpeakerMetrics, "announced" | "configLoaded" | "configStale" | "updates" | "updateErrors"> {
  const registers = [registry];
  return {
    announced: new Gauge({
      name: "metallb_speaker_announced",
      help: "1 for each Service and address announced from this node.",
      labelNames: ["service", "protocol", "node", "ip"],
      registers,
    }),
    configLoaded: new Gauge({
      name: "metallb_k8s_client_config_loaded_bool",
      help: "1 once a good configuration was loaded.",
      registers,
    }),
    configStale: new Gauge({
      name: "metallb_k8s_client_config_stale_bool",
      help: "1 while the newest configuration is refused and an older one is in force.",
      registers,
    }),
    updates: counter(
      registry,
      "metallb_k8s_client_updates_total",
      "Kubernetes objects whose change was processed.",
    ),
    updateErrors: counter(
      registry,
      "metallb_k8s_client_update_errors_total",
      "Kubernetes objects whose change could not be processed: refused configurations.",
    ),
  };
}

function counter(registry: Registry, name: string, help: string): Counter {
  return new Counter({ name, help, registers: [registry] });
}

/** One series of a counter, which stands at 0 from now on: what was never counted is there, too. */
function series<Name extends string>(counter: Counter<Name>, ...values: readonly string[]): Counted {
  const one = counter.labels(...values);
  one.inc(0);
  return one;
}

function startingAt0<Name extends string>(gauge: Gauge<Name>, label: string): Gauge<Name> {
  gauge.labels(label).set(0);
  return gauge;
}
