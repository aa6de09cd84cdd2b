import type { Clock, Random } from "@herald/shared/core";
import { readU16, readU32 } from "@herald/wire/bytes";
import { decodeEthernet } from "@herald/wire/ethernet";
import { isGroup } from "@herald/wire/mac";
import { happens } from "./random.ts";

export interface LanOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Probability that a frame is lost on its way to one receiver, 0 to 1. */
  readonly loss: number;
  /** Probability that a receiver gets a frame twice. */
  readonly duplication: number;
  /** Shortest and longest way through the switch, ms; frames overtake each other when they differ. */
  readonly delayMs: readonly [shortest: number, longest: number];
  /** Whether what one station sends gets to another now, by the names they were plugged in with. Yes when left out. */
  readonly connects?: (from: string, to: string) => boolean;
  /** Whether `log` is kept; left out it is. A long run of many stations has no room for it. */
  readonly keepLog?: boolean;
}

/** A plug in the switch. */
export interface LanPort {
  send(frame: Uint8Array): void;
  /** Pulls the plug: nothing goes in or comes out any more. */
  unplug(): void;
}

/** One frame that was put on the wire, for assertions about what was said. */
export interface Sent {
  readonly at: number;
  readonly frame: Uint8Array;
}

/** A switch in memory: learns where MACs are, floods what it does not know, loses and delays by seed. */
export class Lan {
  readonly #options: LanOptions;
  readonly #receivers = new Map<(frame: Uint8Array) => void, string>(); // by receiver, the station's name
  readonly #learned = new Map<number, (frame: Uint8Array) => void>(); // by MAC
  /** Everything that was sent, in order. */
  readonly log: Sent[] = [];
  constructor(options: LanOptions) {
    this.#options = options;
  }

  /**
   * @param receive gets every frame the switch sends this way, also those for other stations.
   * @param station what `connects` knows it by.
   */
  plugIn(receive: (frame: Uint8Array) => void, station = ""): LanPort {
    this.#receivers.set(receive, station);
    return {
      send: (frame) => {
        if (this.#receivers.has(receive)) this.#forward(frame.slice(), receive);
      },
      unplug: () => {
        this.#receivers.delete(receive);
        for (const [mac, learned] of this.#learned) if (learned === receive) this.#learned.delete(mac);
      },
    };
  }

  #forward(frame: Uint8Array, from: (frame: Uint8Array) => void): void {
    const { destination, source } = decodeEthernet(frame);
    const { clock, connects, keepLog = true } = this.#options;
    if (keepLog) this.log.push({ at: clock.now(), frame });
    this.#learned.set(numberOf(source), from);
    const known = isGroup(destination) ? undefined : this.#learned.get(numberOf(destination));
    const sender = this.#receivers.get(from) ?? "";
    for (const [receive, station] of this.#receivers) {
      if (receive === from || (known !== undefined && known !== receive)) continue;
      if (connects === undefined || connects(sender, station)) this.#deliver(frame, receive);
    }
  }

  #deliver(frame: Uint8Array, receive: (frame: Uint8Array) => void): void {
    const { clock, random, loss, duplication, delayMs } = this.#options;
    const copies = happens(random, loss) ? 0 : happens(random, duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const [shortest, longest] = delayMs;
      clock.at(clock.now() + shortest + random.next() * (longest - shortest), () => {
        if (this.#receivers.has(receive)) receive(frame);
      });
    }
  }
}

/** A MAC address's six octets as one number. */
function numberOf(octets: Uint8Array): number {
  return readU16(octets, 0) * 2 ** 32 + readU32(octets, 2);
}
