import type { Clock } from "@herald/shared/core";
import { fromOctets, type IpAddress, toBigint, toOctets } from "@herald/shared/ip/address";
import { type ArpPacket, decodeArp, encodeArp } from "@herald/wire/arp";
import { writeU32 } from "@herald/wire/bytes";
import { decodeEthernet, ETHERTYPE, encodeEthernet } from "@herald/wire/ethernet";
import { BROADCAST, formatMac, type MacAddress, macOctets, UNKNOWN } from "@herald/wire/mac";
import type { Lan, LanPort } from "./lan.ts";
import { NeighbourCache } from "./neighbour-cache.ts";

/** One IPv4 datagram, with nothing in its header but the addresses. */
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
}

const HEADER_OCTETS = 20;

/** A station on the LAN with one address, an ARP cache like Linux's, and room for a packet capture. */
export class LanHost {
  readonly mac: MacAddress;
  readonly address: IpAddress;
  /** Datagrams that found no neighbour. */
  undeliverable = 0;
  readonly #octets: Uint8Array;
  readonly #receive: (datagram: Datagram) => void;
  readonly #port: LanPort;
  readonly #neighbours: NeighbourCache;
  readonly #taps = new Set<(frame: Uint8Array) => void>();
  constructor({ lan, clock, mac, address, receive = () => {} }: LanHostOptions) {
    this.mac = mac;
    this.address = address;
    this.#octets = macOctets(mac);
    this.#receive = receive;
    this.#port = lan.plugIn((frame) => this.#hear(frame));
    this.#neighbours = new NeighbourCache(clock, {
      solicit: (wanted, to) => this.#ask(wanted, to),
      transmit: (payload, to) => this.#transmit(to, ETHERTYPE.ipv4, payload),
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
    const to = formatMac(destination);
    if (to !== this.mac && to !== BROADCAST) return;
    if (etherType === ETHERTYPE.arp) this.#hearArp(decodeArp(payload), to === this.mac);
    if (etherType === ETHERTYPE.ipv4 && to === this.mac) this.#receive(decodeDatagram(payload));
  }

  /** As `arp_process` of Linux does. */
  #hearArp(packet: ArpPacket, toUsAlone: boolean): void {
    const mac = formatMac(packet.senderMac);
    const address = textOf(packet.senderIp);
    const isRequest = packet.operation === "request";
    if (isRequest && packet.targetIp === toU32(this.address)) {
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
    this.#sendArp(to ?? BROADCAST, {
      operation: "request",
      senderMac: this.#octets,
      senderIp: toU32(this.address),
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
  const bytes = new Uint8Array(HEADER_OCTETS + data.length);
  bytes[0] = 0x45;
  bytes.set(toOctets(from), 12);
  bytes.set(toOctets(to), 16);
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

function toU32(address: IpAddress): number {
  return Number(toBigint(address));
}

function textOf(value: number): IpAddress {
  const octets = new Uint8Array(4);
  writeU32(octets, 0, value);
  return fromOctets(octets);
}
