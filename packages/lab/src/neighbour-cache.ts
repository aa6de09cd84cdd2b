import type { Clock, Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";

/** Linux's defaults (arp(7), `net.*.neigh.default.*`), ms; reachable time without its dice. */
export const LINUX_NEIGHBOUR_TIMES = {
  reachableMs: 30_000,
  delayBeforeProbeMs: 5_000,
  retransmitMs: 1_000,
  solicitations: 3,
} as const;

/**
 * How long a claim that does not override leaves another MAC alone: `locktime` in ARP, for ever in neighbour
 * discovery (RFC 4861 §7.2.5).
 */
export const LINUX_LOCK_MS = { 4: 1_000, 6: Number.POSITIVE_INFINITY } as const;

/** What the cache asks its host to do. */
export interface NeighbourPort {
  /** @param to `undefined`: ask everybody. */
  solicit(address: IpAddress, to: MacAddress | undefined): void;
  /** Sends what waited. */
  transmit(frame: Queued, to: MacAddress): void;
  /** Gives up on what waited: no route to host. */
  giveUp(frames: readonly Queued[]): void;
}

/** What waits for a neighbour's MAC; opaque to the cache. */
export type Queued = Uint8Array;

/** What a heard packet says about a neighbour. */
export interface Claim {
  readonly address: IpAddress;
  readonly mac: MacAddress;
  /** Replaces another MAC even if that is younger than the lock time. */
  readonly override: boolean;
  /** A reply sent to us alone proves that the way to the neighbour works. */
  readonly confirms: boolean;
  /** The sender asks us something: make an entry for it if there is none. */
  readonly create: boolean;
}

/**
 * The neighbours of one interface as Linux keeps them (net/ipv4/arp.c, net/ipv6/ndisc.c, net/core/neighbour.c): an
 * entry is locked against other MACs, what overrides unlocks it, an old one is probed by unicast before it goes.
 */
export class NeighbourCache {
  readonly #clock: Clock;
  readonly #lockMs: number;
  readonly #port: NeighbourPort;
  /** Bounded by the addresses a test uses. */
  readonly #entries = new Map<IpAddress, Entry>();
  /** @param lockMs see {@link LINUX_LOCK_MS}. */
  constructor(clock: Clock, lockMs: number, port: NeighbourPort) {
    this.#clock = clock;
    this.#lockMs = lockMs;
    this.#port = port;
  }

  /** The MAC a frame would go to now. */
  lookup(address: IpAddress): MacAddress | undefined {
    return this.#entries.get(address)?.mac;
  }

  /** Sends at once when the neighbour is known, else as soon as it answers. */
  send(address: IpAddress, frame: Queued): void {
    const entry = this.#entries.get(address);
    if (entry === undefined) {
      const fresh: Entry = {
        state: "incomplete",
        mac: undefined,
        updated: this.#clock.now(),
        waiting: [frame],
        cancel,
      };
      this.#entries.set(address, fresh);
      this.#solicit(address, fresh, LINUX_NEIGHBOUR_TIMES.solicitations);
    } else if (entry.mac === undefined) {
      entry.waiting.push(frame);
    } else {
      if (entry.state === "stale") this.#delay(address, entry);
      this.#port.transmit(frame, entry.mac);
    }
  }

  hear(claim: Claim): void {
    const entry = this.#entries.get(claim.address);
    if (entry !== undefined) this.#update(entry, claim);
    else if (claim.create) {
      const { address, mac } = claim;
      this.#entries.set(address, { state: "stale", mac, updated: this.#clock.now(), waiting: [], cancel });
    }
  }

  #update(entry: Entry, { mac, override, confirms }: Claim): void {
    const now = this.#clock.now();
    const locked = now <= entry.updated + this.#lockMs && !override;
    if (entry.mac !== undefined && entry.mac !== mac && locked) {
      this.#doubt(entry);
      return;
    }
    if (entry.mac === mac && !confirms) return;
    entry.cancel();
    entry.mac = mac;
    entry.updated = now;
    entry.state = confirms ? "reachable" : "stale";
    if (confirms) {
      entry.cancel = this.#clock.at(now + LINUX_NEIGHBOUR_TIMES.reachableMs, () => {
        entry.state = "stale";
      });
    }
    for (const frame of entry.waiting.splice(0)) this.#port.transmit(frame, mac);
  }

  /** "If the state of the cache entry is REACHABLE, set it to STALE, but do not update the entry" (RFC 4861 §7.2.5). */
  #doubt(entry: Entry): void {
    if (this.#lockMs !== LINUX_LOCK_MS[6] || entry.state !== "reachable") return;
    entry.cancel();
    entry.state = "stale";
  }

  #delay(address: IpAddress, entry: Entry): void {
    entry.state = "delay";
    entry.cancel = this.#clock.at(this.#clock.now() + LINUX_NEIGHBOUR_TIMES.delayBeforeProbeMs, () => {
      entry.state = "probe";
      this.#solicit(address, entry, LINUX_NEIGHBOUR_TIMES.solicitations);
    });
  }

  #solicit(address: IpAddress, entry: Entry, left: number): void {
    if (left === 0) {
      this.#entries.delete(address);
      this.#port.giveUp(entry.waiting);
      return;
    }
    entry.cancel = this.#clock.at(this.#clock.now() + LINUX_NEIGHBOUR_TIMES.retransmitMs, () =>
      this.#solicit(address, entry, left - 1),
    );
    this.#port.solicit(address, entry.mac);
  }
}

interface Entry {
  state: "incomplete" | "reachable" | "stale" | "delay" | "probe";
  mac: MacAddress | undefined;
  updated: Instant;
  readonly waiting: Queued[];
  /** Of the timer that is set, if any. */
  cancel: () => void;
}

function cancel(): void {}
