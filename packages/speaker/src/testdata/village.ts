import { hash } from "node:crypto";
import { happens, SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import { Announcements } from "../announcements.ts";
import { Claims } from "../claims.ts";
import type { CandidateNode } from "../plan.ts";
import { Planner } from "../planner.ts";
import { config, fit, on, service } from "../planner-fixture.ts";

/** How long others take a node that is gone for alive, ms. */
const DETECTION_MS = 300;
/** How long an address is answered for while no new owner is heard, ms. */
const YIELD_MS = 1_000;
/** Slowest news of the API while nothing is wrong with it, ms. */
const VIEW_MS = 200;
const ACK_MS = 50;
const WALL_MS = 1_700_000_000_000;

/** Two of one family, one of two families, and two that share. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  a: ["10.20.30.1"],
  b: ["10.20.30.2"],
  c: ["10.20.30.3", "fd00::3"],
  d: ["10.20.30.4"],
  e: ["10.20.30.4", "fd00::4"],
};

const SHARERS = ["d", "e"];

/** What the API says: nodes, and where each Service with the policy Local has endpoints. */
interface Cluster {
  readonly nodes: ReadonlyMap<string, CandidateNode>;
  readonly endpoints: ReadonlyMap<string, readonly string[]>;
}

interface Process {
  readonly planner: Planner;
  readonly claims: Claims;
  readonly announcements: Announcements;
  /** `undefined`: announced; else until when it is answered for while no other is heard. */
  readonly answering: Map<IpAddress, Instant | undefined>;
  readonly members: Set<string>;
  digest: Uint8Array | undefined;
  deciding: boolean;
  disarm: () => void;
  stopped: boolean;
}

interface Villager {
  readonly name: string;
  process: Process | undefined;
  /** How late it hears of the API, ms; Infinity: not at all. */
  viewMs: number;
  view: Cluster;
  group: number;
  backMs: number;
}

/** Speakers' planners and claims among one another in virtual time; what they do on the wire is only noted. */
export class Village {
  readonly names: readonly string[];
  /** One detection, what is asked for twice, and the slowest view. */
  readonly boundMs = DETECTION_MS + VIEW_MS + 700;
  loss = 0;
  readonly #clock = new VirtualClock();
  readonly #random: SeededRandom;
  readonly #villagers: ReadonlyMap<string, Villager>;
  readonly #story: string[] = [];
  #cluster: Cluster;

  constructor(seed: number, { nodes }: { readonly nodes: number }) {
    this.#random = new SeededRandom(seed);
    this.names = Array.from({ length: nodes }, (_, index) => `n${index + 1}`);
    this.#cluster = {
      nodes: new Map(this.names.map((name) => [name, fit])),
      endpoints: new Map(Object.keys(SERVICES).map((key) => [key, this.names])),
    };
    this.#villagers = new Map(this.names.map((name) => [name, this.#villager(name)]));
    for (const villager of this.#villagers.values()) this.#boot(villager);
    this.#acks();
  }

  run(ms: number): void {
    this.#clock.advance(ms);
  }

  strike(random: SeededRandom): void {
    const name = this.names[Math.floor(random.next() * this.names.length)] as string;
    const villager = this.#of(name);
    const other = Object.keys(SERVICES)[Math.floor(random.next() * 5)] as string;
    const faults: readonly (() => void)[] = [
      () => this.#crash(villager),
      () => this.#crash(villager),
      () => this.#boot(villager),
      () => {
        villager.backMs = happens(random, 0.5) ? 3_600_000 : 0;
        this.#crash(villager);
        this.#boot(villager);
      },
      () => this.#part(random),
      () => this.#join(),
      () => this.#mark(name, { drain: happens(random, 0.5) ? "x" : "" }),
      () => this.#mark(name, { outOfService: happens(random, 0.5) }),
      () => this.#mark(name, { failBack: `${this.#clock.now()}` }),
      () =>
        this.#endpoints(
          other,
          this.names.filter(() => happens(random, 0.6)),
        ),
      () =>
        this.#setView(villager, happens(random, 0.5) ? Number.POSITIVE_INFINITY : 20 + random.next() * 2_000),
    ];
    faults[Math.floor(random.next() * faults.length)]?.();
  }

  /** Everybody is there, on one network. */
  mend(): void {
    this.#join();
    for (const villager of this.#villagers.values()) this.#boot(villager);
  }

  /** The same, and all see the same. */
  repair(): void {
    this.mend();
    for (const villager of this.#villagers.values()) this.#setView(villager, this.#random.next() * VIEW_MS);
  }

  /** Who answers for each address. */
  holders(): Readonly<Record<string, readonly string[]>> {
    const holders: Record<string, string[]> = {};
    for (const address of new Set(Object.values(SERVICES).flat())) holders[address] = [];
    for (const { name, process } of this.#villagers.values()) {
      for (const address of process?.answering.keys() ?? []) holders[address]?.push(name);
    }
    return holders;
  }

  /** Addresses that have not one holder, though somebody could. */
  faulty(): readonly string[] {
    return this.#those((holders) => holders.length !== 1);
  }

  /** Addresses that nobody holds, though somebody could, as that one sees it. */
  dark(): readonly string[] {
    return this.#those((holders) => holders.length === 0);
  }

  story(): string {
    return this.#story.slice(-60).join("\n");
  }

  #those(isWrong: (holders: readonly string[]) => boolean): readonly string[] {
    const could = new Set([...this.#villagers.values()].flatMap((villager) => couldHold(villager)));
    return Object.entries(this.holders())
      .filter(([address, holders]) => could.has(address) && isWrong(holders))
      .map(([address, holders]) => `${address} at ${this.#clock.now().toFixed(0)}: ${holders.join() || "nobody"}`);
  }

  #villager(name: string): Villager {
    const viewMs = this.#random.next() * VIEW_MS;
    return { name, process: undefined, viewMs, view: this.#cluster, group: 0, backMs: 0 };
  }

  #boot(villager: Villager): void {
    if (villager.process !== undefined) return;
    this.#note(`${villager.name} boots`);
    const process = this.#process(villager);
    villager.process = process;
    villager.view = this.#cluster; // read anew at start
    process.planner.configure(config);
    for (const [key, ips] of Object.entries(SERVICES)) {
      process.planner.setService(service(key, ips, { externalTrafficPolicy: "Local" }));
    }
    for (const other of this.#villagers.values()) {
      if (other === villager || !this.#reaches(villager, other)) continue;
      this.#meet(villager, other);
      this.#clock.at(this.#clock.now() + 20, () => this.#meet(other, villager));
    }
    process.members.add(villager.name);
    this.#tellMembers(villager);
  }

  #process(villager: Villager): Process {
    const { name, backMs } = villager;
    const clock = this.#clock;
    const process: Process = {
      planner: new Planner({
        self: name,
        options: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
        ownership: { failBackMs: 300_000, vacantMs: 1_000 },
        claims: {
          claimantsOf: (address) => claims.claimantsOf(address),
          setUse: (...use) => claims.setUse(...use),
        },
        digest: (text) => hash("sha256", text, "buffer"),
        now: () => clock.now(),
      }),
      get claims() {
        return claims;
      },
      announcements: new Announcements(),
      answering: new Map(),
      members: new Set(),
      digest: undefined,
      deciding: false,
      disarm: () => {},
      stopped: false,
    };
    const guard = <Args extends unknown[]>(act: (...args: Args) => void): ((...args: Args) => void) => {
      return (...args) => {
        if (!process.stopped) act(...args);
      };
    };
    const claims: Claims = new Claims(name, {
      clock,
      wallMs: () => WALL_MS + clock.now() - backMs,
      transport: {
        broadcast: guard((_, payload) => {
          for (const other of this.names) if (other !== name) this.#send(villager, other, payload);
        }),
        tell: guard((node, payload) => this.#send(villager, node, payload)),
        setAckPayload: (payload) => {
          process.digest = payload;
        },
      },
      onChanged: guard((address) => {
        process.planner.claimChanged(address);
        this.#decideSoon(villager);
      }),
      onRefused: (error) => {
        throw error;
      },
    });
    process.planner.setClaiming(true);
    return process;
  }

  #crash(villager: Villager): void {
    const { process, name } = villager;
    if (process === undefined) return;
    this.#note(`${name} crashes`);
    process.stopped = true;
    process.disarm();
    process.claims.stop();
    villager.process = undefined;
    this.#clock.at(this.#clock.now() + DETECTION_MS, () => {
      if (villager.process !== undefined) return; // back before anybody noticed
      for (const other of this.#villagers.values()) this.#lose(other, name);
    });
  }

  #part(random: SeededRandom): void {
    for (const villager of this.#villagers.values()) villager.group = Math.floor(random.next() * 2);
    this.#note(
      `parted: ${[...this.#villagers.values()].map(({ name, group }) => `${name} ${group}`).join()}`,
    );
    this.#clock.at(this.#clock.now() + DETECTION_MS, () => {
      for (const one of this.#villagers.values()) {
        for (const other of this.#villagers.values())
          if (!this.#reaches(one, other)) this.#lose(one, other.name);
      }
    });
  }

  #join(): void {
    this.#note("joined");
    for (const villager of this.#villagers.values()) villager.group = 0;
    for (const one of this.#villagers.values()) {
      for (const other of this.#villagers.values()) {
        if (one === other) continue;
        this.#clock.at(this.#clock.now() + this.#random.next() * 100, () => this.#meet(one, other));
      }
    }
  }

  /** One takes the other for alive, and reads what it knows. */
  #meet(one: Villager, other: Villager): void {
    if (one.process === undefined || other.process === undefined || !this.#reaches(one, other)) return;
    if (one.process.members.has(other.name)) return;
    one.process.members.add(other.name);
    this.#tellMembers(one);
    one.process.claims.state(other.process.claims.userState());
  }

  #lose(one: Villager, name: string): void {
    if (one.name !== name && one.process?.members.delete(name)) this.#tellMembers(one);
  }

  #tellMembers({ name, process }: Villager): void {
    if (process === undefined) return;
    for (const other of this.#villagers.keys()) {
      if (other !== name) process.claims.setSpeaker(other, process.members.has(other));
    }
    this.#decideSoon(this.#of(name));
  }

  #mark(name: string, change: Partial<CandidateNode>): void {
    this.#note(`${name} ${JSON.stringify(change)}`);
    const node = { ...(this.#cluster.nodes.get(name) ?? fit), ...change };
    this.#publish({ ...this.#cluster, nodes: new Map([...this.#cluster.nodes, [name, node]]) });
  }

  #endpoints(key: string, nodes: readonly string[]): void {
    this.#note(`endpoints of ${key}: ${nodes.join()}`);
    // Why: those who share an address and have no node in common are not all served, claims or not.
    const keys = SHARERS.includes(key) ? SHARERS : [key];
    const changes = keys.map((each) => [each, nodes] as const);
    this.#publish({ ...this.#cluster, endpoints: new Map([...this.#cluster.endpoints, ...changes]) });
  }

  #publish(cluster: Cluster): void {
    this.#cluster = cluster;
    for (const villager of this.#villagers.values()) this.#show(villager);
  }

  #setView(villager: Villager, viewMs: number): void {
    this.#note(`${villager.name} sees the API ${viewMs.toFixed(0)} ms late`);
    villager.viewMs = viewMs;
    this.#show(villager);
  }

  #show(villager: Villager): void {
    const { viewMs } = villager;
    const cluster = this.#cluster;
    if (viewMs === Number.POSITIVE_INFINITY) return;
    this.#clock.at(this.#clock.now() + viewMs, () => {
      if (villager.viewMs !== viewMs) return;
      villager.view = cluster;
      this.#decideSoon(villager);
    });
  }

  #decideSoon(villager: Villager): void {
    const { process } = villager;
    if (process === undefined || process.deciding) return;
    process.deciding = true;
    this.#clock.at(this.#clock.now() + 1, () => {
      process.deciding = false;
      if (!process.stopped) this.#decide(villager, process);
    });
  }

  #decide(villager: Villager, process: Process): void {
    const { planner, members } = process;
    const nodes = [...villager.view.nodes].map(
      ([name, node]) => [name, { ...node, speakerReady: members.has(name) }] as const,
    );
    planner.setNodes(new Map(nodes));
    for (const [key, hosts] of villager.view.endpoints) {
      planner.setEndpoints(`default/${key}` as ServiceKey, on(...hosts));
    }
    for (const { key, decision } of planner.all()) {
      const isLost = decision.type === "withdraw" && decision.reason === "notOwner";
      for (const input of process.announcements.apply(key, decision)) {
        if (input.type === "announce") this.#announce(villager, process, input.address);
        else if (input.how === "now" || (isLost && process.claims.isOutdone(input.address)))
          this.#silence(villager, process, input.address);
        else this.#yield(villager, process, input.address);
      }
    }
    process.disarm();
    const due = planner.nextWake();
    if (due === undefined) return;
    process.disarm = this.#clock.at(due, () => {
      planner.wake(this.#clock.now());
      this.#decideSoon(villager);
    });
  }

  #announce(villager: Villager, process: Process, address: IpAddress): void {
    const epoch = process.claims.claim(address);
    this.#note(`${villager.name} announces ${address} with ${epoch - WALL_MS}`);
    process.answering.set(address, undefined);
    for (const other of this.#villagers.values()) {
      if (other === villager || !this.#reaches(villager, other)) continue;
      // Heard on the wire: who yields is done.
      this.#clock.at(this.#clock.now() + 2, () => {
        if (other.process?.answering.get(address) !== undefined) this.#silence(other, other.process, address);
      });
    }
  }

  #yield(villager: Villager, process: Process, address: IpAddress): void {
    this.#note(`${villager.name} yields ${address}`);
    const until = this.#clock.now() + YIELD_MS;
    process.answering.set(address, until);
    const isHeard = [...this.#villagers.values()].some(
      (other) =>
        other !== villager &&
        this.#reaches(villager, other) &&
        other.process?.answering.has(address) &&
        other.process.answering.get(address) === undefined,
    );
    if (isHeard) this.#silence(villager, process, address);
    else
      this.#clock.at(until, () => {
        if (process.answering.get(address) === until) this.#silence(villager, process, address);
      });
  }

  #silence({ name }: Villager, process: Process, address: IpAddress): void {
    if (process.stopped) return;
    this.#note(`${name} is silent for ${address}`);
    process.answering.delete(address);
    process.claims.unclaim(address);
  }

  #acks(): void {
    this.#clock.at(this.#clock.now() + ACK_MS, () => {
      for (const one of this.#villagers.values()) {
        for (const name of one.process?.members ?? []) this.#ack(one, this.#of(name));
      }
      this.#acks();
    });
  }

  #ack(one: Villager, other: Villager): void {
    const digest = other.process?.digest;
    if (one === other || digest === undefined || !this.#reaches(one, other)) return;
    if (!happens(this.#random, this.loss)) one.process?.claims.acked(other.name, digest);
  }

  #send(from: Villager, to: string, payload: Uint8Array): void {
    const other = this.#of(to);
    if (!this.#reaches(from, other) || happens(this.#random, this.loss)) return;
    this.#clock.at(this.#clock.now() + 1 + this.#random.next() * 30, () => {
      if (this.#reaches(from, other)) other.process?.claims.told(payload);
    });
  }

  #reaches(one: Villager, other: Villager): boolean {
    return one.group === other.group;
  }

  #of(name: string): Villager {
    return this.#villagers.get(name) as Villager;
  }

  #note(line: string): void {
    this.#story.push(`${this.#clock.now().toFixed(0)} ${line}`);
  }
}

/** Addresses that a node could hold, as it sees things itself. */
function couldHold({ name, process }: Villager): readonly string[] {
  if (process === undefined || !process.members.has(name)) return [];
  return Object.entries(SERVICES).flatMap(([key, ips]) => {
    const decision = process.planner.decide(`default/${key}` as ServiceKey);
    return decision.type === "announce" || decision.reason === "notOwner" ? ips : [];
  });
}
