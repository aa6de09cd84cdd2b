import { hash } from "node:crypto";
import { systemClock } from "@herald/daemon/clock";
import { readFlags } from "@herald/daemon/flags";
import { startHttp } from "@herald/daemon/http";
import { type Life, runProgram } from "@herald/daemon/lifecycle";
import { createLog } from "@herald/daemon/log";
import { createRegistry } from "@herald/daemon/metrics";
import { systemRandom } from "@herald/daemon/random";
import { DEFAULT_CONFLICT_OPTIONS } from "@herald/layer2/conflict-options";
import { DEFAULT_ANNOUNCER_OPTIONS } from "@herald/layer2/options";
import { parseAddress } from "@herald/shared/ip/address";
import { assemble, JOIN_WAIT_MS, VACANT_MS } from "./assemble.ts";
import { startBfd } from "./bfd-link.ts";
import { BgpSpeaker } from "./bgp-speaker.ts";
import type { StartMonitor } from "./bmp-port.ts";
import type { BmpStation } from "./bmp-station.ts";
import { namespaceOf, program } from "./env.ts";
import { excludedInterfaces } from "./excluded-interfaces.ts";
import { bgpListeners } from "./io/bgp-listeners.ts";
import { isNear, linkLocalOf } from "./io/bgp-local-addresses.ts";
import { sourceTowards } from "./io/bgp-socket-options.ts";
import { bgpSockets } from "./io/bgp-sockets.ts";
import { dialStation } from "./io/bmp-socket.ts";
import { openGossipSockets } from "./io/gossip-sockets.ts";
import { watchInterfaces } from "./io/interfaces.ts";
import { multicastGroups } from "./io/multicast-groups.ts";
import { pcap } from "./io/pcap.ts";
import { type KubernetesHandlers, type KubernetesLink, startKubernetes } from "./kubernetes-link.ts";
import type { KubernetesOptions } from "./kubernetes-protocol.ts";
import { createSpeakerMetrics, type SpeakerMetrics } from "./metrics.ts";
import { BmpMonitor } from "./run-bmp.ts";
import type { Speaker, SpeakerOptions } from "./speaker.ts";
import type { StartGossipOptions } from "./start-gossip.ts";

/** For Events on the way out, ms. */
const FLUSH_MS = 1_000;

const flags = readFlags(program);
const log = createLog({ level: flags["log-level"], program: "speaker" });
const stopDeadlineMs = flags["drain-timeout"] + 2 * FLUSH_MS + 1_000;

async function start(life: Life): Promise<void> {
  const options = await speakerOptions(); // before anything can tell the speaker something
  if (flags["observe-only"]) return await observe(options, life);
  const clock = systemClock;
  const registry = createRegistry();
  const metrics = createSpeakerMetrics(registry);

  const kubernetes = startKubernetes(kubernetesOptions(), {
    onChanges: (changes, taken) => {
      for (const change of changes) bgp.take(change);
      speaker.apply(changes, taken);
    },
    ...troubles(metrics),
    onCannotStart: (message) => life.fail("cannot start", message),
    onCrash: (error) => life.fail("the Kubernetes worker crashed", error),
  });
  life.onStop("kubernetes", kubernetes.close);

  const { speaker, gossip } = assemble(
    { speaker: options, gossip: gossipOptions() },
    {
      clock,
      wallMs: () => Date.now(),
      random: systemRandom,
      openSockets: openGossipSockets,
      packets: pcap,
      groups: multicastGroups(),
      digest: (text) => hash("sha256", text, "buffer"),
      log,
      metrics,
      ...kubernetes, // recordEvent, say, sayHolding
      isStill: (station) => interfaces.isStill(station),
      onCaptureLost: () => interfaces.refresh(),
      onGossipFailed: (error) => life.fail("cannot gossip", error),
    },
  );
  life.onStop("captures", () => speaker.stop());

  const bgp = createBgp(options, metrics, kubernetes, (error) => life.fail("BFD crashed", error));
  life.onStop("routers", () => bgp.stop());

  const interfaces = watchInterfaces({
    clock,
    onLinks: (links) => {
      speaker.setLinks(links);
      bgp.setLinks(links);
    },
    onTrouble: (message) => {
      metrics.layer2.interfaceTroubles.inc();
      log.warn("news of interfaces were lost", { reason: message });
    },
  });
  life.onStop("interfaces", () => interfaces.stop());

  const notReady = (): readonly string[] => waitingFor(life, speaker);
  const http = await startHttp({ host: flags.host, port: flags.port, registry, notReady });
  life.onStop("http", http.close);
  life.onStop("events", () => kubernetes.flush(FLUSH_MS));
  // Why both at once: the others take over when they hear that we leave, and we yield when we hear them.
  life.onStop("addresses", async () => {
    await Promise.all([speaker.drain(), gossip.leave(), bgp.drain()]);
  });
  log.info("started", { node: flags["node-name"], namespace: namespaceOf(flags), port: http.port });
}

async function observe({ plan, excludedInterfaces }: SpeakerOptions, life: Life): Promise<void> {
  const { host, port } = flags;
  const { startObserving } = await import("./observe-program.ts"); // few do
  const watched = { kubernetes: kubernetesOptions(), plan, excludedInterfaces, host, port };
  await startObserving(watched, log, life);
}

function monitorAt(station: BmpStation, { bmp }: SpeakerMetrics): StartMonitor {
  const options = { station, node: flags["node-name"], version: program.version };
  const [clock, random, epochMs] = [systemClock, systemRandom, () => Date.now()];
  const ports = { clock, random, epochMs, dial: dialStation, log, metrics: bmp };
  return (sources) => new BmpMonitor(options, ports, sources);
}

function createBgp(
  { node, plan }: SpeakerOptions,
  metrics: SpeakerMetrics,
  { recordEvent, sayHolding, saySession }: Pick<KubernetesLink, "recordEvent" | "sayHolding" | "saySession">,
  onBfdCrash: (error: Error) => void,
): BgpSpeaker {
  const address = parseAddress(flags["ml-bindaddr"]);
  const station = flags["bmp-station"];
  return new BgpSpeaker(
    { node, address, plan, partMs: flags["drain-timeout"] },
    {
      clock: systemClock,
      random: systemRandom,
      sockets: bgpSockets,
      ...(flags["bgp-listen"] && { incoming: { port: flags["bgp-listen-port"], sockets: bgpListeners } }),
      ...(station !== undefined && { monitor: monitorAt(station, metrics) }),
      log,
      metrics,
      recordEvent,
      sayHolding,
      saySession,
      epochMs: () => Date.now(),
      startBfd,
      sharedMs: () => Number(process.hrtime.bigint()) / 1e6,
      isNear,
      sourceTowards,
      packets: pcap,
      linkLocalOf,
      onBfdCrash,
    },
  );
}

function waitingFor(life: Life, speaker: Speaker): readonly string[] {
  return [
    ...(life.signal.aborted ? ["the end: this speaker is stopping"] : []),
    ...(speaker.synced ? [] : ["a first look at the whole cluster"]),
  ];
}

/** What goes wrong with the API server and is put right without us. */
function troubles(
  metrics: SpeakerMetrics,
): Pick<KubernetesHandlers, "onNotice" | "onEventDropped" | "onWordFailed"> {
  return {
    onNotice: (resource, notice) => {
      metrics.apiNotices.inc({ resource, notice: notice.type });
      log.debug("api notice", { resource, ...notice });
    },
    onEventDropped: ({ regarding, reason }, message) => {
      metrics.eventsDropped.inc();
      log.warn("event dropped", {
        service: `${regarding.namespace}/${regarding.name}`,
        event: reason,
        message,
      });
    },
    onWordFailed: (about, message) => {
      metrics.wordFailures.inc();
      log.debug("status not written yet", { about, message });
    },
  };
}

function kubernetesOptions(): KubernetesOptions {
  return {
    kubeconfig: flags.kubeconfig,
    namespace: namespaceOf(flags),
    configName: flags.config,
    speakerLabels: flags["ml-labels"],
    nodeName: flags["node-name"],
    podName: flags["pod-name"],
  };
}

async function speakerOptions(): Promise<SpeakerOptions> {
  return {
    node: flags["node-name"],
    plan: {
      ignoreExcludeLb: flags["ignore-exclude-lb"],
      drainOnCordon: flags["drain-on-cordon"],
      drainOnNotReady: flags["drain-on-not-ready"],
      lbClass: flags["lb-class"] === "" ? undefined : flags["lb-class"],
    },
    ownership: { failBackMs: flags["fail-back-after"], vacantMs: VACANT_MS },
    announcer: { ...DEFAULT_ANNOUNCER_OPTIONS, yieldMs: flags["drain-timeout"] },
    conflicts: { ...DEFAULT_CONFLICT_OPTIONS, detection: flags["conflict-detection"] },
    captures: { retryMinMs: 100, retryMaxMs: 10_000 },
    excludedInterfaces: await excludedInterfaces(flags["exclude-interfaces"]),
  };
}

/** `undefined` without an address of our own or labels to find the others by, as with MetalLB. */
function gossipOptions(): StartGossipOptions | undefined {
  const address = parseAddress(flags["ml-bindaddr"]);
  if (address === undefined || flags["ml-labels"] === "") return undefined;
  return {
    node: flags["node-name"],
    address,
    port: flags["ml-bindport"],
    profile: flags["gossip-profile"],
    secretFolder: flags["ml-secret-key-path"],
    joinWaitMs: JOIN_WAIT_MS,
  };
}

runProgram({ log, stopDeadlineMs }, start);
