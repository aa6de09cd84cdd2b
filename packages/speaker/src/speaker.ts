import type { Log } from "@herald/daemon/log";
import type { EventRecord } from "@herald/k8s/events";
import type { Interface } from "@herald/layer2/announcer";
import type { ConflictOptions } from "@herald/layer2/conflict-options";
import type { Digest } from "@herald/layer2/election";
import type { AnnouncerOptions } from "@herald/layer2/options";
import type { Clock, Random } from "@herald/shared/core";
import { describeMistake } from "@herald/shared/errors";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import { isSameWord } from "./announced-condition.ts";
import type { CapturesOptions } from "./captures.ts";
import { Claims, type ClaimsNews, type ClaimsTransport } from "./claims.ts";
import type { GroupPort } from "./group-port.ts";
import { HeldAddresses } from "./held-addresses.ts";
import type { Link, UsableInterfaces } from "./interface-rules.ts";
import type { Change, HoldingWord, ServiceWord } from "./kubernetes-protocol.ts";
import type { SpeakerMetrics } from "./metrics.ts";
import { NodeReporter } from "./node-reporter.ts";
import type { OwnershipOptions } from "./ownership.ts";
import type { PacketPort } from "./packet-port.ts";
import { type CandidateNode, type Decision, type PlanOptions, unfit } from "./plan.ts";
import { Planner } from "./planner.ts";
import type { PresenceNews } from "./presence.ts";
import { type NobodyWord, Reporter } from "./reporter.ts";
import { type Layer2, runLayer2 } from "./run-layer2.ts";
import type { SessionNews } from "./session-news.ts";
import { SlicedWork } from "./sliced-work.ts";
import type { SpeakerMeta } from "./speaker-meta.ts";
import { UnannouncedServices } from "./unannounced.ts";

export interface SpeakerOptions {
  /** Name of the node this speaker runs on. */
  readonly node: string;
  readonly plan: PlanOptions;
  readonly ownership: OwnershipOptions;
  readonly announcer: AnnouncerOptions;
  readonly conflicts: ConflictOptions;
  readonly captures: CapturesOptions;
  readonly excludedInterfaces: readonly RegExp[];
}

export interface SpeakerPorts {
  readonly clock: Clock;
  /** Time of day, ms since 1970. */
  readonly wallMs: () => number;
  readonly random: Random;
  readonly packets: PacketPort;
  /** How claims get to the other speakers. */
  readonly gossip: ClaimsTransport;
  readonly groups: GroupPort;
  /** SHA-256. */
  readonly digest: Digest;
  readonly log: Log;
  readonly metrics: SpeakerMetrics;
  readonly recordEvent: (record: EventRecord) => void;
  /** Puts a word on a Service into its status. */
  readonly say: (word: ServiceWord) => void;
  /** Says which Services this node announces. */
  readonly sayHolding: (word: HoldingWord) => void;
  /** Whether to be told how the sessions of all nodes stand. */
  readonly followSessions: (isWanted: boolean) => void;
  /** See Layer2Ports. */
  readonly isStill: (station: Interface) => boolean;
  /** See Layer2Ports. */
  readonly onStations: (stations: SpeakerMeta) => void;
  /** A capture ended by itself: look at the interfaces. */
  readonly onCaptureLost: () => void;
  /** The whole cluster has been seen once: this speaker can serve. Called once. */
  readonly onSynced: () => void;
  /** Where speakers run: the whole list each time. */
  readonly onSpeakers: (addresses: readonly IpAddress[]) => void;
}

export interface Speaker {
  /** What is different in the cluster. `taken` is called once all of it is in. */
  apply(changes: readonly Change[], taken: () => void): void;
  /**
   * Names of the nodes whose speakers are alive, as gossip knows them: from the first call on they decide who may
   * own addresses, and readiness of pods does not.
   *
   * @param nodes may be the set it was before, by now another one.
   * @param changed who came or went, if it is the same set; left out: anybody.
   */
  setMembers(nodes: ReadonlySet<string>, changed?: ReadonlySet<string>): void;
  /**
   * Who the other speakers are, and whose the interfaces on the segment are. Until told, any machine may be a speaker
   * that does not say.
   */
  hearPresence(news: PresenceNews): void;
  /** For what the gossip brings of other speakers' claims. */
  readonly claims: ClaimsNews;
  /** Every interface of the node, as it is now. */
  setLinks(links: readonly Link[]): void;
  /** Whether the whole cluster has been seen once. Until then nothing is announced. */
  readonly synced: boolean;
  /** Leaves every address to whoever takes it over; resolves when all were, or the announcer's patience ended. */
  drain(): Promise<void>;
  /** Silence, at once. */
  stop(): void;
}

/**
 * How long a decision waits that only newcomers are a reason for, ms: hundreds may come one after the other, and every
 * Service may have to be decided anew. They own nothing yet; who goes is not waited for, nor is anything else.
 */
const NEWCOMERS_MS = 50;

/** After this long speakers that met know of each other's claims, ms. */
const SETTLED_MS = 300;

function isAll(names: ReadonlySet<string>, of: ReadonlySet<string>): boolean {
  for (const name of names) if (!of.has(name)) return false;
  return true;
}

/** What is to be decided is enough to do. */
function* NO_WORK(): Generator<void> {}

/** All cores of a speaker joined, with no idea of sockets, threads or API servers. */
export function createSpeaker(options: SpeakerOptions, ports: SpeakerPorts): Speaker {
  return new JoinedSpeaker(options, ports);
}

class JoinedSpeaker implements Speaker {
  readonly claims: Claims;
  readonly #ports: SpeakerPorts;
  readonly #plan: PlanOptions;
  readonly #self: string;
  readonly #planner: Planner;
  readonly #layer2: Layer2;
  readonly #held: HeldAddresses;
  readonly #work: SlicedWork;
  readonly #reporter: Reporter;
  readonly #nodeReporter: NodeReporter;
  readonly #unannounced: UnannouncedServices;
  /** By name; bounded by the cluster. */
  readonly #nodes = new Map<string, CandidateNode>();
  /** Services to decide about. */
  readonly #dirty = new Set<ServiceKey>();
  /** Addresses whose claims are others, and whose: guard and planner have yet to be told. Bounded by what is claimed. */
  readonly #claimed = new Map<IpAddress, Set<string>>();
  /** `undefined`: pods decide. */
  #members: ReadonlySet<string> | undefined;
  #awaitsNewcomers = false;
  /** Speakers of ours that are alive; bounded by the gossip. */
  readonly #present = new Set<string>();
  #saysAgain = false;
  /** Every speaker claims what it announces. */
  #isClaiming = false;
  /** Where this speaker can be heard: nowhere, until its interfaces are known. */
  #own: UsableInterfaces = new Set();
  #nodesChanged = false;
  #allDirty = false;
  #followsSessions = false;
  #synced = false;
  /** Ends the wait for what time alone makes another decision. */
  #disarm = (): void => {};

  constructor(options: SpeakerOptions, ports: SpeakerPorts) {
    const { clock, random, packets, groups, log, metrics, isStill, onCaptureLost, digest } = ports;
    this.#ports = ports;
    this.#plan = options.plan;
    this.#self = options.node;
    this.claims = new Claims(options.node, {
      clock,
      wallMs: ports.wallMs,
      transport: ports.gossip,
      onChanged: (address, speaker) => this.#claimChanged(address, speaker),
      onRefused: ({ reason, message }) => {
        ports.metrics.gossip.refused.inc({ from: "claims", reason });
        log.debug("claims refused", { reason, message });
      },
    });
    this.#planner = new Planner({
      self: options.node,
      options: options.plan,
      ownership: options.ownership,
      claims: {
        claimantsOf: (address) => this.claims.claimantsOf(address),
        setUse: (address, used) => this.#held.setUse(address, used),
      },
      digest,
      now: () => clock.now(),
    });
    this.#reporter = new Reporter(options.node, ports);
    this.#nodeReporter = new NodeReporter(ports);
    this.#held = new HeldAddresses({
      clock,
      claims: this.claims,
      reporter: this.#reporter,
      feed: (input) => this.#layer2.feed(input),
      isUsed: (address) => this.#planner.isUsed(address),
      isClaimNew: (address) => this.#claimed.has(address),
      decideAgain: (address) => {
        this.#touch(this.#planner.claimChanged(address));
        this.#work.add(NO_WORK());
      },
    });
    this.#unannounced = new UnannouncedServices(options.node, options.plan);
    this.#work = new SlicedWork(clock, () => this.#decide());
    this.#layer2 = runLayer2(options, {
      clock,
      random,
      packets,
      groups,
      log,
      metrics: metrics.layer2,
      isStill,
      onStations: (stations) => {
        this.#own = stations.interfaces;
        this.#hearInterfaces(this.#self, this.#own);
        ports.onStations(stations);
      },
      onCaptureLost,
      onYielded: (address, heard) => this.#held.yielded(address, heard),
      onNews: (news) => {
        this.#held.hear(news);
        this.#reporter.news(news);
      },
    });
    this.#layer2.feed({ type: "foreign", present: true });
  }

  get synced(): boolean {
    return this.#synced;
  }

  apply(changes: readonly Change[], taken: () => void): void {
    this.#work.add(this.#takeAll(changes, taken));
  }

  setMembers(nodes: ReadonlySet<string>, changed?: ReadonlySet<string>): void {
    const isUrgent = nodes !== this.#members || changed === undefined || !isAll(changed, nodes);
    this.#members = nodes;
    this.#nodesChanged = true;
    if (isUrgent) this.#work.add(NO_WORK());
    else this.#awaitNewcomers();
  }

  #awaitNewcomers(): void {
    if (this.#awaitsNewcomers) return;
    this.#awaitsNewcomers = true;
    const { clock } = this.#ports;
    clock.at(clock.now() + NEWCOMERS_MS, () => {
      this.#awaitsNewcomers = false;
      if (this.#nodesChanged) this.#work.add(NO_WORK());
    });
  }

  hearPresence({ speakers, names, foreign }: PresenceNews): void {
    this.#hearInterfaces(this.#self, this.#own);
    for (const [name, interfaces] of speakers) {
      if (interfaces === undefined) this.#present.delete(name);
      else this.#present.add(name);
      if (name === this.#self) continue; // what this node knows of itself it knows first
      this.#hearInterfaces(name, interfaces);
      const isNew = this.claims.setSpeaker(name, interfaces !== undefined);
      if (isNew) this.#sayAgainSoon();
    }
    const isMixed = foreign || !this.#isClaiming;
    this.#isClaiming = !foreign;
    if (this.#planner.setClaiming(!foreign)) this.#allDirty = true;
    if (isMixed) this.#nodesChanged = true; // who speaks for all is one of ours
    if (isMixed || this.#allDirty) this.#work.add(NO_WORK());
    this.#layer2.hearSpeakers(names);
    this.#layer2.feed({ type: "foreign", present: foreign });
  }

  /** Who came may have held what this node does: once that is settled, whoever believed the other is told. */
  #sayAgainSoon(): void {
    if (this.#saysAgain) return;
    this.#saysAgain = true;
    const { clock } = this.#ports;
    clock.at(clock.now() + SETTLED_MS, () => {
      this.#saysAgain = false;
      this.#layer2.feed({ type: "say-again" });
    });
  }

  setLinks(links: readonly Link[]): void {
    this.#layer2.setLinks(links);
  }

  drain(): Promise<void> {
    return this.#held.drain();
  }

  stop(): void {
    this.#disarm();
    this.claims.stop();
    this.#work.stop();
    this.#layer2.stop();
  }

  *#takeAll(changes: readonly Change[], taken: () => void): Generator<void> {
    for (const change of changes) {
      this.#take(change);
      yield;
    }
    this.#ports.metrics.batchesApplied.inc();
    taken();
  }

  #take(change: Change): void {
    this.#ports.metrics.updates.inc();
    switch (change.type) {
      case "service":
        this.#reporter.know(change.service);
        this.#touch(this.#planner.setService(change.service));
        return;
      case "service-gone":
        this.#touch(this.#planner.removeService(change.key));
        return;
      case "endpoints":
        this.#touch(this.#planner.setEndpoints(change.key, change.endpoints));
        return;
      case "node":
        this.#nodes.set(change.name, change.node);
        this.#nodesChanged = true;
        return;
      case "node-gone":
        this.#nodes.delete(change.name);
        this.#nodesChanged = true;
        return;
      case "speakers":
        this.#ports.onSpeakers(change.addresses);
        return;
      case "config":
        this.#planner.configure(change.config);
        this.#unannounced.configure(change.config);
        this.#allDirty = true;
        this.#followSessions();
        this.#nodeReporter.configured(change.config.pools.length);
        return;
      case "config-refused":
        this.#nodeReporter.refused(change.message, change.mistakes.map(describeMistake));
        return;
      case "sessions":
        this.#hearSessions(change.news);
        return;
      case "synced":
        this.#synced = true;
        this.#allDirty = true;
        this.#ports.log.info("ready", {
          afterMs: Math.round(this.#ports.clock.now()),
          nodes: this.#nodes.size,
        });
        this.#ports.onSynced();
        return;
    }
  }

  #touch(keys: readonly ServiceKey[]): void {
    for (const key of keys) this.#dirty.add(key);
  }

  /** Every decision that may be another one now; changes that come in meanwhile are seen to before it ends. */
  *#decide(): Generator<void> {
    while (this.#synced && this.#isUndecided()) {
      if (this.#nodesChanged) this.#setNodes();
      yield* this.#tellClaimed();
      for (const key of this.#dirty) {
        this.#dirty.delete(key);
        this.#carryOut(key, this.#planner.decide(key));
        yield;
        yield* this.#tellClaimed(); // those that came since
      }
      if (!this.#allDirty) continue;
      this.#allDirty = false;
      for (const { key, decision } of this.#planner.all()) {
        this.#carryOut(key, decision);
        yield;
        yield* this.#tellClaimed();
      }
    }
    this.#arm();
  }

  #isUndecided(): boolean {
    return this.#nodesChanged || this.#claimed.size > 0 || this.#dirty.size > 0 || this.#allDirty;
  }

  *#tellClaimed(): Generator<void> {
    for (const [address, speakers] of this.#claimed) {
      this.#claimed.delete(address);
      const epochs = this.claims.claimantsOf(address);
      for (const speaker of speakers)
        this.#layer2.feed({ type: "rival", address, speaker, epoch: epochs.get(speaker) });
      this.#touch(this.#planner.claimChanged(address));
      yield;
    }
  }

  /** Waits for the next decision that time alone makes another one. */
  #arm(): void {
    const { clock } = this.#ports;
    this.#disarm();
    const due = this.#planner.nextWake();
    if (due === undefined) return;
    this.#disarm = clock.at(due, () => {
      this.#touch(this.#planner.wake(clock.now()));
      this.#work.add(NO_WORK());
    });
  }

  /** Why not at once: one page tells of thousands. */
  #claimChanged(address: IpAddress, speaker: string): void {
    if (this.#claimed.size === 0) this.#work.add(NO_WORK());
    const speakers = this.#claimed.get(address) ?? new Set();
    this.#claimed.set(address, speakers.add(speaker));
  }

  #setNodes(): void {
    this.#nodesChanged = false;
    const nodes = this.#candidates();
    if (this.#planner.setNodes(nodes)) this.#allDirty = true;
    const wasSpokesman = this.#unannounced.isSpokesman;
    this.#unannounced.setNodes(nodes, this.#isClaiming ? undefined : this.#present);
    this.#followSessions();
    if (wasSpokesman || this.#unannounced.isSpokesman) this.#allDirty = true; // it speaks of every node
    const self = nodes.get(this.#self);
    this.#nodeReporter.standing(unfit(self, this.#plan), self?.drain ?? "");
    const fit = [...nodes.values()].filter((node) => unfit(node, this.#plan) === undefined);
    this.#ports.metrics.candidates.set(fit.length);
  }

  /** Only who speaks for all need know the sessions of all: what others followed would be for nothing. */
  #followSessions(): void {
    const isWanted = this.#unannounced.needsSessions;
    if (isWanted === this.#followsSessions) return;
    this.#followsSessions = isWanted;
    if (!isWanted) this.#unannounced.setSessions(undefined);
    this.#ports.followSessions(isWanted);
  }

  #hearSessions(news: SessionNews): void {
    if (!this.#followsSessions) return; // it was on its way
    this.#unannounced.setSessions(news);
    this.#allDirty = true;
  }

  /** Where a node can be heard; `undefined`: nothing is known of that. */
  #hearInterfaces(name: string, interfaces: UsableInterfaces | undefined): void {
    this.#unannounced.setInterfaces(name, interfaces);
    if (!this.#planner.setInterfaces(name, interfaces)) return;
    this.#allDirty = true;
    this.#work.add(NO_WORK());
  }

  #candidates(): ReadonlyMap<string, CandidateNode> {
    const members = this.#members;
    if (members === undefined) return new Map(this.#nodes);
    const candidates = new Map(this.#nodes);
    for (const [name, node] of this.#nodes) {
      const speakerReady = members.has(name);
      if (node.speakerReady !== speakerReady) candidates.set(name, { ...node, speakerReady });
    }
    return candidates;
  }

  #carryOut(key: ServiceKey, decision: Decision): void {
    if (this.#held.isLeaving) return;
    this.#reporter.decided(key, decision, this.#explain(key, decision));
    this.#held.carryOut(key, decision);
    if (decision.type === "announce" && this.#isClaiming) this.#held.insist(decision.addresses);
  }

  /** Why nobody announces a Service, where this speaker is the one to say so. */
  #explain(key: ServiceKey, decision: Decision): NobodyWord | undefined {
    if (decision.type === "announce" || !this.#unannounced.isSpokesman) return undefined;
    const found = this.#planner.unannounced(key);
    const wish = found && this.#unannounced.explain(found);
    return wish && { wish, isWritten: isSameWord(found.service.announced, wish) };
  }
}
