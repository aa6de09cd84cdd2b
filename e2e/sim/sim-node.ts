import { hash } from "node:crypto";
import type { Log } from "@herald/daemon/log";
import type { ProfileName } from "@herald/gossip/options";
import type { FakeApi } from "@herald/k8s/fake";
import { ServedKinds } from "@herald/k8s/served-kinds";
import type { DatagramNet } from "@herald/lab/datagrams";
import type { Lan } from "@herald/lab/lan";
import { DEFAULT_CONFLICT_OPTIONS } from "@herald/layer2/conflict-options";
import { DEFAULT_ANNOUNCER_OPTIONS } from "@herald/layer2/options";
import type { Clock, Instant, Random } from "@herald/shared/core";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { assemble, JOIN_WAIT_MS, VACANT_MS } from "@herald/speaker/assemble";
import { CONFIG_KINDS } from "@herald/speaker/config-source";
import type { GossipLink } from "@herald/speaker/gossip-link";
import type { Link } from "@herald/speaker/interface-rules";
import type { Change } from "@herald/speaker/kubernetes-protocol";
import { followKubernetes } from "@herald/speaker/kubernetes-source";
import type { SpeakerMetrics } from "@herald/speaker/metrics";
import { Outbox } from "@herald/speaker/outbox";
import type { Speaker, SpeakerOptions, SpeakerPorts } from "@herald/speaker/speaker";
import { type MacAddress, parseMac } from "@herald/wire/mac";
import { ApiConnection } from "./api-connection.ts";
import { QUARANTINE_MS, YIELD_MS } from "./bounds.ts";
import { EPOCH_MS, NAMESPACE, SPEAKER_LABELS } from "./control-plane.ts";
import { NodePackets } from "./node-packets.ts";
import { silentMetrics } from "./silence.ts";
import { VirtualSockets } from "./virtual-sockets.ts";

/** How a message gets from the Kubernetes worker to the main thread, ms. */
const THREAD_MS = 0.05;

export type CreateSpeaker = (options: SpeakerOptions, ports: SpeakerPorts) => Speaker;

/** What a node stands on. */
export interface NodeGround {
  readonly clock: Clock;
  readonly lan: Lan;
  readonly net: DatagramNet<Uint8Array>;
  readonly api: FakeApi;
  readonly random: Random;
  readonly profile: ProfileName;
  readonly failBackMs: number;
  readonly log: (node: string) => Log;
  /** Promises have something to do: let them, before time goes on. */
  readonly stir: () => void;
  /** A speaker starts that knows nothing yet. */
  readonly onBoot: (node: SimNode) => void;
  /** A speaker is told of changes. */
  readonly onChanges: (node: SimNode, changes: readonly Change[]) => void;
  /** A frame of a node says that it has an address. */
  readonly onClaim: (node: SimNode, address: IpAddress) => void;
  /** Speakers may be other ones than ours, to see that broken ones are caught. */
  readonly create: CreateSpeaker | undefined;
  /** All that goes onto the wire; `undefined`: nobody looks. */
  readonly onOctets: ((at: Instant, octets: Uint8Array) => void) | undefined;
}

interface Process {
  readonly sockets: VirtualSockets;
  readonly packets: NodePackets;
  readonly speaker: Speaker;
  readonly gossip: GossipLink;
  readonly connection: ApiConnection;
  readonly stop: AbortController;
}

/** A machine of the cluster; while it is up a speaker runs on it, wired as main.ts and its worker do it. */
export class SimNode {
  readonly name: string;
  /** What the wire knows it by: its IPv4 address. */
  readonly place: string;
  readonly mac: MacAddress;
  /** How far its time of day is ahead of the others', ms. */
  readonly skewMs: number;
  readonly #ground: NodeGround;
  #process: Process | undefined;
  #lives = 0;
  #pausedUntil: Instant = 0;
  #leaving = false;
  /** Whose speakers it takes for alive, and since when. */
  readonly #members = new Map<string, Instant>();
  #carrier = true;
  #lagMs: number;
  #apiDown = false;
  /** When the process began, or woke up the last time. */
  wokeAt: Instant = 0;

  constructor(
    index: number,
    ground: NodeGround,
    options: { readonly skewMs: number; readonly lagMs: number },
  ) {
    this.name = `node-${index}`;
    this.place = `10.0.${index >> 8}.${index & 255}`;
    this.mac = parseMac(`02:00:00:00:${hexOf(index >> 8)}:${hexOf(index & 255)}`) as MacAddress;
    this.skewMs = options.skewMs;
    this.#lagMs = options.lagMs;
    this.#ground = ground;
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  get paused(): boolean {
    return this.#ground.clock.now() <= this.#pausedUntil;
  }

  /** Since when it has taken another node's speaker for alive, without a break; `undefined`: it does not. */
  knowsSince(node: SimNode): Instant | undefined {
    return this.#members.get(node.name);
  }

  /** Up, and not on its way out. */
  get serves(): boolean {
    return this.running && !this.#leaving;
  }

  /** On its way out in order. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Whether it answers for an address now; never while it stands still. */
  answersFor(address: IpAddress): boolean {
    return !this.paused && this.#process !== undefined && this.#process.packets.answersFor(address);
  }

  boot(): void {
    if (this.#process !== undefined) return;
    const { net, lan, api, clock } = this.#ground;
    this.#lives += 1;
    this.#leaving = false;
    this.wokeAt = clock.now();
    this.#ground.onBoot(this);
    const sockets = new VirtualSockets(net, this.place, this.#onOctets);
    const own: Clock = sockets.port.clock;
    const stirring: Clock = {
      now: () => own.now(),
      at: (due, act) =>
        own.at(due, () => {
          this.#ground.stir();
          act();
        }),
    };
    const packets = new NodePackets(lan, this.place, this.mac, own, (address, frame) => {
      this.#onOctets(frame);
      this.#ground.onClaim(this, address);
    });
    const connection = new ApiConnection(api, stirring, this.#lagMs);
    connection.setDown(this.#apiDown);
    const { speaker, gossip } = this.#join(sockets, packets, own);
    const stop = new AbortController();
    this.#process = { sockets, packets, speaker, gossip, connection, stop };
    this.#follow(speaker, connection, stirring, stop.signal);
    this.#setLinks();
  }

  #join(
    sockets: VirtualSockets,
    packets: NodePackets,
    clock: Clock,
  ): { speaker: Speaker; gossip: GossipLink } {
    const { random, profile, failBackMs } = this.#ground;
    const { create } = this.#ground;
    return assemble(
      {
        gossip: {
          node: this.name,
          address: parseAddress(this.place) as IpAddress,
          port: 7_946,
          profile,
          secretFolder: "",
          joinWaitMs: JOIN_WAIT_MS,
        },
        speaker: {
          node: this.name,
          plan: { ignoreExcludeLb: false, lbClass: undefined, drainOnCordon: false, drainOnNotReady: false },
          ownership: { failBackMs, vacantMs: VACANT_MS },
          announcer: { ...DEFAULT_ANNOUNCER_OPTIONS, yieldMs: YIELD_MS },
          conflicts: { ...DEFAULT_CONFLICT_OPTIONS, detection: "defend", quarantineMs: QUARANTINE_MS },
          captures: { retryMinMs: 100, retryMaxMs: 10_000 },
          excludedInterfaces: [],
        },
      },
      {
        clock,
        wallMs: () => EPOCH_MS + this.skewMs + clock.now(),
        random,
        openSockets: async (_options, listeners) => sockets.open(listeners),
        packets,
        groups: packets.groups,
        digest,
        log: this.#ground.log(this.name),
        metrics: silentMetrics<SpeakerMetrics>(),
        recordEvent: () => {},
        say: () => {},
        sayHolding: () => {},
        followSessions: () => {},
        isStill: () => true,
        onCaptureLost: () => {},
        onGossipFailed: (error) => {
          throw error;
        },
        onMembers: (nodes, changed) => this.#meet(nodes, changed),
        ...(create === undefined ? {} : { createSpeaker: create }),
      },
    );
  }

  readonly #onOctets = (octets: Uint8Array): void => {
    this.#ground.onOctets?.(this.#ground.clock.now(), octets);
  };

  /** What the Kubernetes worker does, and the way from there to the main thread and back. */
  #follow(speaker: Speaker, { client }: ApiConnection, clock: Clock, signal: AbortSignal): void {
    const outbox = new Outbox(clock, (changes) => {
      clock.at(clock.now() + THREAD_MS, () => {
        this.#ground.onChanges(this, changes);
        speaker.apply(changes, () => clock.at(clock.now() + THREAD_MS, () => outbox.taken()));
      });
    });
    const options = {
      kubeconfig: "",
      namespace: NAMESPACE,
      configName: "config",
      speakerLabels: SPEAKER_LABELS,
      nodeName: this.name,
      podName: "",
    };
    const { random } = this.#ground;
    const put = (change: Change): void => outbox.put(change);
    const served = new ServedKinds({ client, clock, random, wanted: CONFIG_KINDS });
    void served.run(signal);
    void followKubernetes(options, served, { client, clock, random, put, notice: () => {} }, signal);
  }

  /** It is gone without a word: the whole machine, or only the process. */
  crash(what: "machine" | "process"): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#process = undefined;
    this.#pausedUntil = 0;
    process.packets.unplug();
    process.sockets.port.unplug(what);
    process.stop.abort();
    this.#ground.stir();
  }

  /** SIGTERM, as main.ts takes it. */
  leave(): void {
    const process = this.#process;
    if (process === undefined || this.#leaving) return;
    this.#leaving = true;
    this.#whenAwake(process, () => {
      this.#ground.stir();
      void Promise.all([process.speaker.drain(), process.gossip.leave()]).then(() => {
        if (this.#process !== process) return;
        process.speaker.stop();
        this.crash("process");
      });
    });
  }

  /** Stops the machine's processes for a while; what comes in waits. */
  pause(durationMs: number): void {
    const { clock, net } = this.#ground;
    if (this.#process === undefined) return;
    this.#pausedUntil = clock.now() + durationMs;
    this.wokeAt = this.#pausedUntil;
    net.pause(this.place, durationMs);
  }

  setLag(lagMs: number): void {
    this.#lagMs = lagMs;
    if (this.#process !== undefined) this.#process.connection.lagMs = lagMs;
  }

  setApiDown(down: boolean): void {
    this.#apiDown = down;
    this.#process?.connection.setDown(down);
    this.#ground.stir();
  }

  /** What the card's driver reports. */
  setCarrier(carrier: boolean): void {
    this.#carrier = carrier;
    this.#setLinks();
  }

  #setLinks(): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#whenAwake(process, () =>
      process.speaker.setLinks([{ ...ETH0, mac: this.mac, operational: this.#carrier }]),
    );
  }

  #meet(nodes: ReadonlySet<string>, changed: ReadonlySet<string>): void {
    if (nodes.size === 0) this.#members.clear(); // it begins
    for (const name of changed) {
      if (!nodes.has(name)) this.#members.delete(name);
      else if (!this.#members.has(name)) this.#members.set(name, this.#ground.clock.now());
    }
  }

  #whenAwake({ sockets }: Process, act: () => void): void {
    sockets.port.clock.at(this.#ground.clock.now(), act);
  }
}

const ETH0: Omit<Link, "mac" | "operational"> = {
  name: "eth0",
  index: 2,
  up: true,
  broadcast: true,
  noArp: false,
  hasMaster: false,
};

function hexOf(octet: number): string {
  return octet.toString(16).padStart(2, "0");
}

const digests = new Map<string, Uint8Array>(); // the same few questions, from every node of every story

function digest(text: string): Uint8Array {
  const known = digests.get(text);
  if (known !== undefined) return known;
  const made = hash("sha256", text, "buffer");
  if (digests.size > 100_000) digests.clear();
  digests.set(text, made);
  return made;
}
