import type { Core, Instant, Random } from "@herald/shared/core";
import { familyOf, type IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import type { ConflictEffect, ConflictInput, Epoch } from "./conflict-messages.ts";
import type { ConflictOptions, ProbeTiming } from "./conflict-options.ts";

type State =
  | { readonly name: "probing"; readonly left: number }
  | { readonly name: "announced" }
  | { readonly name: "quarantined"; readonly by: MacAddress }
  | { readonly name: "lost"; readonly to: string; readonly epoch: Epoch };

interface Holding {
  readonly address: IpAddress;
  interfaces: "all" | readonly string[];
  epoch: Epoch;
  state: State;
  /** When a stranger claimed it first; what follows within the interval was not stopped by a defence. */
  strangerAt: Instant | undefined;
  reportedAt: Instant | undefined;
  checkedAt: Instant | undefined;
  /** The last speaker of ours that was heard to have it, too. */
  contest: { readonly speaker: string; readonly claim: Claimed; readonly at: Instant } | undefined;
}

type Claimed = Extract<ConflictInput, { type: "claimed" }>;
type Announce = Extract<ConflictInput, { type: "announce" }>;

/**
 * Sees to it that an address has one holder (RFC 5227, RFC 4862 §5.4): asks before it is used, and settles it
 * when another machine claims it. Stands between what this node is to hold and its announcer.
 */
export class ConflictGuard implements Core<ConflictInput, ConflictEffect> {
  readonly #self: string;
  readonly #options: ConflictOptions;
  readonly #random: Random;
  /** Bounded by what this node is to hold, as is `#due`. */
  readonly #holdings = new Map<IpAddress, Holding>();
  /** Next probe, end of probing or of quarantine. */
  readonly #due = new Map<IpAddress, Instant>();
  /** Withdrawn, and still answered for: nobody need be asked before these are announced again. */
  readonly #yielding = new Set<IpAddress>();
  /** Oldest first; outlives the holding, and is bounded by what was defended within the interval. */
  readonly #defendedAt = new Map<IpAddress, Instant>();
  /** By address, then by speaker; bounded by what the members of the cluster claim. */
  readonly #rivals = new Map<IpAddress, Map<string, Epoch>>();
  #speakers: ReadonlyMap<MacAddress, string> = new Map();
  #checkedAt: Instant | undefined;
  /** @param self name of this speaker, as others know it: of two claims of one epoch the greater name's is the newer. */
  constructor(self: string, options: ConflictOptions, random: Random) {
    this.#self = self;
    this.#options = options;
    this.#random = random;
  }

  handle(input: ConflictInput, now: Instant): readonly ConflictEffect[] {
    switch (input.type) {
      case "announce":
        return this.#announce(input, now);
      case "withdraw":
        return this.#withdraw(input.address, input.how);
      case "interface-added":
        return this.#probeAgain(now);
      case "claimed":
        return this.#claimed(input, now);
      case "answered":
        return this.#check(input.address, now);
      case "yield-ended":
        this.#yielding.delete(input.address);
        return [];
      case "speakers":
        return this.#learnSpeakers(input.names, now);
      case "rival":
        return this.#learnRival(input.address, input.speaker, input.epoch, now);
      case "release":
        return this.#release(input.address, now);
    }
  }

  wake(now: Instant): readonly ConflictEffect[] {
    const effects: ConflictEffect[] = [];
    for (const [address, due] of [...this.#due]) {
      const holding = this.#holdings.get(address);
      if (due > now || holding === undefined) continue;
      if (holding.state.name === "probing")
        effects.push(...this.#probeOn(holding, holding.state.left, due, now));
      else effects.push(...this.#release(address, now));
    }
    return effects;
  }

  nextWake(): Instant | undefined {
    let earliest: Instant | undefined;
    for (const due of this.#due.values()) if (earliest === undefined || due < earliest) earliest = due;
    return earliest;
  }

  #announce(input: Announce, now: Instant): readonly ConflictEffect[] {
    const { address, interfaces, epoch, probe } = input;
    const before = this.#holdings.get(address);
    if (before?.state.name === "lost" && epoch <= before.state.epoch) return [];
    const holding = before ?? newHolding(input);
    this.#holdings.set(address, holding);
    holding.interfaces = interfaces;
    holding.epoch = epoch;
    const isKnownFree = this.#yielding.delete(address) || probe === "skip";
    switch (before?.state.name) {
      case "announced":
        return [tellAnnounce(holding)];
      case "quarantined":
        return [];
      case "probing":
        return isKnownFree ? this.#begin(holding) : [tellWatch(holding)];
      default:
        return isKnownFree ? this.#begin(holding) : this.#startProbing(holding, now);
    }
  }

  #withdraw(address: IpAddress, how: "now" | "yield"): readonly ConflictEffect[] {
    const state = this.#holdings.get(address)?.state.name;
    this.#holdings.delete(address);
    this.#due.delete(address);
    if (how === "now") this.#yielding.delete(address);
    else if (state === "announced") this.#yielding.add(address);
    // What is not held may still be yielding, as the announcer knows.
    const passOn = state === undefined || state === "announced";
    if (passOn) return [{ type: "tell", input: { type: "withdraw", address, how } }];
    const gone: readonly ConflictEffect[] =
      how === "yield" ? [{ type: "yielded", address, by: undefined }] : [];
    return state === "probing" ? [tellSilence(address), ...gone] : gone;
  }

  #startProbing(holding: Holding, now: Instant): readonly ConflictEffect[] {
    const timing = this.#timingOf(holding.address);
    if (timing === undefined) return this.#begin(holding);
    holding.state = { name: "probing", left: timing.count };
    this.#due.set(holding.address, now + this.#random.next() * timing.waitMs);
    return [tellWatch(holding)];
  }

  /** The next probe, or the end of it: nobody objected. */
  #probeOn(holding: Holding, left: number, due: Instant, now: Instant): readonly ConflictEffect[] {
    const { address } = holding;
    const timing = this.#timingOf(address);
    // Why: who wakes this late has not read what came in meanwhile, an objection perhaps. One more probe tells.
    const overslept = timing !== undefined && now - due > timing.settleMs;
    if (timing === undefined || (left === 0 && !overslept)) {
      return [{ type: "probed", address, takenBy: undefined }, ...this.#begin(holding)];
    }
    const after = Math.max(0, left - 1);
    holding.state = { name: "probing", left: after };
    const gap = timing.minMs + this.#random.next() * (timing.maxMs - timing.minMs);
    this.#due.set(address, now + (after === 0 ? timing.settleMs : gap));
    return [{ type: "tell", input: { type: "probe", address } }];
  }

  #probeAgain(now: Instant): readonly ConflictEffect[] {
    const probing = [...this.#holdings.values()].filter(({ state }) => state.name === "probing");
    return probing.flatMap((holding) => this.#startProbing(holding, now));
  }

  #begin(holding: Holding): readonly ConflictEffect[] {
    holding.state = { name: "announced" };
    this.#due.delete(holding.address);
    return [tellAnnounce(holding)];
  }

  #claimed(claim: Claimed, now: Instant): readonly ConflictEffect[] {
    const holding = this.#holdings.get(claim.address);
    if (holding === undefined) return [];
    const speaker = this.#speakers.get(claim.by);
    switch (holding.state.name) {
      case "probing":
        return speaker === undefined
          ? this.#taken(holding, claim, now)
          : this.#heldByOurs(holding, speaker, claim);
      case "announced":
        return speaker === undefined
          ? this.#contestStranger(holding, claim, now)
          : this.#contestSpeaker(holding, speaker, claim, now);
      default:
        return [];
    }
  }

  #taken(holding: Holding, claim: Claimed, now: Instant): readonly ConflictEffect[] {
    return [
      { type: "probed", address: claim.address, takenBy: claim.by },
      ...this.#report(holding, undefined, claim, now),
      ...this.#quarantine(holding, claim.by, now),
    ];
  }

  /** It is no stranger's, then. Two of ours that probe at once are told apart by their epochs later. */
  #heldByOurs(holding: Holding, speaker: string, { address, how }: Claimed): readonly ConflictEffect[] {
    if (how === "probe") return [];
    const rival = this.#rivals.get(address)?.get(speaker);
    const probed: ConflictEffect = { type: "probed", address, takenBy: undefined };
    if (
      this.#options.speakers === "settle" &&
      rival !== undefined &&
      this.#isNewer(rival, speaker, holding)
    ) {
      return this.#lose(holding, speaker, rival);
    }
    return [probed, ...this.#begin(holding)];
  }

  #contestSpeaker(
    holding: Holding,
    speaker: string,
    claim: Claimed,
    now: Instant,
  ): readonly ConflictEffect[] {
    // Why not `use`: on a node with IPVS the kernel asks its own questions in the name of any service address.
    if (this.#options.speakers === "ignore" || claim.how === "use" || claim.how === "probe") return [];
    holding.contest = { speaker, claim, at: now };
    return this.#settle(holding, now);
  }

  /** Of two claims of our own the newer wins; without news of the other's epoch it is left open for a while. */
  #settle(holding: Holding, now: Instant): readonly ConflictEffect[] {
    const { contest } = holding;
    if (contest === undefined || contest.at + this.#options.claimMemoryMs < now) return [];
    const { speaker, claim } = contest;
    const rival = this.#rivals.get(holding.address)?.get(speaker);
    if (rival === undefined) return [];
    holding.contest = undefined;
    if (this.#isNewer(rival, speaker, holding)) return this.#lose(holding, speaker, rival);
    // The other withdraws; caches that believed it are told where the address is.
    return [...this.#report(holding, speaker, claim, now), ...this.#defend(claim, now)];
  }

  #contestStranger(holding: Holding, claim: Claimed, now: Instant): readonly ConflictEffect[] {
    const { strangers, defendIntervalMs, graceMs } = this.#options;
    if (strangers === "ignore") return [];
    const reported = this.#report(holding, undefined, claim, now);
    if (strangers === "report") return reported;
    const since = holding.strangerAt === undefined ? Number.POSITIVE_INFINITY : now - holding.strangerAt;
    if (since >= defendIntervalMs) {
      holding.strangerAt = now;
      return [...reported, ...this.#defend(claim, now)];
    }
    return since < graceMs ? reported : [...reported, ...this.#quarantine(holding, claim.by, now)];
  }

  #report(
    holding: Holding,
    speaker: string | undefined,
    { address, interface: name, by }: Claimed,
    now: Instant,
  ): readonly ConflictEffect[] {
    const { reportedAt } = holding;
    if (reportedAt !== undefined && now - reportedAt < this.#options.reportIntervalMs) return [];
    holding.reportedAt = now;
    return [{ type: "conflict", address, interface: name, by, speaker }];
  }

  /** "A host MUST NOT … defend more than once within DEFEND_INTERVAL": two that both insist would never stop. */
  #defend({ address, interface: name }: Claimed, now: Instant): readonly ConflictEffect[] {
    for (const [known, at] of this.#defendedAt) {
      if (at + this.#options.defendIntervalMs > now) break;
      this.#defendedAt.delete(known);
    }
    if (this.#defendedAt.has(address)) return [];
    this.#defendedAt.set(address, now);
    return [
      { type: "tell", input: { type: "defend", address, interface: name } },
      { type: "defended", address, interface: name },
    ];
  }

  #lose(holding: Holding, to: string, epoch: Epoch): readonly ConflictEffect[] {
    const { address } = holding;
    holding.state = { name: "lost", to, epoch };
    this.#due.delete(address);
    return [tellSilence(address), { type: "lost", address, to }];
  }

  #quarantine(holding: Holding, by: MacAddress, now: Instant): readonly ConflictEffect[] {
    const { address } = holding;
    const { quarantineMs } = this.#options;
    holding.state = { name: "quarantined", by };
    holding.strangerAt = undefined;
    if (quarantineMs === "until-released") this.#due.delete(address);
    else this.#due.set(address, now + quarantineMs);
    return [tellSilence(address), { type: "quarantined", address, by }];
  }

  #release(address: IpAddress, now: Instant): readonly ConflictEffect[] {
    const holding = this.#holdings.get(address);
    if (holding?.state.name !== "quarantined") return [];
    this.#due.delete(address);
    return [{ type: "released", address }, ...this.#startProbing(holding, now)];
  }

  /** Somebody asks, so somebody else may answer, too. */
  #check(address: IpAddress, now: Instant): readonly ConflictEffect[] {
    const { checkIntervalMs, checkGapMs, strangers } = this.#options;
    const holding = this.#holdings.get(address);
    if (checkIntervalMs === "off" || strangers === "ignore" || holding?.state.name !== "announced") return [];
    if (holding.checkedAt !== undefined && now - holding.checkedAt < checkIntervalMs) return [];
    if (this.#checkedAt !== undefined && now - this.#checkedAt < checkGapMs) return [];
    holding.checkedAt = now;
    this.#checkedAt = now;
    return [{ type: "tell", input: { type: "probe", address } }];
  }

  /** What a speaker did before it was known as one was no stranger's doing. */
  #learnSpeakers(names: ReadonlyMap<MacAddress, string>, now: Instant): readonly ConflictEffect[] {
    this.#speakers = names;
    const effects: ConflictEffect[] = [];
    for (const { address, state } of this.#holdings.values()) {
      if (state.name === "quarantined" && names.has(state.by)) effects.push(...this.#release(address, now));
    }
    return effects;
  }

  #learnRival(
    address: IpAddress,
    speaker: string,
    epoch: Epoch | undefined,
    now: Instant,
  ): readonly ConflictEffect[] {
    const rivals = this.#rivals.get(address) ?? new Map<string, Epoch>();
    if (epoch === undefined) rivals.delete(speaker);
    else rivals.set(speaker, epoch);
    if (rivals.size === 0) this.#rivals.delete(address);
    else this.#rivals.set(address, rivals);
    const holding = this.#holdings.get(address);
    if (holding === undefined) return [];
    if (holding.state.name === "announced") return this.#settle(holding, now);
    // The winner has let go, and this node is still to hold it: it takes over from one of ours.
    const isFree = holding.state.name === "lost" && holding.state.to === speaker && epoch === undefined;
    return isFree ? this.#begin(holding) : [];
  }

  #isNewer(rival: Epoch, speaker: string, { epoch }: Holding): boolean {
    return rival > epoch || (rival === epoch && speaker > this.#self);
  }

  #timingOf(address: IpAddress): ProbeTiming | undefined {
    const { probes } = this.#options;
    return probes === "off" ? undefined : probes[familyOf(address)];
  }
}

function newHolding({ address, interfaces, epoch }: Announce): Holding {
  return {
    address,
    interfaces,
    epoch,
    state: { name: "announced" },
    strangerAt: undefined,
    reportedAt: undefined,
    checkedAt: undefined,
    contest: undefined,
  };
}

function tellAnnounce({ address, interfaces }: Holding): ConflictEffect {
  return { type: "tell", input: { type: "announce", address, interfaces } };
}

function tellWatch({ address, interfaces }: Holding): ConflictEffect {
  return { type: "tell", input: { type: "watch", address, interfaces } };
}

function tellSilence(address: IpAddress): ConflictEffect {
  return { type: "tell", input: { type: "withdraw", address, how: "now" } };
}
