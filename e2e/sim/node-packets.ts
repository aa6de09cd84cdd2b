import type { Lan, LanPort } from "@herald/lab/lan";
import { ALL_NODES_MAC } from "@herald/lab/lan-ndp";
import type { Clock } from "@herald/shared/core";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import type { GroupPort } from "@herald/speaker/group-port";
import type { Capture, CaptureOptions, PacketPort } from "@herald/speaker/packet-port";
import { readU16, readU32 } from "@herald/wire/bytes";
import { ETHERTYPE } from "@herald/wire/ethernet";
import { BROADCAST, type MacAddress, macOctets } from "@herald/wire/mac";
import { groupMac } from "@herald/wire/ndp";
import { claimedBy, isForEar, questionFor } from "./ear.ts";

/** How long libpcap takes to open, ms. */
const OPEN_MS = 1;

/** The captures of one process: one network card on the segment, with an ear at its port. */
export class NodePackets implements PacketPort {
  readonly #clock: Clock;
  readonly #port: LanPort;
  /** What the card lets through: ours, everybody's, and the groups we are in, as behind a switch that snoops. */
  readonly #admitted: Set<number>;
  readonly #onClaim: (address: IpAddress, frame: Uint8Array) => void;
  readonly #scratch = new Uint8Array(2_048);
  #capture: CaptureOptions | undefined;
  #answered = false;

  /**
   * @param clock of the process: it stands still when that is paused, and with it what comes in.
   * @param onClaim a frame that says that an address is here, about to be sent.
   */
  constructor(
    lan: Lan,
    station: string,
    mac: MacAddress,
    clock: Clock,
    onClaim: (address: IpAddress, frame: Uint8Array) => void,
  ) {
    this.#clock = clock;
    this.#admitted = new Set(
      [mac, BROADCAST, ALL_NODES_MAC].map((admitted) => numberOf(macOctets(admitted))),
    );
    this.#onClaim = onClaim;
    this.#port = lan.plugIn((frame) => this.#arrive(frame), station);
  }

  open(options: CaptureOptions): Capture {
    this.#clock.at(this.#clock.now() + OPEN_MS, () => {
      if (closed) return;
      this.#capture = options;
      options.onOpen();
    });
    let closed = false;
    return {
      send: (frame) => (this.#capture === options ? this.#send(frame) : "failed"),
      close: () => {
        closed = true;
        if (this.#capture === options) this.#capture = undefined;
      },
    };
  }

  readonly groups: GroupPort = {
    join: ({ group }) => {
      this.#admitted.add(numberOf(groupMac(toOctets(group))));
      return "joined";
    },
    leave: ({ group }) => void this.#admitted.delete(numberOf(groupMac(toOctets(group)))),
    leaveAll: () => {},
  };

  /** Whether this node answers for an address now. Not heard by anybody else. */
  answersFor(address: IpAddress): boolean {
    this.#answered = false;
    this.#hear(questionFor(address));
    return this.#answered;
  }

  unplug(): void {
    this.#capture = undefined;
    this.#port.unplug();
  }

  #send(frame: Uint8Array): "sent" {
    if (isForEar(frame)) {
      this.#answered = true;
      return "sent";
    }
    const address = claimedBy(frame);
    if (address !== undefined) this.#onClaim(address, frame);
    this.#port.send(frame);
    return "sent";
  }

  #arrive(frame: Uint8Array): void {
    if (this.#capture === undefined || !isNeighbourProtocol(frame)) return;
    if (!this.#admitted.has(numberOf(frame))) return;
    this.#clock.at(this.#clock.now(), () => this.#hear(frame));
  }

  /** A capture's buffer is overwritten after each frame: who keeps it keeps rubbish. */
  #hear(frame: Uint8Array): void {
    if (this.#capture === undefined) return;
    const length = Math.min(frame.length, this.#capture.snapOctets);
    const buffer = this.#scratch.subarray(0, length);
    buffer.set(frame.subarray(0, length));
    this.#capture.onFrame(buffer);
    buffer.fill(0xa5);
  }
}

const IPV6_NEXT_HEADER_AT = 14 + 6;
const ICMPV6 = 58;

/** The MAC address that octets begin with. */
function numberOf(octets: Uint8Array): number {
  return readU16(octets, 0) * 2 ** 32 + readU32(octets, 2);
}

/** What the kernel's filter lets through. */
function isNeighbourProtocol(frame: Uint8Array): boolean {
  const etherType = readU16(frame, 12);
  if (etherType === ETHERTYPE.arp) return true;
  return etherType === ETHERTYPE.ipv6 && frame[IPV6_NEXT_HEADER_AT] === ICMPV6;
}
