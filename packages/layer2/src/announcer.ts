import type { Core, Instant } from "@herald/shared/core";
import { familyOf, type IpAddress, toBigint } from "@herald/shared/ip/address";
import { type ArpPacket, decodeArp, targetOfRequest } from "@herald/wire/arp";
import { DecodeError } from "@herald/wire/bytes";
import { decodeEthernet, ETHERTYPE } from "@herald/wire/ethernet";
import { BROADCAST, formatMac, isGroup, type MacAddress, macEquals, macOctets } from "@herald/wire/mac";
import { answerTo, gratuitousFrame, replyTemplate } from "./arp-frames.ts";
import { DROP_REASONS, type DropReason } from "./drop-reasons.ts";
import { GratuitousSchedule } from "./gratuitous.ts";
import type { AnnouncerOptions } from "./options.ts";

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
  /** Harmless when nothing changed. An IPv6 address is ignored: only ARP is spoken here. */
  | {
      readonly type: "announce";
      readonly address: IpAddress;
      readonly interfaces: "all" | readonly string[];
    }
  /** `yield`: make before break; answer until the new owner is heard or `yieldMs` passed. `now`: silence. */
  | { readonly type: "withdraw"; readonly address: IpAddress; readonly how: "now" | "yield" };

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
  | {
      readonly type: "dropped";
      readonly protocol: "arp";
      readonly reason: DropReason;
      readonly interface: string;
    }
  /** The end of every `yield` that was not cut short. `by`: who was heard; `undefined`: nobody in time. */
  | { readonly type: "yielded"; readonly address: IpAddress; readonly by: MacAddress | undefined };

/** An interface that is up, with what every frame on it needs. */
interface Port {
  readonly interface: Interface;
  readonly mac: Uint8Array;
  readonly reply: Uint8Array;
  readonly dropped: Readonly<Record<DropReason, readonly [AnnouncerEffect]>>;
}

/** An address that is answered for. */
interface Held {
  readonly address: IpAddress;
  readonly interfaces: "all" | ReadonlySet<string>;
  /** Who else announced it last, and when: often our successor, who was told of the move before us. */
  claim: { readonly by: MacAddress; readonly at: Instant } | undefined;
}

const BROADCAST_OCTETS = macOctets(BROADCAST);

/**
 * Answers ARP for the addresses this node owns and announces those it takes over. It answers nothing but
 * requests to broadcast or to its own MAC, for an address announced on the interface they came in by; every
 * other frame is dropped with a reason. What a frame costs does not depend on the number of addresses.
 */
export class Announcer implements Core<AnnouncerInput, AnnouncerEffect> {
  readonly #options: AnnouncerOptions;
  readonly #gratuitous: GratuitousSchedule;
  /** By name; bounded by the interfaces of the node. */
  readonly #ports = new Map<string, Port>();
  /** By the address as u32; bounded by what we own or yield. */
  readonly #held = new Map<number, Held>();
  /** When to stop answering for what we yield. All wait equally long, so the order of entry is that of time. */
  readonly #yielding = new Map<number, Instant>();
  constructor(options: AnnouncerOptions) {
    this.#options = options;
    this.#gratuitous = new GratuitousSchedule(options);
  }

  handle(input: AnnouncerInput, now: Instant): readonly AnnouncerEffect[] {
    switch (input.type) {
      case "frame":
        return this.#hear(input.interface, input.bytes, now);
      case "interface-up":
        this.#interfaceUp(input.interface);
        return this.#announceDue(now);
      case "interface-down":
        this.#interfaceDown(input.interface);
        return [];
      case "announce":
        if (familyOf(input.address) !== 4) return [];
        this.#announce(input.address, input.interfaces);
        return this.#announceDue(now);
      case "withdraw":
        return familyOf(input.address) === 4 ? this.#withdraw(input.address, input.how, now) : [];
    }
  }

  wake(now: Instant): readonly AnnouncerEffect[] {
    const effects: AnnouncerEffect[] = [];
    for (const [key, due] of this.#yielding) {
      if (due > now) break;
      effects.push(...this.#yielded(key, undefined));
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
    // Why: most of what a segment asks is for somebody else; that costs a glance and one look into the map.
    const target = targetOfRequest(bytes);
    const held = target === undefined ? undefined : this.#held.get(target);
    if (target !== undefined && held === undefined) return port.dropped["not-announced"];
    const packet = readArp(bytes, port);
    if (typeof packet === "string") return port.dropped[packet];
    return this.#consider(packet, held ?? this.#held.get(packet.targetIp), port, now);
  }

  #consider(packet: ArpPacket, held: Held | undefined, port: Port, now: Instant): readonly AnnouncerEffect[] {
    const { name } = port.interface;
    if (isGroup(packet.senderMac)) return port.dropped["invalid-sender"];
    if (packet.senderIp === packet.targetIp) return this.#hearGratuitous(packet, held, port, now);
    if (packet.operation === "reply") return port.dropped["arp-reply"];
    if (held === undefined) return port.dropped["not-announced"];
    if (!admits(held, name)) return port.dropped["interface-not-selected"];
    return [
      { type: "send", interface: name, bytes: answerTo(packet, port.reply) },
      { type: "answered", interface: name, address: held.address },
    ];
  }

  /** Somebody announces an address. If it is one we are yielding, its new owner is there and we can go. */
  #hearGratuitous(
    packet: ArpPacket,
    held: Held | undefined,
    port: Port,
    now: Instant,
  ): readonly AnnouncerEffect[] {
    const dropped = port.dropped[packet.operation === "reply" ? "arp-reply" : "gratuitous-request"];
    const key = packet.targetIp;
    if (held === undefined || !admits(held, port.interface.name)) return dropped;
    const by = formatMac(packet.senderMac);
    for (const { interface: own } of this.#ports.values()) if (own.mac === by) return dropped;
    if (this.#yielding.has(key)) return [...this.#yielded(key, by), ...dropped];
    held.claim = { by, at: now };
    return dropped;
  }

  #interfaceUp(next: Interface): void {
    const before = this.#ports.get(next.name)?.interface;
    if (before !== undefined && before.index === next.index && before.mac === next.mac) return;
    this.#ports.set(next.name, portOf(next));
    for (const [key, held] of this.#held) {
      if (this.#yielding.has(key) || !admits(held, next.name)) continue;
      this.#gratuitous.start({ address: held.address, interface: next.name });
    }
  }

  #interfaceDown(name: string): void {
    this.#ports.delete(name);
    for (const { address } of this.#held.values()) this.#gratuitous.stop({ address, interface: name });
  }

  #announce(address: IpAddress, selection: "all" | readonly string[]): void {
    const key = toU32(address);
    const before = this.#yielding.delete(key) ? undefined : this.#held.get(key);
    const interfaces = selection === "all" ? "all" : new Set(selection);
    const held: Held = { address, interfaces, claim: before?.claim };
    this.#held.set(key, held);
    for (const name of this.#ports.keys()) {
      const was = before !== undefined && admits(before, name);
      const is = admits(held, name);
      if (is && !was) this.#gratuitous.start({ address, interface: name });
      if (was && !is) this.#gratuitous.stop({ address, interface: name });
    }
  }

  #withdraw(address: IpAddress, how: "now" | "yield", now: Instant): readonly AnnouncerEffect[] {
    const key = toU32(address);
    const held = this.#held.get(key);
    if (held === undefined) return [];
    for (const name of this.#ports.keys()) this.#gratuitous.stop({ address, interface: name });
    if (how === "now") {
      this.#held.delete(key);
      this.#yielding.delete(key);
    } else if (!this.#yielding.has(key)) {
      const { claim } = held;
      if (claim !== undefined && claim.at + this.#options.claimMemoryMs > now) {
        return this.#yielded(key, claim.by);
      }
      this.#yielding.set(key, now + this.#options.yieldMs);
    }
    return [];
  }

  #yielded(key: number, by: MacAddress | undefined): readonly AnnouncerEffect[] {
    const held = this.#held.get(key);
    this.#yielding.delete(key);
    this.#held.delete(key);
    return held === undefined ? [] : [{ type: "yielded", address: held.address, by }];
  }

  #announceDue(now: Instant): readonly AnnouncerEffect[] {
    const effects: AnnouncerEffect[] = [];
    for (const { address, interface: name } of this.#gratuitous.wake(now)) {
      const mac = this.#ports.get(name)?.mac;
      if (mac === undefined) continue;
      for (const operation of ["request", "reply"] as const) {
        effects.push({
          type: "send",
          interface: name,
          bytes: gratuitousFrame(operation, mac, toU32(address)),
        });
        effects.push({ type: "gratuitous", interface: name, address, operation });
      }
    }
    return effects;
  }
}

/** @returns the packet, or why the frame is none of ours. */
function readArp(bytes: Uint8Array, port: Port): ArpPacket | DropReason {
  try {
    const { destination, source, vlan, etherType, payload } = decodeEthernet(bytes);
    if (vlan !== 0) return "vlan-tagged";
    if (etherType !== ETHERTYPE.arp) return "not-arp";
    if (macEquals(source, 0, port.mac)) return "own-frame";
    if (!macEquals(destination, 0, BROADCAST_OCTETS) && !macEquals(destination, 0, port.mac)) {
      return "foreign-ethernet-destination";
    }
    return decodeArp(payload);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return error.reason === "truncated" ? "truncated" : "unsupported";
  }
}

function portOf(next: Interface): Port {
  const mac = macOctets(next.mac);
  const dropped = Object.fromEntries(
    (Object.keys(DROP_REASONS) as DropReason[]).map((reason) => [
      reason,
      [{ type: "dropped", protocol: "arp", reason, interface: next.name }],
    ]),
  ) as unknown as Port["dropped"];
  return { interface: next, mac, reply: replyTemplate(mac), dropped };
}

function admits({ interfaces }: Held, name: string): boolean {
  return interfaces === "all" || interfaces.has(name);
}

function toU32(address: IpAddress): number {
  return Number(toBigint(address));
}
