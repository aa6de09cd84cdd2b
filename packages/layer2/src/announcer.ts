import type { Core, Instant } from "@herald/shared/core";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import { ARP_FIELD, type ArpPacket, targetOfRequest } from "@herald/wire/arp";
import { readU16, readU32 } from "@herald/wire/bytes";
import { ETHERNET_OCTETS, ETHERTYPE } from "@herald/wire/ethernet";
import { formatMac, type MacAddress } from "@herald/wire/mac";
import { targetAtOfSolicitation } from "@herald/wire/ndp";
import { answerTo } from "./arp-frames.ts";
import type { DropReason } from "./drop-reasons.ts";
import { GratuitousSchedule, type Turn } from "./gratuitous.ts";
import { type Heard, readArp, readFrame, readNdp } from "./hear.ts";
import { admits, type Held, Holdings, isIpv6 } from "./holdings.ts";
import { solicitedAdvertisement, unsolicitedAdvertisement } from "./ndp-frames.ts";
import type { AnnouncerOptions } from "./options.ts";
import { announcementOf, type Port, portOf, probeOf } from "./port.ts";
import { type GroupEffect, SolicitedNodeGroups } from "./solicited-node.ts";

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
    }
  /** `yield`: make before break; answer until the new owner is heard or `yieldMs` passed. `now`: silence. */
  | { readonly type: "withdraw"; readonly address: IpAddress; readonly how: "now" | "yield" }
  /** Listens for an address without answering for it, as long as it may still be somebody else's. */
  | { readonly type: "watch"; readonly address: IpAddress; readonly interfaces: "all" | readonly string[] }
  /** Asks on every interface of an address that is watched or announced whether somebody else has it. */
  | { readonly type: "probe"; readonly address: IpAddress }
  /** Announces an address once more on one interface, where somebody else claimed it. */
  | { readonly type: "defend"; readonly address: IpAddress; readonly interface: string };

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
        return [
          ...this.#hold(input.address, input.interfaces, input.type === "announce"),
          ...this.#announceDue(now),
        ];
      case "withdraw":
        return this.#withdraw(input.address, input.how, now);
      case "probe":
        return this.#probe(input.address);
      case "defend":
        return this.#defend(input.address, input.interface, now);
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
      return typeof heard === "string" ? port.ndp[heard] : this.#hearNdp(heard, port, now);
    }
    if (frame.etherType !== ETHERTYPE.arp) return port.arp["not-arp"];
    const packet = readArp(frame, port.mac);
    return typeof packet === "string" ? port.arp[packet] : this.#hearArp(packet, port, now);
  }

  /** Most of what a segment asks by ARP is for and from somebody else; that costs a glance and a look or two. */
  #isForOthers(bytes: Uint8Array): boolean {
    const target = targetOfRequest(bytes);
    if (target === undefined || this.#holdings.ofIpv4(target) !== undefined) return false;
    const sender = readU32(bytes, ETHERNET_OCTETS + ARP_FIELD.senderIp);
    return sender === target || this.#holdings.ofIpv4(sender) === undefined;
  }

  #hearArp(packet: ArpPacket, port: Port, now: Instant): readonly AnnouncerEffect[] {
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
    return followed(claimed, [
      { type: "send", interface: name, bytes: answerTo(packet, port.reply) },
      { type: "answered", interface: name, address: held.address },
    ]);
  }

  #hearNdp(heard: Heard, port: Port, now: Instant): readonly AnnouncerEffect[] {
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
    const bytes =
      from === undefined
        ? unsolicitedAdvertisement(target, port.advertisement)
        : solicitedAdvertisement(target, from, port.advertisement);
    return [
      { type: "send", interface: name, bytes },
      { type: "answered", interface: name, address: held.address },
    ];
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
      if (!held.speaks || this.#yielding.has(held.address)) continue;
      this.#gratuitous.start({ address: held.address, interface: next.name });
    }
    return effects;
  }

  #interfaceDown(name: string): readonly AnnouncerEffect[] {
    this.#ports.delete(name);
    for (const { address } of this.#holdings.values()) this.#gratuitous.stop({ address, interface: name });
    return this.#groups.leaveAll(name);
  }

  #hold(
    address: IpAddress,
    selection: "all" | readonly string[],
    speaks: boolean,
  ): readonly AnnouncerEffect[] {
    const effects: AnnouncerEffect[] = [];
    const before = this.#holdings.get(address);
    const isYielding = this.#yielding.delete(address);
    const interfaces = selection === "all" ? "all" : new Set(selection);
    const claim = isYielding ? undefined : before?.claim;
    const held: Held = { address, octets: toOctets(address), interfaces, speaks, claim };
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
      this.#rearm({ address, interface: name }, was && before.speaks && !isYielding, is && speaks);
    }
    return effects;
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

  #defend(address: IpAddress, name: string, now: Instant): readonly AnnouncerEffect[] {
    const held = this.#holdings.get(address);
    if (held?.speaks !== true || !admits(held, name) || this.#yielding.has(address)) return [];
    if (!this.#ports.has(name)) return [];
    this.#gratuitous.once({ address, interface: name });
    return this.#announceDue(now);
  }

  #announceDue(now: Instant): readonly AnnouncerEffect[] {
    const effects: AnnouncerEffect[] = [];
    for (const { address, interface: name } of this.#gratuitous.wake(now)) {
      const port = this.#ports.get(name);
      const held = this.#holdings.get(address);
      if (port !== undefined && held !== undefined) effects.push(...announcementOf(held, port));
    }
    return effects;
  }
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
