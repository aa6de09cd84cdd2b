import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import { parseAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import type { AnnouncerInput, ClaimKind } from "./announcer.ts";
import { WEAKEST } from "./claims/claim-messages.ts";
import { ConflictGuard } from "./conflict.ts";
import {
  type ConflictEffect,
  type ConflictInput,
  type ConflictKind,
  UNCLAIMED,
} from "./conflict-messages.ts";
import {
  type ConflictOptions,
  DEFAULT_CONFLICT_OPTIONS,
  RFC_4862_PROBES,
  RFC_5227_PROBES,
} from "./conflict-options.ts";

const vip = parseAddress("192.0.2.100") as IpAddress;
const vip6 = parseAddress("2001:db8::2") as IpAddress;
const STRANGER = "02:00:00:00:00:ee" as MacAddress;
const PEER = "02:00:00:00:00:0b" as MacAddress;

const options: ConflictOptions = {
  ...DEFAULT_CONFLICT_OPTIONS,
  probes: { 4: RFC_5227_PROBES, 6: RFC_4862_PROBES },
};
const half = { next: () => 0.5 };

const announce = (change: Partial<Extract<ConflictInput, { type: "announce" }>> = {}): ConflictInput => ({
  type: "announce",
  address: vip,
  interfaces: "all",
  epoch: 5,
  probe: "first",
  ...change,
});
const held = announce({ probe: "skip" });
const unclaimed = { epoch: UNCLAIMED };
const withdraw = (how: "now" | "yield"): ConflictInput => ({ type: "withdraw", address: vip, how });
const claimed = (by: MacAddress, how: ClaimKind = "announcement"): ConflictInput => ({
  type: "claimed",
  address: vip,
  interface: "eth0",
  by,
  how,
});
const speakers: ConflictInput = { type: "speakers", names: new Map([[PEER, "node-b"]]) };
const rival = (epoch: number | undefined): ConflictInput => ({
  type: "rival",
  address: vip,
  speaker: "node-b",
  epoch,
});

const added = (name: string): ConflictInput => ({ type: "interface-added", interface: name });

const tells = (input: AnnouncerInput): ConflictEffect => ({ type: "tell", input });
const watch = tells({ type: "watch", address: vip, interfaces: "all" });
const again = tells({ type: "announce", address: vip, interfaces: "all" });
const begin: readonly ConflictEffect[] = [again, { type: "announcing", address: vip }];
const silence = tells({ type: "withdraw", address: vip, how: "now" });
const probe = tells({ type: "probe", address: vip });
const probed = (takenBy: MacAddress | undefined): ConflictEffect => ({
  type: "probed",
  address: vip,
  takenBy,
});
const conflict = (by: MacAddress, speaker?: string, kind: ConflictKind = "stranger"): ConflictEffect => ({
  type: "conflict",
  kind,
  address: vip,
  interface: "eth0",
  by,
  speaker,
});
const onceMore = tells({ type: "defend", address: vip });
const defence: readonly ConflictEffect[] = [
  tells({ type: "defend", address: vip, interface: "eth0" }),
  { type: "defended", address: vip, interface: "eth0" },
];
const quarantined = (by: MacAddress): readonly ConflictEffect[] => [
  silence,
  { type: "quarantined", address: vip, by },
];
const lost: readonly ConflictEffect[] = [silence, { type: "lost", address: vip, to: "node-b" }];
const released: ConflictEffect = { type: "released", address: vip };
const settled: ConflictEffect = { type: "settled", address: vip };

let guard: ConflictGuard;
const renew = (change: Partial<ConflictOptions> = {}): void => {
  guard = new ConflictGuard("node-a", { ...options, ...change }, half);
};
beforeEach(() => renew());
const tell = (inputs: readonly ConflictInput[], now = 0): ConflictEffect[] =>
  inputs.flatMap((input) => guard.handle(input, now));
/** Wakes the guard whenever it asks to be, up to then. */
const run = (until: number): { at: number; effects: readonly ConflictEffect[] }[] => {
  const log: { at: number; effects: readonly ConflictEffect[] }[] = [];
  for (let due = guard.nextWake(); due !== undefined && due <= until; due = guard.nextWake()) {
    log.push({ at: due, effects: guard.wake(due) });
  }
  return log;
};

describe("ConflictGuard, probing", () => {
  it("keeps RFC 5227's times and announces what nobody objects to (MetalLB defect 22)", () => {
    assert.deepEqual(tell([announce()]), [watch]);
    assert.deepEqual(run(60_000), [
      { at: 500, effects: [probe] },
      { at: 2_000, effects: [probe] },
      { at: 3_500, effects: [probe] },
      { at: 5_500, effects: [probed(undefined), ...begin] },
    ]);
  });

  it("keeps RFC 4862's times for IPv6", () => {
    tell([announce({ address: vip6 })]);
    assert.deepEqual(
      run(60_000).map(({ at, effects }) => [at, effects.length]),
      [
        [500, 1],
        [1_500, 3],
      ],
    );
  });

  it("announces at once what it takes over from a speaker of ours", () => {
    assert.deepEqual(tell([held]), begin);
    assert.equal(guard.nextWake(), undefined);
  });

  it("announces at once when probing is off", () => {
    renew({ probes: "off" });
    assert.deepEqual(tell([announce()]), begin);
  });

  it("ends probing when it hears that the address comes from a speaker of ours after all", () => {
    tell([announce()]);
    assert.deepEqual(tell([held]), begin);
    assert.deepEqual(run(60_000), []);
  });

  for (const how of ["announcement", "answer", "use", "probe"] as const) {
    it(`gives up at a stranger's ${how}, and tries again after the quarantine`, () => {
      tell([announce()]);
      run(500);
      assert.deepEqual(tell([claimed(STRANGER, how)], 510), [
        probed(STRANGER),
        conflict(STRANGER),
        ...quarantined(STRANGER),
      ]);
      assert.deepEqual(run(61_010), [
        { at: 60_510, effects: [released, watch] },
        { at: 61_010, effects: [probe] },
      ]);
    });
  }

  it("announces at once when a speaker of ours has it whose claim is older: it is the one that yields", () => {
    tell([speakers, rival(4), announce()]);
    assert.deepEqual(tell([claimed(PEER, "answer")], 510), [probed(undefined), ...begin]);
  });

  it("asks again when a speaker of ours answers of whose claim it has not heard, as long as it may yet", () => {
    renew({ probes: DEFAULT_CONFLICT_OPTIONS.probes });
    tell([speakers, announce(unclaimed)]);
    const round = (from: number): object[] => [
      { at: from, effects: [probe] },
      { at: from + 75, effects: [probe] },
      { at: from + 150, effects: [probe] },
    ];
    assert.deepEqual(run(200), round(25));
    for (let from = 475; from < 2_000; from += 450) {
      assert.deepEqual(tell([claimed(PEER, "answer")], from - 275), []);
      assert.deepEqual(run(from + 200), round(from));
    }
    assert.deepEqual(tell([claimed(PEER, "answer")], 2_030), []);
    assert.deepEqual(run(3_000), [{ at: 2_275, effects: [probed(undefined), ...begin] }]);
    assert.deepEqual(run(4_275), [{ at: 4_275, effects: [probe] }]);
    assert.deepEqual(tell([claimed(PEER, "answer")], 4_276).slice(0, 1), [
      conflict(PEER, "node-b", "speaker-without-claim"),
    ]);
  });

  it("announces what a speaker of ours answered for once that is silent", () => {
    renew({ probes: DEFAULT_CONFLICT_OPTIONS.probes });
    tell([speakers, announce(unclaimed)]);
    run(200);
    tell([claimed(PEER, "answer")], 200);
    assert.deepEqual(run(60_000).at(-1), { at: 925, effects: [probed(undefined), ...begin] });
  });

  it("leaves it to a speaker of ours that claims it in the meantime", () => {
    tell([speakers, announce(unclaimed)]);
    assert.deepEqual(tell([rival(6)], 510), lost);
    assert.deepEqual(run(60_000), []);
    assert.deepEqual(tell([rival(undefined)], 520), begin);
  });

  it("does not mind an older claim while it asks for what it claims already", () => {
    tell([speakers, announce()]);
    assert.deepEqual(tell([rival(4)], 510), []);
  });

  it("has as new a claim as it is told when it begins to announce", () => {
    tell([speakers, announce(unclaimed)]);
    run(60_000);
    tell([{ type: "claim-made", address: vip, epoch: 7 }, rival(6)], 60_000);
    assert.deepEqual(tell([claimed(PEER)], 60_001), defence);
  });

  it("leaves it to a speaker of ours whose claim is newer", () => {
    tell([speakers, rival(6), announce()]);
    assert.deepEqual(tell([claimed(PEER, "answer")], 510), lost);
    assert.deepEqual(run(60_000), []);
  });

  it("does not mind a speaker of ours that probes at the same time", () => {
    tell([speakers, announce()]);
    assert.deepEqual(tell([claimed(PEER, "probe")], 510), []);
  });

  it("begins again when an interface is added: nobody there was asked", () => {
    tell([announce()]);
    run(3_500);
    assert.deepEqual(tell([added("eth0")], 4_000), [watch]);
    assert.deepEqual(
      run(60_000).map(({ at }) => at),
      [4_500, 6_000, 7_500, 9_500],
    );
  });

  it("begins again once for each interface: one that comes and goes keeps no address dark", () => {
    tell([announce()]);
    const flapping: ConflictEffect[] = [];
    for (let now = 100; now < 6_000; now += 100) {
      flapping.push(...tell([added(now === 4_000 ? "eth1" : "eth0")], now));
      run(now);
    }
    assert.deepEqual(flapping, [watch, watch]);
    assert.equal(run(60_000).at(-1)?.at, 9_500);
  });

  it("does not begin again for an interface that the address is not announced on", () => {
    tell([announce({ interfaces: ["eth1"] })]);
    assert.deepEqual(tell([added("eth0")], 400), []);
    assert.equal(guard.nextWake(), 500);
  });

  it("gives addresses that begin again the places in time that they had", () => {
    const many = Array.from({ length: 100 }, (_, index) =>
      announce({ address: parseAddress(`192.0.2.${index}`) as IpAddress }),
    );
    tell(many);
    tell([added("eth0")], 400);
    tell([added("eth1")], 401);
    assert.equal(run(901).length, 1);
    assert.equal(run(960).flatMap(({ effects }) => effects).length, 99);
  });

  it("asks once more when it slept through the wait: an objection may lie unread", () => {
    tell([announce()]);
    run(3_500);
    assert.deepEqual(guard.wake(7_501), [probe]);
    assert.deepEqual(run(60_000), [{ at: 9_501, effects: [probed(undefined), ...begin] }]);
  });

  it("need not ask before it announces again what it is still yielding", () => {
    const giveUp = tells({ type: "withdraw", address: vip, how: "yield" });
    assert.deepEqual(tell([held, withdraw("yield"), announce()]), [...begin, giveUp, ...begin]);
    tell([withdraw("yield"), { type: "yield-ended", address: vip }]);
    assert.deepEqual(tell([announce()]), [watch]);
  });

  it("lets the announcer end at once what it yields", () =>
    assert.deepEqual(tell([held, withdraw("yield"), withdraw("now")]).at(-1), silence));

  it("ends with the wish for the address", () => {
    tell([announce()]);
    assert.deepEqual(tell([withdraw("now")]), [silence]);
    tell([announce()]);
    assert.deepEqual(tell([withdraw("yield")]), [silence, { type: "yielded", address: vip, by: undefined }]);
    assert.equal(guard.nextWake(), undefined);
  });
});

describe("ConflictGuard, against a stranger", () => {
  beforeEach(() => void tell([held]));

  it("defends once", () =>
    assert.deepEqual(tell([claimed(STRANGER)], 100), [conflict(STRANGER), ...defence]));

  it("takes what follows at once for the same claim", () => {
    tell([claimed(STRANGER)], 100);
    assert.deepEqual(tell([claimed(STRANGER, "answer"), claimed(STRANGER)], 299), []);
  });

  it("gives up at the second claim within the interval", () => {
    tell([claimed(STRANGER)], 100);
    assert.deepEqual(tell([claimed(STRANGER, "use")], 10_099), quarantined(STRANGER));
    assert.deepEqual(tell([claimed(STRANGER), held], 10_200), []);
  });

  it("defends again when the interval is over", () => {
    tell([claimed(STRANGER)], 100);
    assert.deepEqual(tell([claimed(STRANGER)], 10_100), [conflict(STRANGER), ...defence]);
  });

  it("does not defend sooner after the address was withdrawn in between", () => {
    tell([claimed(STRANGER)], 100);
    assert.deepEqual(tell([withdraw("now"), held, claimed(STRANGER)], 5_000).slice(3), [conflict(STRANGER)]);
  });

  it("says so no more than once in a second", () => {
    renew({ detection: "report", reportIntervalMs: 1_000 });
    tell([held]);
    const reports = [0, 500, 999, 1_000, 1_500, 2_100].map((at) => tell([claimed(STRANGER)], at).length);
    assert.deepEqual(reports, [1, 0, 0, 1, 0, 1]);
  });

  it("says that a conflict is over when the other is silent from one question to the next", () => {
    tell([claimed(STRANGER)], 100);
    assert.deepEqual(run(60_000), [
      { at: 5_100, effects: [probe] },
      { at: 10_100, effects: [onceMore, settled] },
    ]);
  });

  it("gives up when the other answers that question after it was defended against", () => {
    tell([claimed(STRANGER)], 100);
    assert.deepEqual(run(5_100), [{ at: 5_100, effects: [probe] }]);
    assert.deepEqual(tell([claimed(STRANGER, "answer")], 5_101), quarantined(STRANGER));
  });

  it("only says so when it is told to report, and asks on until the other is silent", () => {
    renew({ detection: "report" });
    tell([held]);
    assert.deepEqual(tell([claimed(STRANGER)], 100), [conflict(STRANGER)]);
    assert.deepEqual(run(5_100), [{ at: 5_100, effects: [probe] }]);
    assert.deepEqual(tell([claimed(STRANGER, "answer")], 5_101), []);
    assert.deepEqual(run(60_000), [
      { at: 10_100, effects: [probe] },
      { at: 15_100, effects: [onceMore, settled] },
    ]);
  });

  it("announces what somebody has already, and says so, when it is told to report", () => {
    renew({ detection: "report" });
    tell([announce()]);
    assert.deepEqual(tell([claimed(STRANGER, "answer")], 510), [
      probed(STRANGER),
      ...begin,
      conflict(STRANGER),
    ]);
  });

  it("asks nobody and says nothing when detection is off", () => {
    renew({ detection: "off" });
    assert.deepEqual(tell([announce(), claimed(STRANGER), { type: "answered", address: vip }]), begin);
    assert.deepEqual(run(60_000), []);
  });

  it("probes again when it is released", () => {
    tell([claimed(STRANGER)], 100);
    tell([claimed(STRANGER)], 400);
    assert.deepEqual(tell([{ type: "release", address: vip }], 1_000), [released, watch]);
    assert.deepEqual(run(6_500).at(-1), { at: 6_500, effects: [probed(undefined), ...begin] });
  });

  it("stays in quarantine until it is released, if that is wanted", () => {
    renew({ quarantineMs: "until-released" });
    tell([held, claimed(STRANGER)], 100);
    tell([claimed(STRANGER)], 400);
    assert.equal(guard.nextWake(), undefined);
  });

  it("releases what turns out to have been a speaker of ours", () => {
    tell([claimed(PEER)], 100);
    tell([claimed(PEER)], 400);
    assert.deepEqual(tell([speakers], 500), [released, watch]);
  });

  it("has nothing to say about an address it does not hold", () =>
    assert.deepEqual(tell([withdraw("now"), claimed(STRANGER)]), [silence]));
});

describe("ConflictGuard, against a speaker of ours", () => {
  beforeEach(() => void tell([speakers, held]));

  it("leaves the address to the newer claim at once", () => {
    tell([rival(6)]);
    assert.deepEqual(tell([claimed(PEER)], 10), lost);
    assert.deepEqual(tell([claimed(PEER), withdraw("yield")], 20), [
      { type: "yielded", address: vip, by: undefined },
    ]);
  });

  it("does not leave it for what gossip says alone: the new owner may not answer yet", () =>
    assert.deepEqual(tell([rival(6)]), []));

  it("defends against the older claim, and says nothing of it: it is being given up", () => {
    tell([rival(4)]);
    assert.deepEqual(tell([claimed(PEER)], 10), defence);
    assert.deepEqual(tell([claimed(PEER)], 1_000), []);
    assert.deepEqual(run(60_000), [
      { at: 2_010, effects: [probe] },
      { at: 4_010, effects: [onceMore] },
    ]);
  });

  it("announces once more all that it announces when it is told to, and nothing that it only asks for", () => {
    assert.deepEqual(tell([{ type: "say-again" }]), [tells({ type: "say-again", address: vip })]);
    renew();
    tell([announce()]);
    assert.deepEqual(tell([{ type: "say-again" }]), []);
  });

  it("announces once more what is claimed anew: another waits to hear it", () => {
    assert.deepEqual(tell([{ ...held, epoch: 7 } as ConflictInput]), [again, onceMore]);
    assert.deepEqual(tell([{ ...held, epoch: 7 } as ConflictInput]), [again]);
  });

  it("announces once more when an older claim that came up meanwhile is given up: some have believed it", () => {
    assert.deepEqual(tell([rival(4), rival(3)], 10), [onceMore], "it goes when it hears so");
    assert.deepEqual(tell([rival(undefined)], 10), [onceMore]);
    assert.deepEqual(tell([rival(undefined)], 20), []);
  });

  it("announces once more when whoever claimed it, too, has no claim, whatever was defended before", () => {
    tell([claimed(PEER)], 10);
    assert.deepEqual(tell([rival(undefined)], 20), [onceMore]);
  });

  it("says nothing when it takes over from an older claim that is then given up", () => {
    renew({});
    tell([speakers, rival(4), held]);
    assert.deepEqual(tell([rival(undefined)], 20), []);
  });

  it("says so when the older claim is not given up, and never goes into quarantine for it", () => {
    tell([rival(4), claimed(PEER)], 10);
    run(2_010);
    const insists = conflict(PEER, "node-b", "older-claim");
    assert.deepEqual(tell([claimed(PEER, "answer")], 2_011), [insists]);
    assert.deepEqual(tell([claimed(PEER)], 5_000), []);
    assert.deepEqual(tell([claimed(PEER)], 12_011), [insists, ...defence]);
  });

  it("says so, and defends, when a speaker answers on that claims nothing", () => {
    assert.deepEqual(tell([claimed(PEER, "answer")], 10), []);
    assert.deepEqual(run(2_010), [{ at: 2_010, effects: [probe] }]);
    const unclaimed = conflict(PEER, "node-b", "speaker-without-claim");
    assert.deepEqual(tell([claimed(PEER, "answer")], 2_011), [unclaimed, ...defence]);
    assert.deepEqual(tell([claimed(PEER, "answer")], 3_000), []);
    run(12_010);
    assert.deepEqual(tell([claimed(PEER, "answer")], 12_011), [unclaimed, ...defence]);
    assert.deepEqual(run(60_000).at(-1), { at: 17_011, effects: [onceMore, settled] });
  });

  it("says nothing when a speaker that claims nothing is silent once it is asked", () => {
    tell([claimed(PEER, "answer")], 10);
    assert.deepEqual(run(60_000), [
      { at: 2_010, effects: [probe] },
      { at: 4_010, effects: [onceMore] },
    ]);
  });

  it("says so, and does nothing, when it is told to report", () => {
    renew({ detection: "report" });
    tell([speakers, held, claimed(PEER, "answer")], 10);
    run(2_010);
    assert.deepEqual(tell([claimed(PEER, "answer")], 2_011), [
      conflict(PEER, "node-b", "speaker-without-claim"),
    ]);
  });

  it("does not mind another interface of its own node", () => {
    tell([{ type: "speakers", names: new Map([[PEER, "node-a"]]) }]);
    assert.deepEqual(tell([claimed(PEER, "answer")], 10), []);
    assert.equal(guard.nextWake(), undefined);
  });

  it("has one winner of two claims of one epoch: the greater name", () => {
    tell([rival(5)]);
    assert.deepEqual(tell([claimed(PEER)], 10), lost);
  });

  it("waits for news of the other's epoch, and no longer than they are of use", () => {
    assert.deepEqual(tell([claimed(PEER)], 10), []);
    assert.deepEqual(tell([rival(6)], 2_010), lost);
    renew();
    tell([speakers, held, claimed(PEER)], 10);
    assert.deepEqual(tell([rival(6)], 2_011), []);
  });

  it("does not mind what its kernel asks in the name of a service", () => {
    tell([rival(6)]);
    assert.deepEqual(tell([claimed(PEER, "use")], 10), []);
  });

  it("settles which of two claims is the newer also when detection is off", () => {
    renew({ detection: "off" });
    assert.deepEqual(tell([speakers, rival(6), held, claimed(PEER)]), [...begin, ...lost]);
  });

  it("takes the address back with a newer claim, and with no other", () => {
    tell([rival(6), claimed(PEER)]);
    assert.deepEqual(tell([announce({ epoch: 6, probe: "skip" })]), []);
    assert.deepEqual(tell([announce({ epoch: 7, probe: "skip" })]), begin);
  });

  it("takes the address back when the winner lets go of it", () => {
    tell([rival(6), claimed(PEER)]);
    assert.deepEqual(tell([rival(undefined)]), begin);
  });

  it("asks for the address when the winner lets go of it that had given it up to a stranger", () => {
    tell([rival(6), claimed(PEER)]);
    assert.deepEqual(tell([rival(WEAKEST)]), []);
    assert.deepEqual(tell([rival(undefined)]), [watch]);
    assert.deepEqual(
      run(60_000).map(({ effects }) => effects),
      [[probe], [probe], [probe], [probed(undefined), ...begin]],
    );
  });

  it("leaves the address to the next winner when the one that won lets go of it", () => {
    const other = (epoch: number | undefined): ConflictInput => ({
      type: "rival",
      address: vip,
      speaker: "node-c",
      epoch,
    });
    tell([rival(6), claimed(PEER), other(7)]);
    assert.deepEqual(tell([rival(undefined)]), []);
    assert.deepEqual(tell([other(undefined)]), begin);
  });
});

describe("ConflictGuard, among speakers that do not say who they are", () => {
  const foreign = (present: boolean): ConflictInput => ({ type: "foreign", present });
  beforeEach(() => void tell([foreign(true), held]));

  it("asks nobody before it announces: the other speaker answers still", () => {
    tell([withdraw("now")]);
    assert.deepEqual(tell([announce()]), begin);
  });

  it("takes a stranger for a new owner first, and reports at most", () => {
    assert.deepEqual(tell([claimed(STRANGER)], 10), []);
    assert.deepEqual(run(2_010), [{ at: 2_010, effects: [probe] }]);
    assert.deepEqual(tell([claimed(STRANGER, "answer")], 2_011), [conflict(STRANGER)]);
    assert.deepEqual(tell([claimed(STRANGER, "answer")], 2_500), []);
  });

  it("defends against a stranger once they have gone", () => {
    assert.deepEqual(tell([foreign(false), claimed(STRANGER)], 10), [conflict(STRANGER), ...defence]);
  });

  it("announces what is in quarantine, or being asked for, when one comes", () => {
    tell([foreign(false), claimed(STRANGER)], 10);
    tell([claimed(STRANGER), announce({ address: vip6 })], 300);
    const begin6 = begin.map((effect) =>
      effect.type === "tell"
        ? tells({ type: "announce", address: vip6, interfaces: "all" })
        : { ...effect, address: vip6 },
    );
    assert.deepEqual(tell([foreign(true)], 400), [released, ...begin, ...begin6]);
  });
});

describe("ConflictGuard, probing for many", () => {
  it("begins with one after the other", () => {
    const addresses = Array.from(
      { length: 100 },
      (_, index) => parseAddress(`192.0.2.${index}`) as IpAddress,
    );
    tell(addresses.map((address) => announce({ address })));
    assert.deepEqual([run(500).length, run(549).length], [1, 98]);
  });
});

describe("ConflictGuard, asked", () => {
  const answered = (address: IpAddress): ConflictInput => ({ type: "answered", address });
  beforeEach(() => void tell([held, announce({ address: vip6, probe: "skip" })]));

  it("asks in turn whether somebody else answers, too: at most once in 0.9 s, and not too seldom", () => {
    assert.deepEqual(tell([answered(vip)], 100), [probe]);
    assert.deepEqual(tell([answered(vip), answered(vip)], 200), []);
    assert.deepEqual(run(60_000), [{ at: 1_000, effects: [probe] }]);
    assert.deepEqual(tell([answered(vip)], 60_000), [probe]);
  });

  it("asks for no more addresses at a time than it may", () => {
    renew({ checkGapMs: 30 });
    tell([held, announce({ address: vip6, probe: "skip" })]);
    const probe6 = tells({ type: "probe", address: vip6 });
    assert.deepEqual(tell([answered(vip), answered(vip6)], 100), [probe]);
    assert.deepEqual(tell([answered(vip6)], 110), []);
    assert.deepEqual(run(60_000), [{ at: 120, effects: [probe6] }]);
  });

  it("asks no more for what it announces no more", () => {
    tell([answered(vip), answered(vip)], 100);
    tell([withdraw("now")], 200);
    assert.deepEqual(run(60_000), []);
  });

  it("asks nothing when that is off", () => {
    renew({ checkIntervalMs: "off" });
    assert.deepEqual(tell([held, answered(vip)]), begin);
  });
});
