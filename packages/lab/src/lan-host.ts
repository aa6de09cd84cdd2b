import type { Clock } from "@herald/shared/core";
import { familyOf, fromOctets, type IpAddress, toBigint, toOctets } from "@herald/shared/ip/address";
import { type ArpPacket, decodeArp, encodeArp } from "@herald/wire/arp";
import { writeU32 } from "@herald/wire/bytes";
import { decodeEthernet, ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { decodeIpv6, encodeIpv6, type Ipv6Packet, isUnspecified } from "@herald/wire/ipv6";
import { BROADCAST, formatMac, type MacAddress, macEquals, macOctets, UNKNOWN } from "@herald/wire/mac";
import type { Lan, LanPort } from "./lan.ts";
import { ALL_NODES_MAC, advertise, groupMacOf, readNeighbour, solicit } from "./lan-ndp.ts";
import { LINUX_LOCK_MS, NeighbourCache } from "./neighbour-cache.ts";

/** One datagram of either family, with nothing in its header but the addresses. */
export interface Datagram {
  readonly from: IpAddress;
  readonly to: IpAddress;
  readonly data: Uint8Array;
}

export interface LanHostOptions {
  readonly lan: Lan;
  readonly clock: Clock;
  readonly mac: MacAddress;
  readonly address: IpAddress;
  /** Gets every datagram sent to our MAC, whatever its address: what a node with kube-proxy would take. */
  readonly receive?: (datagram: Datagram) => void;
  /** Name on the LAN; see `LanOptions.connects`. */
  readonly station?: string;
}

const HEADER_OCTETS = 20;

/** A protocol number for experiments (RFC 3692 §2.1). */
const EXPERIMENT = 253;

/** A station on the LAN with one address of either family, a neighbour cache like Linux's, and room for a packet capture. */
export class LanHost {
  readonly mac: MacAddress;
  readonly address: IpAddress;
  /** Datagrams that found no neighbour. */
  undeliverable = 0;
  readonly #octets: Uint8Array;
  readonly #number: number; // the address, when it is IPv4
  /** MACs that are everybody's, and this station's, too. */
  readonly #groups: readonly Uint8Array[];
  readonly #receive: (datagram: Datagram) => void;
  readonly #port: LanPort;
  readonly #neighbours: NeighbourCache;
  readonly #taps = new Set<(frame: Uint8Array) => void>();
  constructor({ lan, clock, mac, address, receive = () => {}, station }: LanHostOptions) {
    this.mac = mac;
    this.address = address;
    this.#octets = macOctets(mac);
    this.#number = familyOf(address) === 4 ? toU32(address) : 0;
    this.#receive = receive;
    this.#port = lan.plugIn((frame) => this.#hear(frame), station);
    const family = familyOf(address);
    const etherType = family === 4 ? ETHERTYPE.ipv4 : ETHERTYPE.ipv6;
    const groups = family === 4 ? [BROADCAST] : [ALL_NODES_MAC, groupMacOf(address)];
    this.#groups = groups.map(macOctets);
    this.#neighbours = new NeighbourCache(clock, LINUX_LOCK_MS[family], {
      solicit: (wanted, to) => this.#ask(wanted, to),
      transmit: (payload, to) => this.#transmit(to, etherType, payload),
      giveUp: (frames) => {
        this.undeliverable += frames.length;
      },
    });
  }

  send(to: IpAddress, data: Uint8Array = new Uint8Array()): void {
    this.#neighbours.send(to, encodeDatagram({ from: this.address, to, data }));
  }

  /** Where a datagram to `address` would go now. */
  neighbour(address: IpAddress): MacAddress | undefined {
    return this.#neighbours.lookup(address);
  }

  /** Captures like libpcap: whatever comes in and whatever goes out. @returns its end. */
  tap(listener: (frame: Uint8Array) => void): () => void {
    this.#taps.add(listener);
    return () => this.#taps.delete(listener);
  }

  /** Puts a frame on the wire as it is. */
  inject(frame: Uint8Array): void {
    for (const tap of this.#taps) tap(frame);
    this.#port.send(frame);
  }

  /** Power cut: nothing goes in or out any more. */
  unplug(): void {
    this.#port.unplug();
  }

  #hear(bytes: Uint8Array): void {
    for (const tap of this.#taps) tap(bytes);
    const { destination, etherType, payload } = decodeEthernet(bytes);
    const toUsAlone = macEquals(destination, 0, this.#octets);
    if (!toUsAlone && !this.#groups.some((group) => macEquals(destination, 0, group))) return;
    const family = familyOf(this.address);
    if (family === 4 && etherType === ETHERTYPE.arp) this.#hearArp(decodeArp(payload), toUsAlone);
    if (family === 4 && etherType === ETHERTYPE.ipv4 && toUsAlone) this.#receive(decodeDatagram(payload));
    if (family === 6 && etherType === ETHERTYPE.ipv6) this.#hearIpv6(decodeIpv6(payload), toUsAlone);
  }

  /** As `ndisc_recv_ns` and `ndisc_recv_na` of Linux do. */
  #hearIpv6(packet: Ipv6Packet, toUsAlone: boolean): void {
    const { source, destination, payload } = packet;
    const message = readNeighbour(packet);
    if (message === undefined) {
      if (toUsAlone)
        this.#receive({ from: fromOctets(source), to: fromOctets(destination), data: payload.slice() });
      return;
    }
    if (message.linkAddress === undefined && !isUnspecified(source)) return;
    const mac = message.linkAddress === undefined ? BROADCAST : formatMac(message.linkAddress);
    const target = fromOctets(message.target);
    if (message.type === "advertisement") {
      const { override, solicited } = message;
      this.#neighbours.hear({ address: target, mac, override, confirms: solicited, create: false });
      return;
    }
    if (target !== this.address) return;
    const address = fromOctets(source);
    if (!isUnspecified(source)) {
      this.#neighbours.hear({ address, mac, override: true, confirms: false, create: true });
    }
    const answer = advertise(this, source, mac);
    this.#transmit(answer.to, ETHERTYPE.ipv6, answer.payload);
  }

  /** As `arp_process` of Linux does. */
  #hearArp(packet: ArpPacket, toUsAlone: boolean): void {
    const mac = formatMac(packet.senderMac);
    const address = textOf(packet.senderIp);
    const isRequest = packet.operation === "request";
    if (isRequest && packet.targetIp === this.#number) {
      this.#neighbours.hear({ address, mac, override: true, confirms: false, create: packet.senderIp !== 0 });
      this.#sendArp(mac, { ...reversed(packet), senderMac: this.#octets });
      return;
    }
    const isGratuitous =
      packet.senderIp === packet.targetIp && (isRequest || formatMac(packet.targetMac) === mac);
    const confirms = !isRequest && toUsAlone;
    this.#neighbours.hear({ address, mac, override: isGratuitous, confirms, create: false });
  }

  #ask(wanted: IpAddress, to: MacAddress | undefined): void {
    if (familyOf(wanted) === 6) {
      const question = solicit(this, wanted, to);
      this.#transmit(question.to, ETHERTYPE.ipv6, question.payload);
      return;
    }
    this.#sendArp(to ?? BROADCAST, {
      operation: "request",
      senderMac: this.#octets,
      senderIp: this.#number,
      targetMac: macOctets(to ?? UNKNOWN),
      targetIp: toU32(wanted),
    });
  }

  #sendArp(to: MacAddress, packet: ArpPacket): void {
    this.#transmit(to, ETHERTYPE.arp, encodeArp(packet));
  }

  #transmit(to: MacAddress, etherType: number, payload: Uint8Array): void {
    const destination = macOctets(to);
    this.inject(encodeEthernet({ destination, source: this.#octets, vlan: 0, etherType, payload }));
  }
}

function reversed(packet: ArpPacket): ArpPacket {
  const { senderMac, senderIp, targetMac, targetIp } = packet;
  return {
    operation: "reply",
    senderMac: targetMac,
    senderIp: targetIp,
    targetMac: senderMac,
    targetIp: senderIp,
  };
}

function encodeDatagram({ from, to, data }: Datagram): Uint8Array {
  if (familyOf(from) === 6) {
    return encodeIpv6({
      trafficClass: 0,
      flowLabel: 0,
      hopLimit: 64,
      source: octetsOf(from),
      destination: octetsOf(to),
      hopByHop: undefined,
      nextHeader: EXPERIMENT,
      payload: data,
    });
  }
  const bytes = new Uint8Array(HEADER_OCTETS + data.length);
  bytes[0] = 0x45;
  bytes.set(octetsOf(from), 12);
  bytes.set(octetsOf(to), 16);
  bytes.set(data, HEADER_OCTETS);
  return bytes;
}

function decodeDatagram(bytes: Uint8Array): Datagram {
  return {
    from: fromOctets(bytes.subarray(12, 16)),
    to: fromOctets(bytes.subarray(16, 20)),
    data: bytes.slice(HEADER_OCTETS),
  };
}

/** Addresses taken apart before; only read. Bounded by the addresses of all tests of a process. */
const octets = new Map<IpAddress, Uint8Array>();

function octetsOf(address: IpAddress): Uint8Array {
  const known = octets.get(address);
  if (known !== undefined) return known;
  const fresh = toOctets(address);
  octets.set(address, fresh);
  return fresh;
}

function toU32(address: IpAddress): number {
  return Number(toBigint(address));
}

function textOf(value: number): IpAddress {
  const octets = new Uint8Array(4);
  writeU32(octets, 0, value);
  return fromOctets(octets);
}
