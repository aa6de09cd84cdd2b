import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import { hex } from "@herald/lab/hex";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { decodeBook, decodeClaimMessage, encodeBook, encodePage } from "@herald/layer2/claims/claim-codec";
import { ConflictGuard } from "@herald/layer2/conflict";
import { type ConflictOptions, DEFAULT_CONFLICT_OPTIONS } from "@herald/layer2/conflict-options";
import { Election } from "@herald/layer2/election";
import { DEFAULT_ANNOUNCER_OPTIONS } from "@herald/layer2/options";
import { loadConfig } from "@herald/shared/config/load";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import { L2_SPREAD } from "@herald/shared/service/annotations";
import type { MacAddress } from "@herald/wire/mac";
import { Registry } from "prom-client";
import type { Change } from "./kubernetes-protocol.ts";
import { createSpeakerMetrics } from "./metrics.ts";
import type { CaptureOptions } from "./packet-port.ts";
import { Planner } from "./planner.ts";
import { fit, on, service } from "./planner-fixture.ts";
import { createSpeaker, type Speaker } from "./speaker.ts";

const digest = (text: string): Uint8Array => hash("sha256", text, "buffer");
const NAMES = ["node-1", "node-2"] as const;
type Name = (typeof NAMES)[number];
const VIP = "192.0.2.10" as IpAddress;
/** Who is to own it by the hash, and the other one. */
const FIRST = new Election(digest).ownerOf(VIP, NAMES) as Name;
const SECOND = NAMES.find((name) => name !== FIRST) as Name;
const config: Change = {
  type: "config",
  config: loadConfig("address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/24]}]"),
};
const requestFor = (address: IpAddress): Uint8Array => {
  const request = hex`
    ffffffffffff 020000000009 0806
    0001 0800 06 04 0001 020000000009 c0000201 000000000000 00000000`;
  request.set(toOctets(address), request.length - 4);
  return request;
};

/** Whoever meets somebody for the first time tells of no claims, too. */
const saysSomething = (payload: Uint8Array): boolean => {
  const message = decodeClaimMessage(payload);
  return message.type === "news" && message.changes.length > 0;
};

/** Somebody unknown announces an address. */
const strangers = (address: IpAddress): Uint8Array => {
  const announcement = requestFor(address);
  announcement.set(toOctets(address), announcement.length - 14);
  return announcement;
};

/** Whether an address is asked for before it is used (RFC 5227 §2.1.1: from no address). */
const isProbe = (frame: Uint8Array): boolean =>
  frame[12] === 0x08 && frame[13] === 0x06 && frame.subarray(28, 32).every((octet) => octet === 0);

const MACS = {
  "node-1": "02:00:00:00:00:01" as MacAddress,
  "node-2": "02:00:00:00:00:02" as MacAddress,
};

/** Two speakers on one segment; how they hear of each other by gossip is for the test to say. */
class Pair {
  readonly clock = new VirtualClock();
  /** Whether the gossip carries what they say. */
  gossips = true;
  /** Whether frames get from the one to the other. */
  wired = true;
  /** Whether somebody unknown has the address, who only speaks when asked. */
  stranger = false;
  /** How often they told everybody of a claim. */
  said = 0;
  readonly #detection: ConflictOptions["detection"];
  readonly #speakers = new Map<Name, Speaker>();
  readonly #captures = new Map<Name, CaptureOptions>();
  /** Frames since it was last looked at. */
  readonly #sent = new Map<Name, number>();
  constructor(names: readonly Name[] = NAMES, detection: ConflictOptions["detection"] = "off") {
    this.#detection = detection;
    for (const name of names) this.start(name);
  }

  of(name: Name): Speaker {
    return this.#speakers.get(name) as Speaker;
  }

  apply(name: Name, ...changes: Change[]): void {
    this.of(name).apply(changes, () => {});
    this.clock.advance(5);
  }

  /** Whom a speaker takes for alive. */
  members(name: Name, others: readonly string[], foreign = false): void {
    this.#see(name, others, foreign);
    this.clock.advance(5);
  }

  /** An exchange of tables: who is alive, and what they claim. */
  meet(): void {
    for (const name of NAMES) this.#see(name, NAMES, false);
    this.exchange();
  }

  #see(name: Name, others: readonly string[], foreign: boolean): void {
    const lives = (each: Name): boolean => each === name || others.includes(each);
    const speakers = new Map(NAMES.map((each) => [each, lives(each) ? "all" : undefined] as const));
    const names = new Map(NAMES.map((each) => [MACS[each], lives(each) ? each : undefined] as const));
    this.of(name).hearPresence({ speakers, names, foreign });
    this.of(name).setMembers(new Set([name, ...others]));
  }

  hear(name: Name, frame: Uint8Array): void {
    this.#captures.get(name)?.onFrame(frame);
  }

  /** Who says that it answers. */
  claiming(): readonly Name[] {
    return NAMES.filter((name) => {
      const own = decodeBook(this.of(name).claims.userState()).find(({ speaker }) => speaker === name);
      return own?.claims.some(({ address }) => address === VIP) === true;
    });
  }

  /** Who answers when asked now. */
  answering(address = VIP): readonly Name[] {
    return NAMES.filter((name) => {
      this.#sent.set(name, 0);
      this.#captures.get(name)?.onFrame(requestFor(address));
      return this.#sent.get(name) !== 0;
    });
  }

  exchange(): void {
    const [a, b] = [this.of("node-1"), this.of("node-2")];
    a.claims.state(b.claims.userState());
    b.claims.state(a.claims.userState());
    this.clock.advance(5);
  }

  /** A crash. */
  stop(name: Name): void {
    this.of(name).stop();
    this.#captures.delete(name);
  }

  start(name: Name): void {
    const { clock } = this;
    const other = NAMES.find((each) => each !== name) as Name;
    const mac = MACS[name];
    const hear = (payload: Uint8Array): void => {
      if (this.gossips) this.#speakers.get(other)?.claims.told(payload);
    };
    const speaker = createSpeaker(
      {
        node: name,
        plan: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
        ownership: { failBackMs: 60_000, vacantMs: 1_000 },
        announcer: { ...DEFAULT_ANNOUNCER_OPTIONS, yieldMs: 5_000 },
        conflicts: { ...DEFAULT_CONFLICT_OPTIONS, detection: this.#detection },
        captures: { retryMinMs: 100, retryMaxMs: 1000 },
        excludedInterfaces: [],
      },
      {
        clock,
        wallMs: () => 1_700_000_000_000 + clock.now(),
        random: new SeededRandom(1),
        packets: {
          open: (options) => {
            this.#captures.set(name, options);
            clock.at(clock.now(), options.onOpen);
            return { send: (frame) => this.#send(name, frame), close: () => {} };
          },
        },
        groups: { join: () => "joined", leave: () => {}, leaveAll: () => {} },
        gossip: {
          broadcast: (_, payload) => {
            if (saysSomething(payload)) this.said += 1;
            clock.at(clock.now() + 1, () => hear(payload));
          },
          tell: (_, payload) => clock.at(clock.now() + 1, () => hear(payload)),
          setAckPayload: () => {},
        },
        digest,
        log: createLog({ level: "none", program: "speaker", write: () => {} }),
        metrics: createSpeakerMetrics(new Registry()),
        recordEvent: () => {},
        say: () => {},
        sayHolding: () => {},
        isStill: () => true,
        onStations: () => {},
        onCaptureLost: () => {},
        onSynced: () => {},
        onSpeakers: () => {},
      },
    );
    this.#speakers.set(name, speaker);
    const links = { up: true, broadcast: true, noArp: false, hasMaster: false, operational: true };
    speaker.setLinks([{ name: "eth0", index: 2, mac, ...links }]);
    const nodes = NAMES.map((each): Change => ({ type: "node", name: each, node: fit }));
    const web = service("web", [VIP]);
    const endpoints: Change = { type: "endpoints", key: web.key, endpoints: on(...NAMES) };
    this.members(name, []);
    this.apply(name, ...nodes, config, { type: "service", service: web }, endpoints, { type: "synced" });
  }

  /** The segment loses nothing, and asks no questions twice. */
  #send(from: Name, frame: Uint8Array): "sent" {
    this.#sent.set(from, (this.#sent.get(from) ?? 0) + 1);
    const bytes = Uint8Array.from(frame);
    if (this.stranger && isProbe(bytes))
      this.clock.at(this.clock.now(), () => this.hear(from, strangers(VIP)));
    if (!this.wired) return "sent";
    for (const to of NAMES)
      if (to !== from) this.clock.at(this.clock.now(), () => this.#captures.get(to)?.onFrame(bytes));
    return "sent";
  }
}

/** Both hold the address, each believing that it is alone; the second by hash claimed last. */
function parted(): Pair {
  const pair = new Pair();
  pair.gossips = false;
  pair.members(FIRST, []);
  pair.members(SECOND, []);
  pair.clock.advance(10_000); // whatever is repeated has been said
  return pair;
}

/** A stranger announces the address twice: once may be a mistake. */
function giveUp(pair: Pair, name: Name): void {
  for (const waitMs of [0, 1_000]) {
    pair.clock.advance(waitMs);
    pair.hear(name, strangers(VIP));
  }
}

/** These and nobody else answer, all the time. */
function expectAnswers(pair: Pair, names: readonly Name[], forMs: number, everyMs = 50): void {
  for (const until = pair.clock.now() + forMs; pair.clock.now() < until; ) {
    assert.deepEqual(pair.answering(), names);
    pair.clock.advance(everyMs);
  }
}

describe("speakers that claim", () => {
  it("leave an address to the newer claim at once when a partition heals", () => {
    const pair = parted();
    assert.deepEqual(pair.answering(), NAMES);
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, NAMES);
    pair.exchange();
    assert.equal(pair.answering().length, 1);
  });

  it("leave an address with whoever holds it, and take it back after the time of quiet", () => {
    const pair = parted();
    pair.of(FIRST).setMembers(new Set([SECOND])); // not up to it yet
    pair.clock.advance(6_000);
    pair.gossips = true;
    pair.meet();
    assert.deepEqual(pair.answering(), [SECOND]);
    pair.clock.advance(59_000);
    assert.deepEqual(pair.answering(), [SECOND]);
    pair.clock.advance(2_000);
    assert.deepEqual(pair.answering(), [FIRST]);
  });

  it("ask for an address that nobody has held, whoever held what its Service had before", () => {
    const pair = new Pair([SECOND], "defend");
    pair.members(SECOND, NAMES);
    pair.clock.advance(2_000);
    pair.apply(SECOND, drained(SECOND));
    const last = Array.from({ length: 99 }, (_, index) => `192.0.2.${100 + index}` as IpAddress);
    const other = last.find((each) => new Election(digest).ownerOf(each, NAMES) === SECOND) as IpAddress;
    pair.apply(
      SECOND,
      { type: "service", service: service("web", [other]) },
      { type: "node", name: SECOND, node: fit },
    );
    assert.deepEqual(pair.answering(other), []);
    pair.clock.advance(1_000);
    assert.deepEqual(pair.answering(other), [SECOND]);
  });

  for (const meetAfterMs of [300, 5_000]) {
    it(`leave an address to whoever answers, when one starts that meets nobody for ${meetAfterMs} ms`, () => {
      const pair = new Pair([FIRST], "defend");
      pair.clock.advance(2_000);
      pair.gossips = false;
      const { said } = pair;
      pair.start(SECOND);
      expectAnswers(pair, [FIRST], meetAfterMs);
      assert.equal(pair.said, said, "nothing is claimed");
      pair.gossips = true;
      pair.meet();
      expectAnswers(pair, [FIRST], 3_000);
    });
  }

  it("leave an address to a claim that comes in the moment in which they would begin", () => {
    const waiting = (): Pair => {
      const pair = new Pair([SECOND], "defend");
      pair.members(SECOND, NAMES);
      return pair;
    };
    const dry = waiting();
    while (dry.said === 0) dry.clock.runUntil(dry.clock.nextDue() ?? 0);
    const begins = dry.clock.now();
    const pair = waiting();
    const claims = [{ address: VIP, epoch: 1_700_000_000_500 }];
    const page = encodePage({ speaker: FIRST, life: 1_700_000_000_001, version: 1, claims });
    pair.clock.at(begins, () => pair.of(SECOND).claims.state(encodeBook([page])));
    pair.clock.advance(begins + 10);
    assert.deepEqual([pair.answering(), pair.said], [[], 0]);
  });

  /** Neither hears the other; the second is the newer one. */
  const unheard = (): Pair => {
    const pair = new Pair([FIRST], "defend");
    pair.wired = false;
    pair.gossips = false;
    pair.clock.advance(2_000);
    pair.start(SECOND);
    pair.clock.advance(2_000);
    assert.deepEqual(pair.answering(), NAMES);
    return pair;
  };
  const reunite = (pair: Pair): void => {
    pair.wired = true;
    pair.gossips = true;
    pair.meet();
  };

  it("leave an address to the one that goes on when the other had the newer claim and gave it up to a stranger", () => {
    const pair = unheard();
    giveUp(pair, SECOND);
    assert.deepEqual(pair.answering(), [FIRST]);
    reunite(pair);
    expectAnswers(pair, [FIRST], 3_000);
  });

  it("take an address from nobody while they leave it to a stranger, though that one may not own it", () => {
    const pair = unheard();
    giveUp(pair, FIRST);
    pair.apply(FIRST, drained(SECOND));
    reunite(pair);
    expectAnswers(pair, [SECOND], 3_000);
  });

  it("claim nothing that they lost, though they would have it", () => {
    const pair = parted();
    pair.gossips = true;
    pair.meet();
    pair.apply(FIRST, drained(SECOND));
    pair.apply(SECOND, drained(FIRST));
    for (let ms = 0; ms < 10_000; ms += 100) {
      pair.clock.advance(100);
      assert.deepEqual(pair.claiming(), pair.answering());
    }
  });

  it("leave an address that one gave up to a stranger alone: each in turn would have it out with that one", () => {
    const pair = new Pair(NAMES, "defend");
    pair.meet();
    pair.clock.advance(2_000);
    const [holder] = pair.answering();
    giveUp(pair, holder as Name);
    expectAnswers(pair, [], 10_000);
  });

  /** The first to hold it gave it up to a stranger. */
  const leftToStranger = (): Pair => {
    const pair = new Pair([FIRST], "defend");
    pair.clock.advance(2_000);
    pair.start(SECOND);
    pair.meet();
    assert.deepEqual(pair.answering(), [FIRST]);
    pair.stranger = true;
    giveUp(pair, FIRST);
    pair.clock.advance(1_000);
    assert.deepEqual(pair.answering(), []);
    return pair;
  };

  it("ask for an address that one left to a stranger before they take it over when that one is gone", () => {
    const pair = leftToStranger();
    pair.stop(FIRST);
    pair.members(SECOND, []);
    expectAnswers(pair, [], 2_000, 5);
  });

  it("ask for an address that one left to a stranger before they take it over from a drained node, and back", () => {
    const pair = leftToStranger();
    for (const name of NAMES) pair.apply(name, drained(FIRST));
    expectAnswers(pair, [], 2_000, 5);
    for (const name of NAMES) pair.apply(name, drained(SECOND), { type: "node", name: FIRST, node: fit });
    expectAnswers(pair, [], 2_000, 5);
  });

  it("ask for nothing that is taken over from one that answers, though it was left to a stranger before", () => {
    const pair = leftToStranger();
    pair.stranger = false;
    pair.clock.advance(61_000);
    assert.deepEqual(pair.answering(), [FIRST]);
    pair.stop(FIRST);
    pair.members(SECOND, []);
    assert.deepEqual(pair.answering(), [SECOND]);
  });

  /** A single node is left of those that an address is spread over, and sees that first. */
  const spreadOver = (pair: Pair, name: Name): void => {
    const annotations = { [L2_SPREAD]: "per-client" };
    const spread: Change = { type: "service", service: service("web", [VIP], { annotations }) };
    const other = NAMES.find((each) => each !== name) as Name;
    for (const each of [name, other]) pair.apply(each, spread, drained(other));
  };

  it("ask for an address that one left to a stranger before it is spread over another one alone", () => {
    const pair = leftToStranger();
    spreadOver(pair, SECOND);
    expectAnswers(pair, [], 2_000, 5);
  });

  it("ask for nothing that is spread over one alone, and was another's that answers", () => {
    const pair = new Pair([FIRST], "defend");
    pair.clock.advance(2_000);
    pair.start(SECOND);
    pair.meet();
    assert.deepEqual(pair.answering(), [FIRST]);
    spreadOver(pair, SECOND);
    assert.ok(pair.answering().includes(SECOND));
  });

  it("go through their Services piece by piece when a page tells of many claims", (t) => {
    const pair = new Pair();
    pair.members("node-1", ["node-2"]);
    const claimChanged = t.mock.method(Planner.prototype, "claimChanged");
    const judged = t.mock.method(ConflictGuard.prototype, "handle");
    const rivals = (): number =>
      judged.mock.calls.filter((call) => call.arguments[0].type === "rival").length;
    const claims = Array.from({ length: 200 }, (_, index) => ({
      address: `192.0.2.${index}` as IpAddress,
      epoch: 1_700_000_000_500,
    }));
    const page = encodePage({ speaker: "node-2", life: 1_700_000_000_001, version: 200, claims });
    pair.of("node-1").claims.state(encodeBook([page]));
    assert.deepEqual([claimChanged.mock.callCount(), rivals()], [0, 0]);
    pair.clock.advance(5);
    assert.equal(rivals(), 200);
    const told = claimChanged.mock.calls.map((call) => call.arguments[0]);
    assert.deepEqual(
      told,
      claims.map(({ address }) => address),
    );
  });

  it("take it back at once when asked to", () => {
    const pair = parted();
    pair.of(FIRST).setMembers(new Set([SECOND]));
    pair.clock.advance(6_000);
    pair.gossips = true;
    pair.meet();
    for (const name of NAMES) {
      pair.apply(name, { type: "node", name: FIRST, node: { ...fit, failBack: "now" } });
    }
    pair.clock.advance(10);
    assert.deepEqual(pair.answering(), [FIRST]);
  });

  it("go by the hash at once while a speaker of MetalLB is there", () => {
    const pair = parted();
    pair.of(FIRST).setMembers(new Set([SECOND]));
    pair.clock.advance(6_000);
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, [...NAMES, "metallb"], true);
    pair.exchange();
    pair.clock.advance(10);
    assert.deepEqual(pair.answering(), [FIRST]);
  });

  it("take over at once from one that is gone", () => {
    const pair = parted();
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, NAMES);
    pair.exchange();
    const [holder] = pair.answering();
    const heir = NAMES.find((name) => name !== holder) as Name;
    pair.members(heir, []);
    assert.ok(pair.answering().includes(heir));
  });

  it("wait for nobody with an address that no Service has any more", () => {
    const pair = parted();
    assert.ok(pair.answering().includes("node-1"));
    const moved = service("web", ["192.0.2.99"], { externalTrafficPolicy: "Local" });
    const elsewhere: Change = { type: "endpoints", key: moved.key, endpoints: on("node-2") };
    pair.apply("node-1", { type: "service", service: moved }, elsewhere);
    assert.ok(!pair.answering().includes("node-1"));
  });

  it("wait for no successor any more once the Service is gone", () => {
    const pair = parted();
    pair.members(SECOND, NAMES);
    pair.apply(SECOND, drained(SECOND));
    assert.ok(pair.answering().includes(SECOND), "it waits to hear who takes over");
    pair.apply(SECOND, { type: "service-gone", key: service("web", [VIP]).key });
    assert.ok(!pair.answering().includes(SECOND));
  });

  it("take an address from a drained node that claimed it while it saw nobody else", () => {
    const pair = parted();
    for (const name of NAMES) pair.apply(name, drained(SECOND));
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, NAMES);
    pair.exchange();
    pair.clock.advance(20);
    assert.deepEqual(pair.answering(), [FIRST]);
  });

  it("answer each other less and less often while each takes the other for the one to give way", () => {
    const pair = parted();
    pair.gossips = true;
    for (const name of NAMES) pair.members(name, NAMES);
    pair.exchange();
    const saidWithin = (ms: number): number => {
      const before = pair.said;
      pair.clock.advance(ms);
      return pair.said - before;
    };
    const part = (): void => {
      pair.apply(FIRST, drained(SECOND));
      pair.apply(SECOND, drained(FIRST));
    };
    part();
    assert.ok(saidWithin(60_000) < 40);
    assert.ok(saidWithin(600_000) < 100, "once a minute each claims and loses, and both is passed on once");
    pair.apply(SECOND, { type: "node", name: FIRST, node: fit }, drained(SECOND));
    saidWithin(180_000);
    assert.equal(saidWithin(60_000), 0);
    pair.apply(SECOND, { type: "node", name: SECOND, node: fit });
    part();
    assert.ok(saidWithin(10_000) >= 5, "as soon as at first");
  });
});

function drained(name: Name): Change {
  return { type: "node", name, node: { ...fit, drain: "new disk" } };
}
