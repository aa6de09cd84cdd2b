import type { Core, Instant, Random } from "@herald/shared/core";
import { familyOf, type IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import { Checks } from "./checks.ts";
import { WEAKEST } from "./claims/claim-messages.ts";
import {
  addedTo,
  type Claimed,
  type Holding,
  newHolding,
  type Probing,
  tellAgain,
  tellAnnounce,
  tellProbe,
  tellSilence,
  tellWatch,
} from "./conflict-holding.ts";
import {
  type ConflictEffect,
  type ConflictInput,
  type ConflictKind,
  type Epoch,
  UNCLAIMED,
} from "./conflict-messages.ts";
import type { ConflictOptions, ProbeTiming } from "./conflict-options.ts";
import { Deadlines } from "./deadlines.ts";
import { Defences } from "./defences.ts";
import { Rivals } from "./rivals.ts";

type Announce = Extract<ConflictInput, { type: "announce" }>;

/**
 * Sees to it that an address has one holder (RFC 5227, RFC 4862 §5.4): asks before it is used, and settles it
 * when another machine claims it. Stands between what this node is to hold and its announcer.
 */
export class ConflictGuard implements Core<ConflictInput, ConflictEffect> {
  readonly #self: string;
  readonly #options: ConflictOptions;
  readonly #random: Random;
  /** Bounded by what this node is to hold. */
  readonly #holdings = new Map<IpAddress, Holding>();
  /** Next probe, end of probing or of quarantine, next look at a dispute. */
  readonly #due = new Deadlines<IpAddress>();
  /** Withdrawn, and still answered for: nobody need be asked before these are announced again. */
  readonly #yielding = new Set<IpAddress>();
  readonly #checks: Checks;
  /** Outlives the holding. */
  readonly #defences: Defences;
  readonly #rivals = new Rivals();
  #speakers: ReadonlyMap<MacAddress, string> = new Map();
  /** Their names, once they are needed. */
  #known: ReadonlySet<string> | undefined;
  #foreign = false;
  #nextStart: Instant = Number.NEGATIVE_INFINITY;
  /** @param self name of this speaker, as others know it: of two claims of one epoch the greater name's is the newer. */
  constructor(self: string, options: ConflictOptions, random: Random) {
    this.#self = self;
    this.#options = options;
    this.#random = random;
    const { checkIntervalMs, checkGapMs } = options;
    this.#checks = new Checks({
      checkIntervalMs: checkIntervalMs === "off" ? Number.POSITIVE_INFINITY : checkIntervalMs,
      checkGapMs,
    });
    this.#defences = new Defences(options.defendIntervalMs);
  }

  handle(input: ConflictInput, now: Instant): readonly ConflictEffect[] {
    switch (input.type) {
      case "announce":
        return this.#announce(input, now);
      case "withdraw":
        return this.#withdraw(input.address, input.how);
      case "claim-made":
        return this.#claimMade(input.address, input.epoch);
      case "interface-added":
        return this.#probeAgain(input.interface, now);
      case "claimed":
        return this.#claimed(input, now);
      case "answered":
        return this.#check(input.address, now);
      case "yield-ended":
        this.#yielding.delete(input.address);
        return [];
      case "speakers":
        return this.#learnSpeakers(input.names, now);
      case "foreign":
        return this.#learnForeign(input.present, now);
      case "rival":
        return this.#learnRival(input.address, input.speaker, input.epoch, now);
      case "release":
        return this.#release(input.address, now);
      case "say-again":
        return [...this.#holdings.values()].flatMap(({ address, state, spread }) =>
          state.name === "announced" && spread === undefined
            ? [{ type: "tell", input: { type: "say-again", address } }]
            : [],
        );
    }
  }

  wake(now: Instant): readonly ConflictEffect[] {
    return [...this.#checks.take(now).map(tellProbe), ...this.#judge(now)];
  }

  nextWake(): Instant | undefined {
    const check = this.#checks.nextWake();
    const judgement = this.#due.earliest();
    if (check === undefined || judgement === undefined) return check ?? judgement;
    return Math.min(check, judgement);
  }

  #judge(now: Instant): readonly ConflictEffect[] {
    return this.#due.take(now).flatMap(({ key: address, due }) => {
      const holding = this.#holdings.get(address);
      switch (holding?.state.name) {
        case "probing":
          return this.#probeOn(holding, holding.state, due, now);
        case "announced":
          return this.#lookAgain(holding, now);
        default:
          return this.#release(address, now);
      }
    });
  }

  #announce(input: Announce, now: Instant): readonly ConflictEffect[] {
    const { address, interfaces, epoch, probe, spread } = input;
    const before = this.#holdings.get(address);
    const isAlone = spread === undefined;
    if (before?.state.name === "lost" && isAlone && epoch <= before.state.epoch) return [];
    const holding = before ?? newHolding(input);
    this.#holdings.set(address, holding);
    const isClaimedAnew = isAlone && epoch > holding.epoch;
    holding.interfaces = interfaces;
    holding.spread = spread;
    holding.epoch = epoch;
    const isKnownFree = this.#yielding.delete(address) || probe === "skip";
    switch (before?.state.name) {
      case "announced":
        return [tellAnnounce(holding), ...(isClaimedAnew ? [tellAgain(address)] : [])];
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
    this.#checks.forget(address);
    if (how === "now") this.#yielding.delete(address);
    else if (state === "announced") this.#yielding.add(address);
    // What is not held may still be yielding, as the announcer knows.
    const passOn = state === undefined || state === "announced";
    if (passOn) return [{ type: "tell", input: { type: "withdraw", address, how } }];
    const gone: readonly ConflictEffect[] =
      how === "yield" ? [{ type: "yielded", address, by: undefined }] : [];
    return state === "probing" ? [tellSilence(address), ...gone] : gone;
  }

  /** @param added interfaces that it begins again for. */
  #startProbing(
    holding: Holding,
    now: Instant,
    added: ReadonlySet<string> = new Set(),
  ): readonly ConflictEffect[] {
    const timing = this.#timingOf(holding.address);
    if (timing === undefined) return this.#begin(holding);
    holding.state = { name: "probing", left: timing.count, added, answered: undefined };
    const start = Math.max(now, this.#nextStart);
    this.#nextStart = start + this.#options.startGapMs;
    this.#due.set(holding.address, start + this.#random.next() * timing.waitMs);
    return [tellWatch(holding)];
  }

  /** The next probe, or the end of it: nobody objected, or none of ours that claims it. */
  #probeOn(holding: Holding, state: Probing, due: Instant, now: Instant): readonly ConflictEffect[] {
    const { address } = holding;
    const timing = this.#timingOf(address);
    if (timing === undefined) return this.#endProbing(holding, state, now);
    // Why: who wakes this late has not read what came in meanwhile, an objection perhaps. One more probe tells.
    const overslept = now - due > timing.settleMs;
    const { added } = state;
    let { left, answered } = state;
    if (left === 0 && this.#awaitsClaim(state, now)) {
      left = timing.count;
      answered = { since: answered?.since ?? now, last: undefined };
    }
    if (left === 0 && !overslept) return this.#endProbing(holding, state, now);
    const after = Math.max(0, left - 1);
    holding.state = { name: "probing", left: after, added, answered };
    const gap = timing.minMs + this.#random.next() * (timing.maxMs - timing.minMs);
    this.#due.set(address, now + (after === 0 ? timing.settleMs : gap));
    return [tellProbe(address)];
  }

  /** Whether one of ours has answered whose claim may still come: gossip may be later than the frame. */
  #awaitsClaim({ answered }: Probing, now: Instant): boolean {
    return answered?.last !== undefined && now - answered.since < this.#options.claimMemoryMs;
  }

  #endProbing(holding: Holding, { answered }: Probing, now: Instant): readonly ConflictEffect[] {
    const { address } = holding;
    const begun = this.#begin(holding);
    if (answered?.last !== undefined) this.#suspect(holding, answered.last.speaker, answered.last.claim, now);
    return [{ type: "probed", address, takenBy: undefined }, ...begun];
  }

  /** Once for each interface: one that comes and goes must not keep addresses dark. */
  #probeAgain(name: string, now: Instant): readonly ConflictEffect[] {
    const unasked = [...this.#holdings.values()].filter(
      (holding) =>
        holding.state.name === "probing" &&
        (holding.interfaces === "all" || holding.interfaces.includes(name)) &&
        !holding.state.added.has(name),
    );
    if (unasked.length > 0) this.#nextStart = now; // their places are free again
    return unasked.flatMap((holding) =>
      this.#startProbing(holding, now, new Set([...addedTo(holding), name])),
    );
  }

  #begin(holding: Holding): readonly ConflictEffect[] {
    const { address } = holding;
    holding.state = { name: "announced" };
    this.#due.delete(address);
    return [tellAnnounce(holding), { type: "announcing", address }];
  }

  #claimed(claim: Claimed, now: Instant): readonly ConflictEffect[] {
    const holding = this.#holdings.get(claim.address);
    const speaker = this.#speakers.get(claim.by);
    if (holding === undefined || speaker === this.#self) return [];
    // Why not `use`: on a node with IPVS the kernel asks its own questions in the name of any service address.
    if (speaker !== undefined && (claim.how === "use" || claim.how === "probe")) return [];
    if (speaker !== undefined && holding.spread !== undefined) return this.#shares(holding);
    switch (holding.state.name) {
      case "probing":
        return speaker === undefined
          ? this.#taken(holding, claim, now)
          : this.#heldByOurs(holding, speaker, claim, now);
      case "announced":
        return speaker === undefined
          ? [...this.#suspect(holding, speaker, claim, now), ...this.#answerStranger(holding, claim, now)]
          : this.#answerSpeaker(holding, speaker, claim, now);
      default:
        return [];
    }
  }

  /** One of ours answers for an address that is spread over several: so nobody else has it. */
  #shares(holding: Holding): readonly ConflictEffect[] {
    const { address, state } = holding;
    if (state.name !== "probing") return [];
    return [{ type: "probed", address, takenBy: undefined }, ...this.#begin(holding)];
  }

  #taken(holding: Holding, claim: Claimed, now: Instant): readonly ConflictEffect[] {
    const probed: ConflictEffect = { type: "probed", address: claim.address, takenBy: claim.by };
    if (this.#mode === "defend") {
      const reported = this.#report(holding, undefined, claim, now);
      return [probed, ...reported, ...this.#quarantine(holding, claim.by, now)];
    }
    return [probed, ...this.#begin(holding), ...this.#suspect(holding, undefined, claim, now)];
  }

  /** It is no stranger's, then: its claim decides, and who has none answers by mistake. */
  #heldByOurs(holding: Holding, speaker: string, claim: Claimed, now: Instant): readonly ConflictEffect[] {
    const { address, state } = holding;
    if (state.name !== "probing") return [];
    const rival = this.#rivals.get(address, speaker);
    if (rival !== undefined && this.#isNewer(rival, speaker, holding)) {
      return this.#lose(holding, speaker, rival);
    }
    const answered = { since: state.answered?.since ?? now, last: { claim, speaker } };
    holding.state = { ...state, answered };
    // What it claims is older: it is the one that goes.
    return rival === undefined ? [] : this.#endProbing(holding, holding.state, now);
  }

  /** Of two claims of our own the newer wins; without news of the other's epoch it is left open for a while. */
  #answerSpeaker(holding: Holding, speaker: string, claim: Claimed, now: Instant): readonly ConflictEffect[] {
    const reported = this.#suspect(holding, speaker, claim, now);
    const settled = this.#settle(holding, now);
    if (holding.state.name === "lost") return settled;
    const insists = holding.dispute?.open === true && this.#mode === "defend";
    return [...reported, ...settled, ...(insists ? this.#defend(claim, now) : [])];
  }

  #settle(holding: Holding, now: Instant): readonly ConflictEffect[] {
    const { address, dispute } = holding;
    if (dispute?.speaker === undefined || dispute.heardAt + this.#options.claimMemoryMs < now) return [];
    const { speaker, claim } = dispute;
    const rival = this.#rivals.get(address, speaker);
    if (rival === undefined) return [];
    if (this.#isNewer(rival, speaker, holding)) return this.#lose(holding, speaker, rival);
    // The other withdraws; caches that believed it are told where the address is.
    return this.#options.detection === "off" ? [] : this.#defend(claim, now);
  }

  #answerStranger(holding: Holding, claim: Claimed, now: Instant): readonly ConflictEffect[] {
    if (this.#mode !== "defend") return [];
    const { defendIntervalMs, graceMs } = this.#options;
    const since = holding.strangerAt === undefined ? Number.POSITIVE_INFINITY : now - holding.strangerAt;
    if (since >= defendIntervalMs) {
      holding.strangerAt = now;
      return this.#defend(claim, now);
    }
    return since < graceMs ? [] : this.#quarantine(holding, claim.by, now);
  }

  /**
   * Takes note of a claim. A stranger's is a conflict at once; that of a speaker, or of a machine that may be one, is
   * what this node will be told of soon, unless the other answers still when it is asked later.
   */
  #suspect(
    holding: Holding,
    speaker: string | undefined,
    claim: Claimed,
    now: Instant,
  ): readonly ConflictEffect[] {
    const { detection, recheckMs, claimMemoryMs } = this.#options;
    const before = holding.dispute;
    const asked = before?.asked ?? false;
    const isClear = speaker === undefined && !this.#foreign;
    const open = detection !== "off" && (isClear || asked || before?.open === true);
    holding.dispute = { claim, speaker, heardAt: now, open, asked, heard: true };
    if (detection === "off") return [];
    if (before === undefined || open !== before.open) {
      this.#due.set(claim.address, now + (open ? recheckMs : claimMemoryMs));
    }
    return open ? this.#report(holding, speaker, claim, now) : [];
  }

  /** Asks whoever claimed it whether he does still. If he was silent since he was asked last, it is over. */
  #lookAgain(holding: Holding, now: Instant): readonly ConflictEffect[] {
    const { address, dispute } = holding;
    if (dispute === undefined) return [];
    if (!dispute.heard) {
      holding.dispute = undefined;
      return [tellAgain(address), ...(dispute.open ? [{ type: "settled", address } as const] : [])];
    }
    const { recheckMs, claimMemoryMs } = this.#options;
    holding.dispute = { ...dispute, asked: true, heard: false };
    this.#due.set(address, now + (dispute.open ? recheckMs : claimMemoryMs));
    return [tellProbe(address)];
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
    return [
      { type: "conflict", kind: this.#kindOf(address, speaker), address, interface: name, by, speaker },
    ];
  }

  #kindOf(address: IpAddress, speaker: string | undefined): ConflictKind {
    if (speaker === undefined) return "stranger";
    return this.#rivals.get(address, speaker) === undefined ? "speaker-without-claim" : "older-claim";
  }

  #defend({ address, interface: name }: Claimed, now: Instant): readonly ConflictEffect[] {
    if (!this.#defences.take(address, now)) return [];
    return [
      { type: "tell", input: { type: "defend", address, interface: name } },
      { type: "defended", address, interface: name },
    ];
  }

  #lose(holding: Holding, to: string, epoch: Epoch): readonly ConflictEffect[] {
    const { address } = holding;
    holding.state = { name: "lost", to, epoch };
    holding.epoch = UNCLAIMED;
    holding.dispute = undefined;
    this.#due.delete(address);
    this.#checks.forget(address);
    return [tellSilence(address), { type: "lost", address, to }];
  }

  #quarantine(holding: Holding, by: MacAddress, now: Instant): readonly ConflictEffect[] {
    const { address } = holding;
    const { quarantineMs } = this.#options;
    holding.state = { name: "quarantined", by };
    holding.epoch = UNCLAIMED;
    holding.strangerAt = undefined;
    holding.dispute = undefined;
    this.#checks.forget(address);
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
    const { checkIntervalMs, detection } = this.#options;
    if (checkIntervalMs === "off" || detection === "off") return [];
    const holding = this.#holdings.get(address);
    if (holding?.state.name !== "announced" || !this.#knowsAllWhoShare(holding)) return [];
    return this.#checks.want(address, now) ? [tellProbe(address)] : [];
  }

  /** Who shares an address answers, too, when it is asked for: as a stranger, as long as its MAC is not known. */
  #knowsAllWhoShare({ spread }: Holding): boolean {
    if (spread === undefined) return true;
    const known = this.#known ?? new Set(this.#speakers.values());
    this.#known = known;
    return spread.nodes.every((node) => node === spread.self || known.has(node));
  }

  /** What a speaker did before it was known as one was no stranger's doing. */
  #learnSpeakers(names: ReadonlyMap<MacAddress, string>, now: Instant): readonly ConflictEffect[] {
    this.#speakers = names;
    this.#known = undefined;
    const mistaken = [...this.#holdings.values()].filter(
      ({ state }) => state.name === "quarantined" && names.has(state.by),
    );
    return mistaken.flatMap(({ address }) => this.#release(address, now));
  }

  /** What was given up, or is being asked for, may be a speaker's that does not say who it is. */
  #learnForeign(present: boolean, now: Instant): readonly ConflictEffect[] {
    this.#foreign = present;
    if (!present) return [];
    return [...this.#holdings.values()].flatMap((holding) => {
      if (holding.state.name === "quarantined") return this.#release(holding.address, now);
      return holding.state.name === "probing" ? this.#begin(holding) : [];
    });
  }

  #learnRival(
    address: IpAddress,
    speaker: string,
    epoch: Epoch | undefined,
    now: Instant,
  ): readonly ConflictEffect[] {
    const before = this.#rivals.get(address, speaker);
    this.#rivals.set(address, speaker, epoch);
    const holding = this.#holdings.get(address);
    switch (holding?.state.name) {
      case "announced":
        return this.#learnOfOther(holding, speaker, epoch, now);
      case "probing":
        // It has begun to answer, or is about to: so it is not for this node to begin.
        return epoch !== undefined && this.#isBeaten(holding, speaker, epoch)
          ? this.#lose(holding, speaker, epoch)
          : [];
      case "lost":
        if (holding.state.to !== speaker || epoch !== undefined) return [];
        return this.#succeed(holding, before === WEAKEST, now);
      default:
        return [];
    }
  }

  #learnOfOther(
    holding: Holding,
    speaker: string,
    epoch: Epoch | undefined,
    now: Instant,
  ): readonly ConflictEffect[] {
    if (epoch === undefined) return this.#outlive(holding, speaker);
    const settled = this.#settle(holding, now);
    if (holding.state.name !== "announced") return settled;
    const isNews = !holding.outdone.has(speaker);
    holding.outdone.add(speaker);
    // It yields, and goes as soon as it hears that this node answers.
    const mustHear = isNews && settled.length === 0 && !this.#isNewer(epoch, speaker, holding);
    return mustHear ? [tellAgain(holding.address)] : settled;
  }

  /**
   * The winner has let go, and this node is still to hold it: it takes over from one of ours, unless the next does.
   *
   * @param isLeft the winner had given it up to a stranger by then, who may have it still.
   */
  #succeed(holding: Holding, isLeft: boolean, now: Instant): readonly ConflictEffect[] {
    const next = this.#rivals.newest(holding.address);
    if (next === undefined) return isLeft ? this.#startProbing(holding, now) : this.#begin(holding);
    holding.state = { name: "lost", to: next.speaker, epoch: next.epoch };
    return [];
  }

  #isBeaten(holding: Holding, speaker: string, epoch: Epoch): boolean {
    return holding.spread === undefined && this.#isNewer(epoch, speaker, holding);
  }

  #claimMade(address: IpAddress, epoch: Epoch): readonly ConflictEffect[] {
    const holding = this.#holdings.get(address);
    if (holding !== undefined) holding.epoch = epoch;
    return [];
  }

  /** A segment that was two had two holders: whoever believed the other would send to it until his cache gives up. */
  #outlive({ address, outdone, dispute }: Holding, speaker: string): readonly ConflictEffect[] {
    const isOver = outdone.delete(speaker) || dispute?.speaker === speaker;
    return isOver ? [tellAgain(address)] : [];
  }

  #isNewer(rival: Epoch, speaker: string, { epoch }: Holding): boolean {
    return rival > epoch || (rival === epoch && speaker > this.#self);
  }

  get #mode(): ConflictOptions["detection"] {
    const { detection } = this.#options;
    return detection === "defend" && this.#foreign ? "report" : detection;
  }

  #timingOf(address: IpAddress): ProbeTiming | undefined {
    const { probes, detection } = this.#options;
    return probes === "off" || detection === "off" || this.#foreign ? undefined : probes[familyOf(address)];
  }
}
