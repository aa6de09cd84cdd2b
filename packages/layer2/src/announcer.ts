import type { Core, Instant } from "@herald/shared/core";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import { ARP_FIELD, type ArpPacket, targetOfRequest } from "@herald/wire/arp";
import { readU16, readU32 } from "@herald/wire/bytes";
import { ETHERNET_OCTETS, ETHERTYPE, type EthernetFrame } from "@herald/wire/ethernet";
import { formatMac, type MacAddress, macEquals, macOctets } from "@herald/wire/mac";
import { targetAtOfSolicitation } from "@herald/wire/ndp";
import { answerTo } from "./arp-frames.ts";
import type { DropReason } from "./drop-reasons.ts";
import { GratuitousSchedule, type Turn } from "./gratuitous.ts";
import { type Heard, readArp, readFrame, readNdp } from "./hear.ts";
import { admits, announcesToAll, type Held, Holdings, isIpv6 } from "./holdings.ts";
import type { AnnouncerOptions } from "./options.ts";
import {
  advertisementTo,
  announcementOf,
  introductionsOf,
  type Port,
  portOf,
  probeOf,
  refreshOf,
} from "./port.ts";
import { type GroupEffect, SolicitedNodeGroups } from "./solicited-node.ts";
import { type Asker, askerOf, type Question, type Spread, SpreadClients } from "./spread-clients.ts";
import { hashOctets } from "./spread-hash.ts";
import { SpreadNodesCache, type SpreadOver } from "./spread-nodes.ts";

/** A network interface of this node as the kernel reports it now. */
export interface Interface {
  readonly name: string;
  /** The kernel's, never used twice while it runs: an interface that comes back has another. */
  readonly index: number;
  readonly mac: MacAddress;
}

export type AnnouncerInput =
  /** A whole Ethernet frame; it may be overwritten after the call. */
  | { readonly type: "frame"; readonly interface: string; readonly bytes: Uint8Array }
  /** Also for one that changed its MAC or came back. Harmless when nothing changed. */
  | { readonly type: "interface-up"; readonly interface: Interface }
  /** Down or gone. */
  | { readonly type: "interface-down"; readonly interface: string }
  /** Harmless when nothing changed. */
  | {
      readonly type: "announce";
      readonly address: IpAddress;
      readonly interfaces: "all" | readonly string[];
      /** Several nodes announce it, each to some of its clients; without it this node has all of them. */
      readonly spread?: SpreadOver;
    }
  /** `yield`: make before break; answer until the new owner is heard or `yieldMs` passed. `now`: silence. */
  | { readonly type: "withdraw"; readonly address: IpAddress; readonly how: "now" | "yield" }
  /** Listens for an address without answering for it, as long as it may still be somebody else's. */
  | { readonly type: "watch"; readonly address: IpAddress; readonly interfaces: "all" | readonly string[] }
  /** Asks on every interface of an address that is watched or announced whether somebody else has it. */
  | { readonly type: "probe"; readonly address: IpAddress }
  /** Whose the interfaces of all speakers are; replaces what was told before. It may be the same map, changed. */
  | { readonly type: "speakers"; readonly names: ReadonlyMap<MacAddress, string> }
  /** Announces an address once more: on the interface where somebody else claimed it, or on every one. */
  | { readonly type: "defend"; readonly address: IpAddress; readonly interface?: string }
  /** Announces an address once more on every interface, to be on the safe side: after all that is taken over. */
  | { readonly type: "say-again"; readonly address: IpAddress };

/**
 * How another station claimed an address. `announcement`: unasked, to everybody; `answer`: it answered for it;
 * `use`: it asks for something else in the name of it; `probe`: it is about to use it.
 */
export type ClaimKind = "announcement" | "answer" | "use" | "probe";

export type AnnouncerEffect =
  | { readonly type: "send"; readonly interface: string; readonly bytes: Uint8Array }
  /** Follows the `send` that answered. */
  | { readonly type: "answered"; readonly interface: string; readonly address: IpAddress }
  /** Follows the `send` that announced. */
  | {
      readonly type: "gratuitous";
      readonly interface: string;
      readonly address: IpAddress;
      readonly operation: "request" | "reply";
    }
  /** The same for IPv6, where there is but one way to announce. */
  | { readonly type: "advertised"; readonly interface: string; readonly address: IpAddress }
  /** Follows the `send` that told one client of a spread address, unasked. */
  | { readonly type: "refreshed"; readonly interface: string; readonly address: IpAddress }
  /** Follows the `send` that told another node of a client. */
  | { readonly type: "introduced"; readonly interface: string; readonly address: IpAddress }
  | {
      readonly type: "dropped";
      readonly protocol: "arp" | "ndp";
      readonly reason: DropReason;
      readonly interface: string;
    }
  | GroupEffect
  /** Another station claims what is announced or watched here; not for what is being yielded. */
  | {
      readonly type: "claimed";
      readonly interface: string;
      readonly address: IpAddress;
      readonly by: MacAddress;
      readonly how: ClaimKind;
    }
  /** The end of every `yield` that was not cut short. `by`: who was heard; `undefined`: nobody in time. */
  | { readonly type: "yielded"; readonly address: IpAddress; readonly by: MacAddress | undefined };

/** Shared: it is what nearly every question comes to, when it is asked whether it claims something. */
const NOTHING: readonly AnnouncerEffect[] = [];

/**
 * Answers ARP and neighbour discovery for the addresses this node owns and announces those it takes over. It
 * answers nothing but questions that were meant for it, for an address announced on the interface they came in
 * by; every other frame is dropped with a reason. What a frame costs does not depend on the number of addresses.
 */
export class Announcer implements Core<AnnouncerInput, AnnouncerEffect> {
  readonly #options: AnnouncerOptions;
  readonly #gratuitous: GratuitousSchedule;
  readonly #groups = new SolicitedNodeGroups();
  /** By name; bounded by the interfaces of the node. */
  readonly #ports = new Map<string, Port>();
  readonly #holdings = new Holdings();
  /** When to stop answering for what we yield. All wait equally long, so the order of entry is that of time. */
  readonly #yielding = new Map<IpAddress, Instant>();
  readonly #clients = new SpreadClients();
  readonly #nodes = new SpreadNodesCache();
  /** By MAC; bounded by the interfaces of the cluster. */
  #speakers: ReadonlyMap<MacAddress, string> = new Map();
  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#gratuitous = new GratuitousSchedule(options);
  }

  handle(input: AnnouncerInput, now: Instant): readonly AnnouncerEffect[] {
    switch (input.type) {
      case "frame":
        return this.#hear(input.interface, input.bytes, now);
      case "interface-up":
        return [...this.#interfaceUp(input.interface), ...this.#announceDue(now)];
      case "interface-down":
        return this.#interfaceDown(input.interface);
      case "announce":
      case "watch":
        return [...this.#hold(input), ...this.#announceDue(now)];
      case "withdraw":
        return this.#withdraw(input.address, input.how, now);
      case "speakers":
        this.#speakers = input.names;
        return [];
      case "probe":
        return this.#probe(input.address);
      case "defend":
        return this.#announceAgain(input.address, input.interface, "once", now);
      case "say-again":
        return this.#announceAgain(input.address, undefined, "again", now);
    }
  }

  wake(now: Instant): readonly AnnouncerEffect[] {
    const effects: AnnouncerEffect[] = [];
    for (const [address, due] of this.#yielding) {
      if (due > now) break;
      effects.push(...this.#yielded(address, undefined));
    }
    effects.push(...this.#announceDue(now));
    return effects;
  }

  nextWake(): Instant | undefined {
    const turn = this.#gratuitous.nextWake();
    for (const due of this.#yielding.values()) return turn === undefined ? due : Math.min(turn, due);
    return turn;
  }

  #hear(name: string, bytes: Uint8Array, now: Instant): readonly AnnouncerEffect[] {
    const port = this.#ports.get(name);
    if (port === undefined) {
      return [{ type: "dropped", protocol: "arp", reason: "unknown-interface", interface: name }];
    }
    if (this.#isForOthers(bytes)) return port.arp["not-announced"];
    const at = targetAtOfSolicitation(bytes);
    if (at !== undefined && this.#holdings.ofIpv6(bytes, at) === undefined) return port.ndp["not-announced"];
    const frame = readFrame(bytes, port.mac);
    if (typeof frame === "string") return (isIpv6Frame(bytes) ? port.ndp : port.arp)[frame];
    if (frame.etherType === ETHERTYPE.ipv6) {
      const heard = readNdp(frame, port.mac);
      return typeof heard === "string" ? port.ndp[heard] : this.#hearNdp(heard, frame, port, now);
    }
    if (frame.etherType !== ETHERTYPE.arp) return port.arp["not-arp"];
    const packet = readArp(frame, port.mac);
    return typeof packet === "string" ? port.arp[packet] : this.#hearArp(packet, frame, port, now);
  }

  /** Most of what a segment asks by ARP is for and from somebody else; that costs a glance and a look or two. */
  #isForOthers(bytes: Uint8Array): boolean {
    const target = targetOfRequest(bytes);
    if (target === undefined || this.#holdings.ofIpv4(target) !== undefined) return false;
    const sender = readU32(bytes, ETHERNET_OCTETS + ARP_FIELD.senderIp);
    return sender === target || this.#holdings.ofIpv4(sender) === undefined;
  }

  #hearArp(packet: ArpPacket, frame: EthernetFrame, port: Port, now: Instant): readonly AnnouncerEffect[] {
    const { name } = port.interface;
    const { operation, senderIp, senderMac, targetIp } = packet;
    const isReply = operation === "reply";
    const isGratuitous = senderIp === targetIp;
    const how = isGratuitous ? "announcement" : isReply ? "answer" : "use";
    const claimed = this.#claimed(this.#holdings.ofIpv4(senderIp), senderMac, how, port, now);
    if (isReply) return followed(claimed, port.arp["arp-reply"]);
    if (isGratuitous) return followed(claimed, port.arp["gratuitous-request"]);
    const held = this.#holdings.ofIpv4(targetIp);
    if (held === undefined) return followed(claimed, port.arp["not-announced"]);
    if (!admits(held, name)) return followed(claimed, port.arp["interface-not-selected"]);
    if (!held.speaks) {
      const contested = senderIp === 0 ? this.#claimed(held, senderMac, "probe", port, now) : claimed;
      return followed(contested, port.arp.probing);
    }
    const silence = this.#silenceOf(held, packet, frame, port);
    if (silence !== undefined) return followed(claimed, port.arp[silence]);
    return followed(claimed, [
      { type: "send", interface: name, bytes: answerTo(packet, port.reply) },
      { type: "answered", interface: name, address: held.address },
    ]);
  }

  #hearNdp(heard: Heard, frame: EthernetFrame, port: Port, now: Instant): readonly AnnouncerEffect[] {
    const { name } = port.interface;
    const { target } = heard;
    const held = this.#holdings.ofIpv6(target, 0);
    if (heard.type === "advertisement") {
      const how = heard.announces ? "announcement" : "answer";
      return followed(this.#claimed(held, heard.by, how, port, now), port.ndp["neighbour-advertisement"]);
    }
    if (held === undefined) return port.ndp["not-announced"];
    if (!admits(held, name)) return port.ndp["interface-not-selected"];
    const { from } = heard;
    if (!held.speaks) {
      const contested = from === undefined ? this.#claimed(held, heard.source, "probe", port, now) : [];
      return followed(contested, port.ndp.probing);
    }
    const silence = this.#silenceOf(held, heard, frame, port);
    if (silence !== undefined) return port.ndp[silence];
    return [
      { type: "send", interface: name, bytes: advertisementTo(heard, held, port) },
      { type: "answered", interface: name, address: held.address },
    ];
  }

  /**
   * Why a question for a spread address is not answered here; `undefined`: it is. One that went to this node alone is
   * always ours: the cache of who asks leads here, and nobody else has heard it. Of those to everybody each node
   * answers its own clients', but none once it yields: the others will have them in a moment, and tell them then.
   */
  #silenceOf(
    { address, spread }: Held,
    question: Question,
    frame: EthernetFrame,
    port: Port,
  ): "other-node" | "introduction" | undefined {
    if (spread === undefined) return undefined;
    const asker = askerOf(question, port);
    if (macEquals(frame.destination, 0, port.mac)) {
      const by = this.#introducerOf(asker, frame);
      if (by === undefined) return undefined;
      this.#clients.learn(address, spread, asker, by);
      return "introduction";
    }
    const chosen = this.#clients.hear(address, spread, asker);
    const isOurs = this.#yielding.has(address) ? spread.nodes.names.length === 1 : chosen === spread.self;
    return isOurs ? undefined : "other-node";
  }

  /** Of a question that a speaker sent in the name of somebody else: that speaker. */
  #introducerOf({ mac }: Asker, { source }: EthernetFrame): string | undefined {
    return macEquals(source, 0, mac) ? undefined : this.#speakers.get(formatMac(source));
  }

  /** Somebody claims an address. If it is one we are yielding, its new owner is there and we can go. */
  #claimed(
    held: Held | undefined,
    mac: Uint8Array,
    how: ClaimKind,
    port: Port,
    now: Instant,
  ): readonly AnnouncerEffect[] {
    const { name } = port.interface;
    if (held === undefined || !admits(held, name)) return NOTHING;
    const by = formatMac(mac);
    for (const { interface: own } of this.#ports.values()) if (own.mac === by) return NOTHING;
    const { address } = held;
    if (this.#yielding.has(address)) return how === "announcement" ? this.#yielded(address, by) : [];
    if (how === "announcement") held.claim = { by, at: now };
    return [{ type: "claimed", interface: name, address, by, how }];
  }

  #interfaceUp(next: Interface): readonly AnnouncerEffect[] {
    const before = this.#ports.get(next.name)?.interface;
    if (before !== undefined && before.index === next.index && before.mac === next.mac) return [];
    const effects: AnnouncerEffect[] = [...this.#groups.leaveAll(next.name)];
    this.#ports.set(next.name, portOf(next));
    for (const held of this.#holdings.values()) {
      if (!admits(held, next.name)) continue;
      if (isIpv6(held)) effects.push(...this.#groups.join(next, held.octets));
      if (held.speaks && !this.#yielding.has(held.address)) this.#tellAll(held, next.name, "start");
    }
    return effects;
  }

  #interfaceDown(name: string): readonly AnnouncerEffect[] {
    this.#ports.delete(name);
    for (const { address } of this.#holdings.values()) this.#gratuitous.stop({ address, interface: name });
    return this.#groups.leaveAll(name);
  }

  #hold(input: Extract<AnnouncerInput, { type: "announce" | "watch" }>): readonly AnnouncerEffect[] {
    const { address } = input;
    const effects: AnnouncerEffect[] = [];
    const before = this.#holdings.get(address);
    const isYielding = this.#yielding.delete(address);
    // What was claimed before we spoke was claimed by whom we take over from.
    const claim = isYielding || before?.speaks !== true ? undefined : before.claim;
    const held = heldFor(input, claim, this.#nodes);
    this.#holdings.set(held);
    for (const { interface: station } of this.#ports.values()) {
      const { name } = station;
      const was = before !== undefined && admits(before, name);
      const is = admits(held, name);
      if (is !== was && isIpv6(held)) {
        effects.push(
          ...(is ? this.#groups.join(station, held.octets) : this.#groups.leave(name, held.octets)),
        );
      }
      const told = was && announcesToAll(before) && !isYielding;
      this.#rearm({ address, interface: name }, told, is && announcesToAll(held));
    }
    this.#moveClients(held, before?.spread);
    return effects;
  }

  #moveClients({ address, spread }: Held, before: Spread | undefined): void {
    if (before === undefined) return;
    if (spread === undefined) {
      this.#clients.forget(address);
      return;
    }
    if (spread.nodes === before.nodes) return;
    for (const { key, interface: name } of this.#clients.move(address, spread)) {
      this.#gratuitous.start({ address, interface: name, client: key });
    }
    const others = spread.nodes.names.filter((node) => node !== spread.self);
    for (const { key, interface: name } of this.#clients.introduce(address, spread)) {
      for (const node of others) this.#gratuitous.start({ address, interface: name, client: key, node });
    }
  }

  /** Announces an address on an interface: to everybody, or to those of its clients that this node has. */
  #tellAll({ address, spread }: Held, name: string, how: "start" | "once" | "again"): void {
    if (spread === undefined) {
      this.#gratuitous[how]({ address, interface: name });
      return;
    }
    for (const { key } of this.#clients.of(address, spread.self, name)) {
      this.#gratuitous[how]({ address, interface: name, client: key });
    }
  }

  #rearm(turn: Turn, spoke: boolean, speaks: boolean): void {
    if (speaks && !spoke) this.#gratuitous.start(turn);
    if (spoke && !speaks) this.#gratuitous.stop(turn);
  }

  #withdraw(address: IpAddress, how: "now" | "yield", now: Instant): readonly AnnouncerEffect[] {
    const held = this.#holdings.get(address);
    if (held === undefined) return [];
    for (const name of this.#ports.keys()) this.#gratuitous.stop({ address, interface: name });
    if (how === "now" || !held.speaks) return this.#forget(held);
    if (this.#yielding.has(address)) return [];
    const { claim } = held;
    if (claim !== undefined && claim.at + this.#options.claimMemoryMs > now) {
      return this.#yielded(address, claim.by);
    }
    this.#yielding.set(address, now + this.#options.yieldMs);
    return [];
  }

  #yielded(address: IpAddress, by: MacAddress | undefined): readonly AnnouncerEffect[] {
    const held = this.#holdings.get(address);
    return held === undefined ? [] : [...this.#forget(held), { type: "yielded", address, by }];
  }

  #forget(held: Held): readonly AnnouncerEffect[] {
    this.#holdings.delete(held.address);
    this.#yielding.delete(held.address);
    if (held.spread !== undefined) this.#clients.forget(held.address);
    if (!isIpv6(held)) return [];
    const names = [...this.#ports.keys()].filter((name) => admits(held, name));
    return names.flatMap((name) => this.#groups.leave(name, held.octets));
  }

  #probe(address: IpAddress): readonly AnnouncerEffect[] {
    const held = this.#holdings.get(address);
    if (held === undefined || this.#yielding.has(address)) return [];
    const ports = [...this.#ports.values()].filter((port) => admits(held, port.interface.name));
    return ports.map((port) => probeOf(held, port));
  }

  #announceAgain(
    address: IpAddress,
    where: string | undefined,
    how: "once" | "again",
    now: Instant,
  ): readonly AnnouncerEffect[] {
    const held = this.#holdings.get(address);
    if (held?.speaks !== true || this.#yielding.has(address)) return [];
    const names = [...this.#ports.keys()].filter((name) => admits(held, name) && (where ?? name) === name);
    if (names.length === 0) return [];
    held.claim = undefined; // whoever made it hears that it is ours: it is not the one to take over
    for (const name of names) this.#tellAll(held, name, how);
    return this.#announceDue(now);
  }

  #announceDue(now: Instant): readonly AnnouncerEffect[] {
    return this.#gratuitous.wake(now).flatMap((turn) => {
      const port = this.#ports.get(turn.interface);
      const held = this.#holdings.get(turn.address);
      if (turn.client !== undefined) return this.#tellOne(turn, turn.client, held, port);
      return port !== undefined && held !== undefined ? announcementOf(held, port) : [];
    });
  }

  /** Tells a client, or another node of it, unless it has become another's since, or has moved elsewhere. */
  #tellOne(
    turn: Turn,
    key: number,
    held: Held | undefined,
    port: Port | undefined,
  ): readonly AnnouncerEffect[] {
    const client = this.#clients.get(key);
    const isOurs = client?.at === held?.spread?.self && client?.interface === turn.interface;
    const speaks = held !== undefined && admits(held, turn.interface) && !this.#yielding.has(held.address);
    if (client !== undefined && isOurs && speaks && port !== undefined) {
      if (turn.node === undefined) return refreshOf(held, client, port);
      return introductionsOf(held, client, port, this.#macsOf(turn.node));
    }
    this.#gratuitous.stop(turn);
    return [];
  }

  #macsOf(node: string): readonly Uint8Array[] {
    return [...this.#speakers].filter(([, name]) => name === node).map(([mac]) => macOctets(mac));
  }
}

function heldFor(
  input: Extract<AnnouncerInput, { type: "announce" | "watch" }>,
  claim: Held["claim"],
  nodes: SpreadNodesCache,
): Held {
  const { address, type } = input;
  const octets = toOctets(address);
  const over = type === "announce" ? input.spread : undefined;
  return {
    address,
    octets,
    interfaces: input.interfaces === "all" ? "all" : new Set(input.interfaces),
    speaks: type === "announce",
    spread:
      over === undefined
        ? undefined
        : { self: over.self, nodes: nodes.of(over.nodes), hash: hashOctets(octets) },
    claim,
  };
}

/** Of frames that are not read any further: what they would have been, if they are long enough to say. */
function isIpv6Frame(bytes: Uint8Array): boolean {
  return bytes.length >= ETHERNET_OCTETS && readU16(bytes, ETHERNET_OCTETS - 2) === ETHERTYPE.ipv6;
}

function followed(
  before: readonly AnnouncerEffect[],
  after: readonly AnnouncerEffect[],
): readonly AnnouncerEffect[] {
  return before.length === 0 ? after : [...before, ...after];
}
