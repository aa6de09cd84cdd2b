import { encodeDatagram } from "@herald/gossip/datagram";
import { framing } from "@herald/gossip/framing";
import { type Alive, FULL_VERSIONS } from "@herald/gossip/message";
import { encodeMessage } from "@herald/gossip/message-codec";
import { serviceView } from "@herald/k8s/service";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { loadConfig } from "@herald/shared/config/load";
import type { IpAddress } from "@herald/shared/ip/address";
import { assemble, VACANT_MS } from "@herald/speaker/assemble";
import type { GossipListeners, GossipSockets } from "@herald/speaker/gossip-port";
import type { Change } from "@herald/speaker/kubernetes-protocol";
import type { CandidateNode } from "@herald/speaker/plan";
import { encodeSpeakerMeta } from "@herald/speaker/speaker-meta";
import type { MacAddress } from "@herald/wire/mac";
import type { Row } from "./row.ts";
import { SILENT_PORTS, speakerOptions } from "./speaker-parts.ts";

const MEMBERS = 1_000;
const SERVICES = 10;
/** How often each piece of news is heard among so many: everybody tells it to that many. */
const TIMES = 24;
const PER_DATAGRAM = 11;
const SELF = "node-0";
const PORT = 7_946;

const CONFIG = loadConfig("address-pools: [{name: one, protocol: layer2, addresses: [192.0.2.0/24]}]");
const CLEAR = framing({ label: "", encryption: undefined, compress: false });

const SILENCE: GossipSockets = {
  send: () => {},
  dial: () => {},
  abandon: () => {},
  answer: () => {},
  close: () => {},
  stop: async () => {},
};

/** What it costs one speaker that a whole cluster starts: one newcomer every millisecond, each told of again and again. */
export async function benchArrivals(): Promise<readonly Row[]> {
  const { clock, listeners } = await startSpeaker();
  clock.advance(2_000); // it has waited for others, and is alone
  const random = new SeededRandom(1);
  let [busyMs, longestMs] = [0, 0]; // of processor time: who else uses it does not count
  for (let ms = 0; ms < MEMBERS; ms += 1) {
    const datagrams = datagramsAt(ms, random);
    const began = process.threadCpuUsage().user;
    for (const bytes of datagrams) listeners.onDatagram(endpointOf(ms), bytes);
    clock.advance(1);
    const tookMs = (process.threadCpuUsage().user - began) / 1_000;
    busyMs += tookMs;
    longestMs = Math.max(longestMs, tookMs);
  }
  const note = `one every millisecond, each heard of ${TIMES} times; ${SERVICES} Services`;
  return [
    { name: "1,000 members arrive, main thread", value: busyMs, unit: "ms", note },
    { name: "1,000 members arrive, longest step", value: longestMs, unit: "ms", note },
  ];
}

/** The newcomer of that millisecond, and the others of late once more. */
function datagramsAt(ms: number, random: SeededRandom): readonly Uint8Array[] {
  const again = Array.from({ length: TIMES - 1 }, () => Math.floor(random.next() * (ms + 1)));
  const news = [ms, ...again].map((index) => encodeMessage(aliveOf(index + 1)));
  const datagrams: Uint8Array[] = [];
  for (let at = 0; at < news.length; at += PER_DATAGRAM) {
    datagrams.push(encodeDatagram(news.slice(at, at + PER_DATAGRAM), { crc: false }, CLEAR));
  }
  return datagrams;
}

async function startSpeaker(): Promise<{ clock: VirtualClock; listeners: GossipListeners }> {
  const clock = new VirtualClock();
  const opened = Promise.withResolvers<GossipListeners>();
  const { speaker } = assemble(
    {
      gossip: {
        node: SELF,
        address: "10.0.0.0" as IpAddress,
        port: PORT,
        profile: "default",
        secretFolder: "",
        joinWaitMs: 1_000,
      },
      speaker: {
        ...speakerOptions(SELF),
        ownership: { failBackMs: Number.POSITIVE_INFINITY, vacantMs: VACANT_MS },
      },
    },
    {
      ...SILENT_PORTS,
      clock,
      wallMs: () => Date.UTC(2026, 0, 1) + clock.now(),
      random: new SeededRandom(2),
      openSockets: async (_options, listeners) => {
        opened.resolve(listeners);
        return SILENCE;
      },
      packets: { open: () => ({ send: () => "sent", close: () => {} }) },
      onGossipFailed: (error) => {
        throw error;
      },
    },
  );
  speaker.apply(cluster(), () => {});
  clock.advance(10);
  const listeners = await opened.promise;
  await new Promise((resolve) => setImmediate(resolve)); // the gossip begins
  return { clock, listeners };
}

function cluster(): readonly Change[] {
  const node: CandidateNode = {
    labels: {},
    networkUnavailable: false,
    ready: true,
    cordoned: false,
    outOfService: false,
    deleting: false,
    drain: "",
    failBack: "",
    speakerReady: true,
  };
  const nodes = Array.from({ length: MEMBERS + 1 }, (_, index) => ({
    type: "node" as const,
    name: `node-${index}`,
    node,
  }));
  const services = Array.from({ length: SERVICES }, (_, index) => serviceChanges(`web-${index}`, index));
  return [{ type: "config", config: CONFIG }, ...nodes, ...services.flat(), { type: "synced" }];
}

function serviceChanges(name: string, index: number): readonly Change[] {
  const service = serviceView({
    metadata: { namespace: "default", name, uid: name },
    spec: { type: "LoadBalancer", ports: [{ protocol: "TCP", port: 80 }] },
    status: { loadBalancer: { ingress: [{ ip: `192.0.2.${index + 1}`, ipMode: "VIP" }] } },
  });
  const endpoints = [{ nodeName: SELF, addresses: [], ready: true, serving: true }];
  return [
    { type: "service", service },
    { type: "endpoints", key: service.key, endpoints },
  ];
}

function aliveOf(index: number): Alive {
  const mac = `02:00:00:00:${pair(index >> 8)}:${pair(index & 255)}` as MacAddress;
  return {
    type: "alive",
    incarnation: 1_767_225_600,
    node: `node-${index}`,
    endpoint: endpointOf(index),
    meta: encodeSpeakerMeta({ macs: [mac], interfaces: new Set(["eth0"]) }),
    versions: FULL_VERSIONS,
  };
}

function endpointOf(index: number): Alive["endpoint"] {
  return { address: Uint8Array.of(10, 0, index >> 8, index & 255), port: PORT };
}

function pair(octet: number): string {
  return octet.toString(16).padStart(2, "0");
}
