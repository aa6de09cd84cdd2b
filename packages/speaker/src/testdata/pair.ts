import { hash } from "node:crypto";
import { createLog } from "@herald/daemon/log";
import type { ConditionWish } from "@herald/k8s/service-condition";
import { hex } from "@herald/lab/hex";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { decodeBook, decodeClaimMessage } from "@herald/layer2/claims/claim-codec";
import { type ConflictOptions, DEFAULT_CONFLICT_OPTIONS } from "@herald/layer2/conflict-options";
import { Election } from "@herald/layer2/election";
import { DEFAULT_ANNOUNCER_OPTIONS } from "@herald/layer2/options";
import { loadConfig } from "@herald/shared/config/load";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import type { ConditionView, ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { MacAddress } from "@herald/wire/mac";
import { Registry } from "prom-client";
import { isSameWord } from "../announced-condition.ts";
import type { Change, HoldingWord, ServiceWord } from "../kubernetes-protocol.ts";
import { createSpeakerMetrics } from "../metrics.ts";
import type { CaptureOptions } from "../packet-port.ts";
import { fit, on, service } from "../planner-fixture.ts";
import { createSpeaker, type Speaker } from "../speaker.ts";

export const digest = (text: string): Uint8Array => hash("sha256", text, "buffer");
export const NAMES = ["node-1", "node-2"] as const;
export type Name = (typeof NAMES)[number];
export const VIP = "192.0.2.10" as IpAddress;
/** Who is to own it by the hash, and the other one. */
export const FIRST = new Election(digest).ownerOf(VIP, NAMES) as Name;
export const SECOND = NAMES.find((name) => name !== FIRST) as Name;
const config: Change = {
  type: "config",
  config: loadConfig("address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/24]}]"),
};
const requestFor = (address: IpAddress): Uint8Array => {
  const request = hex`
    ffffffffffff 020000000009 0806
    0001 0800 06 04 0001 020000000009 c0000201 000000000000 00000000`;
  request.set(toOctets(address), request.length - 4);
  return request;
};

/** Whoever meets somebody for the first time tells of no claims, too. */
const saysSomething = (payload: Uint8Array): boolean => {
  const message = decodeClaimMessage(payload);
  return message.type === "news" && message.changes.length > 0;
};

/** Somebody unknown announces an address. */
export const strangers = (address: IpAddress): Uint8Array => {
  const announcement = requestFor(address);
  announcement.set(toOctets(address), announcement.length - 14);
  return announcement;
};

/** What a gratuitous request says its sender has (RFC 5227 §3: of itself, and to everybody); `undefined`: it is none. */
const announcedBy = (frame: Uint8Array): IpAddress | undefined => {
  if (frame[12] !== 0x08 || frame[13] !== 0x06 || frame[21] !== 1) return undefined;
  const [sender, target] = [frame.subarray(28, 32).join("."), frame.subarray(38, 42).join(".")];
  return sender === target ? (sender as IpAddress) : undefined;
};

/** Whether an address is asked for before it is used (RFC 5227 §2.1.1: from no address). */
const isProbe = (frame: Uint8Array): boolean =>
  frame[12] === 0x08 && frame[13] === 0x06 && frame.subarray(28, 32).every((octet) => octet === 0);

const MACS = {
  "node-1": "02:00:00:00:00:01" as MacAddress,
  "node-2": "02:00:00:00:00:02" as MacAddress,
};

/** Two speakers on one segment; how they hear of each other by gossip is for the test to say. */
export class Pair {
  readonly clock = new VirtualClock();
  /** Whether the gossip carries what they say. */
  gossips = true;
  /** Whether frames get from the one to the other. */
  wired = true;
  /** Whether somebody unknown has the address, who only speaks when asked. */
  stranger = false;
  /** How often they told everybody of a claim. */
  said = 0;
  /** Whether they read the conditions that they write. */
  reads = false;
  /** What stands in the status of each Service, and how often something was written there. */
  readonly conditions = new Map<ServiceKey, ConditionView>();
  writes = 0;
  /** The node that the ServiceL2Status names of each Service that one node announces. */
  readonly named = new Map<ServiceKey, Name>();
  /** Who wants to be told how sessions with routers stand. */
  readonly following = new Set<Name>();
  /** By node and Service. */
  readonly #words = new Map<string, ServiceWord>();
  readonly #views = new Map<ServiceKey, ServiceView>();
  readonly #detection: ConflictOptions["detection"];
  readonly #speakers = new Map<Name, Speaker>();
  readonly #captures = new Map<Name, CaptureOptions>();
  /** What was announced, each address as often as it was. */
  readonly announced: { readonly by: Name; readonly address: IpAddress }[] = [];
  /** Frames since it was last looked at. */
  readonly #sent = new Map<Name, number>();
  constructor(names: readonly Name[] = NAMES, detection: ConflictOptions["detection"] = "off") {
    this.#detection = detection;
    for (const name of names) this.start(name);
  }

  of(name: Name): Speaker {
    return this.#speakers.get(name) as Speaker;
  }

  apply(name: Name, ...changes: Change[]): void {
    for (const change of changes)
      if (change.type === "service") this.#views.set(change.service.key, change.service);
    this.of(name).apply(changes, () => {});
    this.clock.advance(5);
  }

  /** Whom a speaker takes for alive. */
  members(name: Name, others: readonly string[], foreign = false): void {
    this.#see(name, others, foreign);
    this.clock.advance(5);
  }

  /** An exchange of tables: who is alive, and what they claim. */
  meet(): void {
    for (const name of NAMES) this.#see(name, NAMES, false);
    this.exchange();
  }

  #see(name: Name, others: readonly string[], foreign: boolean): void {
    const lives = (each: Name): boolean => each === name || others.includes(each);
    const speakers = new Map(NAMES.map((each) => [each, lives(each) ? "all" : undefined] as const));
    const names = new Map(NAMES.map((each) => [MACS[each], lives(each) ? each : undefined] as const));
    this.of(name).hearPresence({ speakers, names, foreign });
    this.of(name).setMembers(new Set([name, ...others]));
  }

  hear(name: Name, frame: Uint8Array): void {
    this.#captures.get(name)?.onFrame(frame);
  }

  /** Who says that it answers. */
  claiming(): readonly Name[] {
    return NAMES.filter((name) => {
      const own = decodeBook(this.of(name).claims.userState()).find(({ speaker }) => speaker === name);
      return own?.claims.some(({ address }) => address === VIP) === true;
    });
  }

  /** Who answers when asked now. */
  answering(address = VIP): readonly Name[] {
    return NAMES.filter((name) => {
      this.#sent.set(name, 0);
      this.#captures.get(name)?.onFrame(requestFor(address));
      return this.#sent.get(name) !== 0;
    });
  }

  exchange(): void {
    const [a, b] = [this.of("node-1"), this.of("node-2")];
    a.claims.state(b.claims.userState());
    b.claims.state(a.claims.userState());
    this.clock.advance(5);
  }

  /** A crash. */
  stop(name: Name): void {
    this.of(name).stop();
    for (const place of this.#words.keys()) if (place.startsWith(`${name} `)) this.#words.delete(place);
    this.#captures.delete(name);
    this.following.delete(name);
  }

  start(name: Name): void {
    const { clock } = this;
    const other = NAMES.find((each) => each !== name) as Name;
    const mac = MACS[name];
    const hear = (payload: Uint8Array): void => {
      if (this.gossips) this.#speakers.get(other)?.claims.told(payload);
    };
    const speaker = createSpeaker(
      {
        node: name,
        plan: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
        ownership: { failBackMs: 60_000, vacantMs: 1_000 },
        announcer: { ...DEFAULT_ANNOUNCER_OPTIONS, yieldMs: 5_000 },
        conflicts: { ...DEFAULT_CONFLICT_OPTIONS, detection: this.#detection },
        captures: { retryMinMs: 100, retryMaxMs: 1000 },
        excludedInterfaces: [],
      },
      {
        clock,
        wallMs: () => 1_700_000_000_000 + clock.now(),
        random: new SeededRandom(1),
        packets: {
          open: (options) => {
            this.#captures.set(name, options);
            clock.at(clock.now(), options.onOpen);
            return { send: (frame) => this.#send(name, frame), close: () => {} };
          },
        },
        groups: { join: () => "joined", leave: () => {}, leaveAll: () => {} },
        gossip: {
          broadcast: (_, payload) => {
            if (saysSomething(payload)) this.said += 1;
            clock.at(clock.now() + 1, () => hear(payload));
          },
          tell: (_, payload) => clock.at(clock.now() + 1, () => hear(payload)),
          setAckPayload: () => {},
        },
        digest,
        log: createLog({ level: "none", program: "speaker", write: () => {} }),
        metrics: createSpeakerMetrics(new Registry()),
        recordEvent: () => {},
        say: (word) => this.#say(name, word),
        sayHolding: (word) => this.#sayHolding(name, word),
        followSessions: (isWanted) => {
          if (isWanted) this.following.add(name);
          else this.following.delete(name);
        },
        isStill: () => true,
        onStations: () => {},
        onCaptureLost: () => {},
        onSynced: () => {},
        onSpeakers: () => {},
      },
    );
    this.#speakers.set(name, speaker);
    const links = { up: true, broadcast: true, noArp: false, hasMaster: false, operational: true };
    speaker.setLinks([{ name: "eth0", index: 2, mac, ...links }]);
    const nodes = NAMES.map((each): Change => ({ type: "node", name: each, node: fit }));
    const web = service("web", [VIP]);
    const endpoints: Change = { type: "endpoints", key: web.key, endpoints: on(...NAMES) };
    this.members(name, []);
    this.apply(name, ...nodes, config, { type: "service", service: web }, endpoints, { type: "synced" });
  }

  #say(name: Name, word: ServiceWord): void {
    const place = `${name} ${word.service}`;
    this.#words.set(place, word);
    this.clock.at(this.clock.now() + word.holdMs, () => {
      if (this.#words.get(place) === word && word.wish !== undefined) this.write(word.service, word.wish);
    });
  }

  /** Into the status, for all to read. */
  write(key: ServiceKey, { over, ...wish }: ConditionWish): void {
    const before = this.conditions.get(key);
    if (isSameWord(before, wish) || (over !== undefined && over !== before?.message)) return;
    const announced = { ...wish, since: `${this.clock.now()}` };
    this.conditions.set(key, announced);
    this.writes += 1;
    const view = this.#views.get(key);
    if (!this.reads || view === undefined) return;
    for (const each of this.#speakers.values())
      each.apply([{ type: "service", service: { ...view, announced } }], () => {});
  }

  #sayHolding(name: Name, word: HoldingWord): void {
    if (word.type === "here" && !word.isShared) this.named.set(word.service, name);
    if (word.type === "gone" && this.named.get(word.service) === name) this.named.delete(word.service);
  }

  /** The segment loses nothing, and asks no questions twice. */
  #send(from: Name, frame: Uint8Array): "sent" {
    this.#sent.set(from, (this.#sent.get(from) ?? 0) + 1);
    const bytes = Uint8Array.from(frame);
    const announced = announcedBy(bytes);
    if (announced !== undefined) this.announced.push({ by: from, address: announced });
    if (this.stranger && isProbe(bytes))
      this.clock.at(this.clock.now(), () => this.hear(from, strangers(VIP)));
    if (!this.wired) return "sent";
    for (const to of NAMES)
      if (to !== from) this.clock.at(this.clock.now(), () => this.#captures.get(to)?.onFrame(bytes));
    return "sent";
  }
}

/** Both hold the address, each believing that it is alone; the second by hash claimed last. */
export function parted(): Pair {
  const pair = new Pair();
  pair.gossips = false;
  pair.members(FIRST, []);
  pair.members(SECOND, []);
  pair.clock.advance(10_000); // whatever is repeated has been said
  return pair;
}

/** A stranger announces the address twice: once may be a mistake. */
export function giveUp(pair: Pair, name: Name): void {
  for (const waitMs of [0, 1_000]) {
    pair.clock.advance(waitMs);
    pair.hear(name, strangers(VIP));
  }
}

export function drained(name: Name): Change {
  return { type: "node", name, node: { ...fit, drain: "new disk" } };
}
