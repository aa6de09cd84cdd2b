import { settle } from "@herald/k8s/elapse";
import { DatagramNet } from "@herald/lab/datagrams";
import { Lan } from "@herald/lab/lan";
import { LanHost } from "@herald/lab/lan-host";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { loadConfig } from "@herald/shared/config/load";
import type { Clock, Instant } from "@herald/shared/core";
import { familyOf, type IpAddress, parseAddress } from "@herald/shared/ip/address";
import type { Change } from "@herald/speaker/kubernetes-protocol";
import { type MacAddress, parseMac } from "@herald/wire/mac";
import { type Bounds, boundsOf } from "./bounds.ts";
import { ControlPlane, type NodeMarks, type SimService } from "./control-plane.ts";
import { FAULTS } from "./faults.ts";
import { Holders } from "./holders.ts";
import { Moves } from "./moves.ts";
import { FAULTS_BEGIN_MS, type Fault, lastFaultEnds, nodeName, type Script } from "./script.ts";
import { storyLog } from "./silence.ts";
import { type CreateSpeaker, type NodeGround, SimNode } from "./sim-node.ts";
import { Topology } from "./topology.ts";
import { holds, View } from "./views.ts";
import { Weather } from "./weather.ts";

export interface WorldOptions {
  /** Gets every line of the story; `undefined`: nobody listens, which is faster. */
  readonly tell: ((at: Instant, who: string, text: string) => void) | undefined;
  readonly onOctets: ((at: Instant, octets: Uint8Array) => void) | undefined;
  /** `undefined`: our speakers as they are. */
  readonly create: CreateSpeaker | undefined;
}

/** Each client sends to every address so often, ms. */
const CLIENT_INTERVAL_MS = 500;
const CLIENT_ADDRESSES = ["192.0.2.10", "192.0.2.11", "fd00::a", "fd00::b"];

const CONFIGS = {
  good: configOf("192.0.2.120-192.0.2.129", "fd00::120-fd00::129"),
  other: configOf("192.0.2.130-192.0.2.139", "fd00::130-fd00::139"),
  refused: "address-pools: [{name: one, protocol: carrier-pigeon}]",
} as const;

/** Everything there is in a story, on one clock, and what may be done to it. */
export class World {
  readonly script: Script;
  readonly bounds: Bounds;
  readonly clock = new VirtualClock();
  readonly topology = new Topology(() => this.clock.now());
  /** What keeps gossip from getting where frames do. */
  readonly gossipTopology = new Topology(() => this.clock.now());
  readonly weather: Weather;
  readonly net: DatagramNet<Uint8Array>;
  readonly lan: Lan;
  readonly controlPlane: ControlPlane;
  readonly nodes: readonly SimNode[];
  readonly clients: readonly LanHost[];
  readonly holders: Holders;
  /** From then on every address must have one holder. */
  readonly settledAt: Instant;
  readonly moves: Moves;
  readonly #tell: WorldOptions["tell"];
  readonly #marks = new Map<number, NodeMarks>();
  readonly #services = new Map<string, SimService>();
  readonly #views = new Map<SimNode, View>();
  #stirred = true;
  #servable: { readonly at: Instant; readonly addresses: readonly IpAddress[] } | undefined;

  constructor(script: Script, options: WorldOptions) {
    this.script = script;
    this.bounds = boundsOf(script);
    this.settledAt = lastFaultEnds(script) + this.bounds.settleMs;
    this.#tell = options.tell;
    this.moves = new Moves(script);
    const { clock } = this;
    const random = new SeededRandom(script.seed ^ 0x5eed);
    this.weather = new Weather(script.loss, () => clock.now());
    const connects = (from: string, to: string): boolean => this.topology.connects(from, to);
    const gossips = (from: string, to: string): boolean =>
      connects(from, to) && this.gossipTopology.connects(from, to);
    this.net = new DatagramNet(Object.assign(this.#wire(random), { connects: gossips }));
    this.lan = new Lan(Object.assign(this.#wire(random), { connects, keepLog: false }));
    this.weather.rulesOver(this.net);
    this.controlPlane = new ControlPlane(this.#stirring(), random, this.#logOf("controller"));
    const ground: NodeGround = {
      clock,
      lan: this.lan,
      net: this.net,
      api: this.controlPlane.api,
      random,
      profile: script.profile,
      failBackMs: script.failBackMs,
      log: (node) => this.#logOf(node),
      stir: () => {
        this.#stirred = true;
      },
      onBoot: (node) => this.#views.set(node, new View()),
      onChanges: (node, changes) => this.#changed(node, changes),
      onClaim: (node, address) => this.#claimed(node, address),
      create: options.create,
      onOctets: options.onOctets,
    };
    this.nodes = Array.from({ length: script.nodes }, (_, index) => {
      const [skewMs = 0, lagMs = 1] = [script.skewMs[index], script.lagMs[index]];
      return new SimNode(index + 1, ground, { skewMs, lagMs });
    });
    this.clients = CLIENT_ADDRESSES.map((address, index) => this.#client(address, index));
    this.holders = new Holders({
      nodes: this.nodes,
      now: () => clock.now(),
      onChange: (address, node, answers) => this.#holderChanged(address, node, answers),
    });
  }

  get now(): Instant {
    return this.clock.now();
  }

  /** Sets all up and arranges the faults. */
  begin(): void {
    const { script, clock, controlPlane } = this;
    controlPlane.configure(CONFIGS.good);
    for (const service of script.services) this.#putService(service);
    for (const [index, node] of this.nodes.entries()) {
      this.mark(index, {});
      controlPlane.putPod(node.name, node.place, true);
      clock.at(script.bootAt[index] ?? 0, () => node.boot());
    }
    controlPlane.startController();
    for (const fault of script.faults) {
      clock.at(fault.at, () => this.#befall(fault));
    }
    clock.at(1_000, () => this.#send());
  }

  /** Lets time pass, promises too. */
  async pass(durationMs: number): Promise<void> {
    const end = this.clock.now() + durationMs;
    for (let due = this.clock.nextDue(); due !== undefined && due <= end; due = this.clock.nextDue()) {
      this.clock.runUntil(due);
      if (this.#stirred) await this.#settle();
    }
    this.clock.runUntil(end);
    await this.#settle();
  }

  node(index: number): SimNode {
    const node = this.nodes[index];
    if (node === undefined) throw new Error(`there is no node ${index}`);
    return node;
  }

  viewOf(node: SimNode): View {
    const view = this.#views.get(node) ?? new View();
    this.#views.set(node, view);
    return view;
  }

  nameOf(mac: MacAddress): string {
    return this.nodes.find((node) => node.mac === mac)?.name ?? mac;
  }

  /**
   * From when on, and for how long, two nodes may both answer for an address; `undefined`: as long as they like, as
   * they do not hear each other, or one of them is on its way.
   */
  allowance(a: SimNode, b: SimNode): { readonly from: Instant; readonly forMs: number } | undefined {
    const { topology, gossipTopology, weather, bounds } = this;
    const paths = [topology, gossipTopology];
    if (weather.isBad || !paths.every((path) => path.reaches(a.place, b.place))) return undefined;
    if (a.leaving || b.leaving) return undefined;
    const healed = Math.max(...paths.map((path) => path.clearSince(a.place, b.place)));
    const clear = Math.max(healed, weather.clearSince, a.wokeAt, b.wokeAt);
    const [aKnows, bKnows] = [a.knowsSince(b), b.knowsSince(a)];
    if (aKnows === undefined || bKnows === undefined) return { from: clear, forMs: bounds.reunionMs };
    const from = Math.max(clear, aKnows, bKnows);
    return { from, forMs: from === healed ? bounds.healedMs : bounds.overlapMs };
  }

  /** Addresses in some status that a node which is well could serve, by what the API and the machines are now. */
  servable(): readonly IpAddress[] {
    if (this.#servable !== undefined && this.now - this.#servable.at < 500) return this.#servable.addresses;
    const addresses = [...this.controlPlane.allocated()].flatMap(([name, ips]) => {
      const service = this.#services.get(name);
      if (service === undefined || !this.#isServable(service)) return [];
      return ips.filter((ip) => holds(POOLS, ip)).map((ip) => parseAddress(ip) as IpAddress);
    });
    this.#servable = { at: this.now, addresses };
    return addresses;
  }

  // What faults do.

  mark(index: number, marks: NodeMarks): () => void {
    this.#marks.set(index, { ...this.#marks.get(index), ...marks });
    this.controlPlane.putNode(nodeName(index), this.#marks.get(index) ?? {});
    this.#stirred = true;
    return () => {
      const rest = Object.entries(this.#marks.get(index) ?? {}).filter(([name]) => !(name in marks));
      this.#marks.set(index, Object.fromEntries(rest));
      this.mark(index, {});
    };
  }

  crash(index: number, what: "machine" | "process"): () => void {
    const node = this.node(index);
    node.crash(what);
    return () => node.boot();
  }

  /** The segment carries its frames all the while. */
  bootDeaf(index: number): () => void {
    const { place } = this.node(index);
    const end = this.gossipTopology.put((from, to) => (from === place) !== (to === place));
    this.crash(index, "process")();
    return end;
  }

  stop(index: number): () => void {
    const node = this.node(index);
    node.leave();
    return () => this.#bootOnceGone(node);
  }

  isolate(index: number): () => void {
    const { place } = this.node(index);
    return this.topology.put((from, to) => (from === place) !== (to === place));
  }

  partition(side: readonly number[], amount: number): () => void {
    const places = new Set(side.map((index) => this.node(index).place));
    for (const [index, address] of CLIENT_ADDRESSES.entries()) {
      if (Math.floor(amount * 16) & (1 << index)) places.add(address);
    }
    return this.topology.put((from, to) => places.has(from) !== places.has(to));
  }

  apiOutage(): () => void {
    const set = (down: boolean): void => {
      for (const node of this.nodes) node.setApiDown(down);
      this.controlPlane.connection.setDown(down);
      this.#stirred = true;
    };
    set(true);
    return () => set(false);
  }

  removeService({ amount }: Fault): () => void {
    const service = this.#chosen(amount);
    if (service === undefined) return () => {};
    this.#services.delete(service.name);
    this.controlPlane.removeService(service.name);
    this.#stirred = true;
    return () => {
      if (!this.#services.has(service.name)) this.#putService(service);
    };
  }

  addService({ amount, side }: Fault): () => void {
    const index = this.#services.size;
    const families = amount < 0.5 ? (["IPv4"] as const) : (["IPv4", "IPv6"] as const);
    const endpoints = side.length > 0 ? side.map(nodeName) : [nodeName(0)];
    this.#putService({ name: `new-${index}`, families, policy: "Cluster", endpoints, pool: "one" });
    return () => {};
  }

  changeService({ amount }: Fault, change: (service: SimService) => Partial<SimService>): () => void {
    const service = this.#chosen(amount);
    if (service === undefined) return () => {};
    this.#putService({ ...service, ...change(service) });
    return () => {};
  }

  configure(which: keyof typeof CONFIGS): () => void {
    this.controlPlane.configure(CONFIGS[which]);
    this.#stirred = true;
    return () => void this.configure("good");
  }

  tell(who: string, text: string): void {
    this.#tell?.(this.now, who, text);
  }

  #befall(fault: Fault): void {
    const { begin, say } = FAULTS[fault.kind];
    this.tell("fault", `${say(fault)}, for ${fault.forMs} ms`);
    this.moves.befell(fault, nodeName(fault.node));
    const end = begin(this, fault);
    this.clock.at(this.now + fault.forMs, () => {
      this.tell("fault", `over: ${say(fault)}`);
      end();
    });
  }

  #bootOnceGone(node: SimNode): void {
    if (!node.leaving || !node.running) node.boot();
    else this.clock.at(this.now + 50, () => this.#bootOnceGone(node));
  }

  #chosen(amount: number): SimService | undefined {
    const services = [...this.#services.values()];
    return services[Math.floor(amount * services.length)];
  }

  #putService(service: SimService): void {
    this.#services.set(service.name, service);
    this.controlPlane.putService(service);
    this.#stirred = true;
  }

  #isServable({ policy, endpoints }: SimService): boolean {
    if (endpoints.length === 0) return false;
    return this.nodes.some((node, index) => {
      const { excluded, networkUnavailable } = this.#marks.get(index) ?? {};
      if (!node.running || excluded || networkUnavailable) return false;
      return policy === "Cluster" || endpoints.includes(node.name);
    });
  }

  #changed(node: SimNode, changes: readonly Change[]): void {
    this.viewOf(node).take(changes, this.now);
    for (const change of changes) {
      if (change.type !== "service") continue;
      for (const { ip = "" } of change.service.ingress) {
        const address = parseAddress(ip);
        if (address !== undefined) this.holders.know(address);
      }
    }
  }

  #claimed(node: SimNode, address: IpAddress): void {
    this.holders.claimed(address, node);
    if (this.#tell !== undefined) this.tell(node.name, `says on the wire that it has ${address}`);
  }

  #holderChanged(address: IpAddress, node: SimNode, answers: boolean): void {
    this.tell(node.name, answers ? `answers for ${address}` : `is silent for ${address}`);
    const settled = this.now >= FAULTS_BEGIN_MS;
    if (answers) this.moves.answers(address, node.name, this.now, settled);
    else this.moves.isSilent(address, node.name, this.now, settled);
  }

  #send(): void {
    for (const client of this.clients) {
      for (const address of this.holders.addresses) {
        if (familyOf(address) === familyOf(client.address)) client.send(address);
      }
    }
    this.clock.at(this.now + CLIENT_INTERVAL_MS, () => this.#send());
  }

  #client(text: string, index: number): LanHost {
    const { lan, clock } = this;
    const address = parseAddress(text) as IpAddress;
    const mac = parseMac(`02:00:00:00:cc:0${index}`) as MacAddress;
    return new LanHost({ lan, clock, mac, address, station: text });
  }

  /** The weather as it is at any time, not as it was at the beginning. */
  #wire(random: SeededRandom) {
    const { weather, clock } = this;
    return {
      clock,
      random,
      get loss() {
        return weather.loss;
      },
      get duplication() {
        return weather.duplication;
      },
      get delayMs() {
        return weather.delayMs;
      },
    };
  }

  #stirring(): Clock {
    const { clock } = this;
    return {
      now: () => clock.now(),
      at: (due, act) =>
        clock.at(due, () => {
          this.#stirred = true;
          act();
        }),
    };
  }

  async #settle(): Promise<void> {
    this.#stirred = false;
    await settle();
  }

  #logOf(who: string) {
    return storyLog(this.#tell === undefined ? undefined : (text) => this.tell(who, text));
  }
}

function configOf(two: string, twoIpv6: string): string {
  return [
    "address-pools:",
    "- {name: one, protocol: layer2, addresses: [192.0.2.100-192.0.2.109, 'fd00::100-fd00::109']}",
    `- {name: two, protocol: layer2, addresses: [${two}, '${twoIpv6}']}`,
  ].join("\n");
}

const POOLS = loadConfig(CONFIGS.good).pools;
