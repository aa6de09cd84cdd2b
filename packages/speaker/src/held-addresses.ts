import { UNCLAIMED } from "@herald/layer2/conflict-messages";
import type { HolderInput } from "@herald/layer2/holder";
import type { Clock, Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import { Announcements } from "./announcements.ts";
import type { Claims } from "./claims.ts";
import type { AddressNews } from "./perform-layer2.ts";
import type { Decision } from "./plan.ts";
import type { Reporter } from "./reporter.ts";

export interface HeldAddressesPorts {
  readonly clock: Clock;
  readonly claims: Claims;
  readonly reporter: Reporter;
  /** To layer 2. */
  readonly feed: (input: HolderInput) => void;
  /** Whether some Service has the address. */
  readonly isUsed: (address: IpAddress) => boolean;
  /** Another speaker's claim of it is another one, and nobody has looked at it yet. */
  readonly isClaimNew: (address: IpAddress) => boolean;
  /** It is time to decide again about whoever has the address. */
  readonly decideAgain: (address: IpAddress) => void;
}

type Wanted = ReturnType<Announcements["apply"]>[number];

/**
 * How long a newer claim of a node that may not own the address is left alone after it was answered with our own, ms:
 * each time twice as long as before, until it was answered no more for a minute after that. Two that see the cluster
 * differently for good would otherwise answer each other for ever as fast as they can.
 */
const INSIST_MS = { min: 1_000, max: 60_000, quiet: 60_000 };

interface Announced {
  readonly input: Extract<Wanted, { type: "announce" }>;
  insistedAt: Instant;
  pauseMs: number;
  /** For the next time it may be done. */
  waits: boolean;
}

const NEVER_INSISTED = { insistedAt: Number.NEGATIVE_INFINITY, pauseMs: INSIST_MS.min, waits: false };

/**
 * Carries out what was decided: tells layer 2 what to announce and what to leave, claims what is answered for, and
 * waits for those that what is left goes to.
 */
export class HeldAddresses {
  readonly #ports: HeldAddressesPorts;
  readonly #announcements = new Announcements();
  /** What is announced here, and when a newer claim of another was last answered with one of ours. */
  readonly #announced = new Map<IpAddress, Announced>();
  /** Of those, and of what is being left to others: whether they are answered for; bounded by that. */
  readonly #standing = new Map<IpAddress, "answered" | "quarantined">();
  /** Left to a new owner that is not heard yet; bounded by what was announced. */
  readonly #yielding = new Set<IpAddress>();
  /** What is still being left to others; `undefined` until drained. */
  #leaving: { readonly addresses: Set<IpAddress>; readonly done: () => void } | undefined;

  constructor(ports: HeldAddressesPorts) {
    this.#ports = ports;
  }

  /** Whether all is left to others, whatever is decided. */
  get isLeaving(): boolean {
    return this.#leaving !== undefined;
  }

  carryOut(key: ServiceKey, decision: Decision): void {
    for (const wanted of this.#announcements.apply(key, decision)) {
      const input = this.#isOver(wanted, decision) ? ({ ...wanted, how: "now" } as const) : wanted;
      this.#track(input);
      this.#ports.feed(this.#wish(input));
    }
  }

  /** Leaves every address to whoever takes it over; resolves when all were, or the announcer's patience ended. */
  drain(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const addresses = new Set([...this.#announcements.addresses(), ...this.#yielding]);
    this.#leaving = { addresses, done: resolve };
    this.#ports.reporter.leaving();
    if (addresses.size === 0) resolve();
    for (const address of [...addresses]) this.#ports.feed({ type: "withdraw", address, how: "yield" });
    return promise;
  }

  /**
   * An address is this node's, but another has the newer claim: it saw nobody else when it made it, and may not own it
   * now. It goes when it hears a newer claim yet; in the meantime each takes the other for the one to give way.
   */
  insist(addresses: readonly IpAddress[]): void {
    const { clock, claims, reporter, feed, decideAgain } = this.#ports;
    const now = clock.now();
    for (const address of addresses) {
      const announced = this.#announced.get(address);
      if (announced === undefined || announced.input.spread !== undefined) continue;
      if (!claims.isOutdone(address)) continue;
      const due = announced.insistedAt + announced.pauseMs;
      if (due <= now) {
        announced.pauseMs = nextPause(announced.pauseMs, now - due);
        announced.insistedAt = now;
        reporter.insisted(address);
        feed(this.#wish(announced.input));
      } else if (!announced.waits) {
        announced.waits = true;
        clock.at(due, () => {
          announced.waits = false;
          decideAgain(address);
        });
      }
    }
  }

  /** What is left to a successor until it is heard need not be, once no Service has it. */
  setUse(address: IpAddress, used: boolean): void {
    this.#ports.claims.setUse(address, used);
    const isLeft = this.#yielding.has(address) || this.#leaving?.addresses.has(address) === true;
    if (used || !isLeft) return;
    this.#yielding.delete(address);
    this.#ports.feed({ type: "withdraw", address, how: "now" });
    this.#gone(address);
  }

  /** Claims are of what is answered for. */
  hear({ address, type }: AddressNews): void {
    const { claims } = this.#ports;
    if (type === "announcing") this.#begun(address);
    if (type === "quarantined") {
      this.#standing.set(address, "quarantined");
      claims.weaken(address);
    }
    if (type === "lost") {
      this.#standing.delete(address);
      claims.unclaim(address);
    }
  }

  /** @param heard whether somebody else answers for it now; else nobody was waited for any longer. */
  yielded(address: IpAddress, heard: boolean): void {
    const { reporter } = this.#ports;
    this.#yielding.delete(address);
    reporter.yielded(address, heard);
    if (this.#leaving !== undefined) reporter.left(address, heard);
    this.#gone(address);
  }

  /**
   * Nobody need be waited for: no Service has the address any more, it is not answered for yet, or the one with the newer
   * claim answers already.
   */
  #isOver(input: Wanted, decision: Decision): boolean {
    if (input.type !== "withdraw") return false;
    const { address } = input;
    if (!this.#ports.isUsed(address) || this.#standing.get(address) !== "answered") return true;
    const isShared = this.#announced.get(address)?.input.spread !== undefined;
    const isLost = decision.type === "withdraw" && decision.reason === "notOwner";
    return isLost && !isShared && this.#ports.claims.isOutdone(address);
  }

  /**
   * What another speaker has claimed need not be asked for: it is taken over from there, and claimed in the same moment.
   * Anything else is claimed once it turned out that nobody has it: a newer claim silences whoever does.
   */
  #wish(input: Wanted): Extract<HolderInput, { type: "announce" | "withdraw" }> {
    if (input.type === "withdraw") return input;
    const { claims } = this.#ports;
    const { address, spread } = input;
    if (spread !== undefined) {
      claims.unclaim(address); // it is nobody's alone
      const isTakenOver = claims.claimantsOf(address).size > 0 && claims.isKnown(address);
      const isOurs = spread.nodes.length > 1 || isTakenOver;
      return { ...input, epoch: 0, probe: isOurs ? "skip" : "first" };
    }
    const standing = this.#standing.get(address);
    const isOurs = standing === "answered" || (standing === undefined && claims.isKnown(address));
    if (!isOurs) return { ...input, epoch: UNCLAIMED, probe: "first" };
    return { ...input, epoch: claims.claim(address), probe: "skip" };
  }

  #begun(address: IpAddress): void {
    const { claims, feed, isClaimNew } = this.#ports;
    this.#standing.set(address, "answered");
    const announced = this.#announced.get(address);
    if (announced === undefined || announced.input.spread !== undefined) return;
    // It was claimed a moment ago, and is to be looked at: it is left to that one then, or claimed all the same.
    if (isClaimNew(address) && claims.isOutdone(address)) return;
    feed({ type: "claim-made", address, epoch: claims.claim(address) });
  }

  #track(input: Wanted): void {
    const { address } = input;
    if (input.type === "withdraw") this.#announced.delete(address);
    else this.#announced.set(address, { input, ...NEVER_INSISTED });
    if (input.type === "withdraw" && input.how === "yield") this.#yielding.add(address);
    else this.#yielding.delete(address);
    if (input.type === "withdraw" && input.how === "now") this.#silent(address);
  }

  #silent(address: IpAddress): void {
    this.#standing.delete(address);
    this.#ports.reporter.silent(address);
    this.#ports.claims.unclaim(address);
  }

  #gone(address: IpAddress): void {
    this.#silent(address);
    if (this.#leaving?.addresses.delete(address) && this.#leaving.addresses.size === 0) this.#leaving.done();
  }
}

function nextPause(pauseMs: number, quietMs: number): number {
  return quietMs > INSIST_MS.quiet ? INSIST_MS.min : Math.min(2 * pauseMs, INSIST_MS.max);
}
