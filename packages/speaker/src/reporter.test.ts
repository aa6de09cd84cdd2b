import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import type { EventRecord } from "@herald/k8s/events";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { IpAddress } from "@herald/shared/ip/address";
import { type ServiceView, serviceKey } from "@herald/shared/service/view";
import type { MacAddress } from "@herald/wire/mac";
import { Registry } from "prom-client";
import type { HoldingWord, ServiceWord } from "./kubernetes-protocol.ts";
import { createSpeakerMetrics } from "./metrics.ts";
import type { AddressNews } from "./perform-layer2.ts";
import type { Decision, WithdrawReason } from "./plan.ts";
import { Reporter, type ReporterPorts } from "./reporter.ts";

const key = serviceKey("shop", "web");
const V4 = "192.0.2.10" as IpAddress;
const V6 = "fd00::10" as IpAddress;
const STRANGER = "02:00:00:00:00:ee" as MacAddress;
const PEER = "02:00:00:00:00:0b" as MacAddress;

const wants = (...addresses: IpAddress[]): Decision => ({ type: "announce", addresses });
const withdraw = (reason: WithdrawReason, owner?: string): Decision => ({ type: "withdraw", reason, owner });
const begins = (address: IpAddress): AddressNews => ({ type: "announcing", address });
const stranger: AddressNews = {
  type: "conflict",
  kind: "stranger",
  address: V4,
  interface: "eth0",
  by: STRANGER,
  speaker: undefined,
};
const kernelOf = (by: MacAddress, speaker: string): AddressNews => ({
  type: "conflict",
  kind: "speaker-without-claim",
  address: V4,
  interface: "eth0",
  by,
  speaker,
});
const gaveUp: AddressNews = { type: "quarantined", address: V4, by: STRANGER };
const announced = 'announced from node "node-1": 192.0.2.10';

let reporter: Reporter;
let ports: ReporterPorts;
let registry: Registry;
let clock: VirtualClock;
let words: ServiceWord[];
let holdings: HoldingWord[];
let events: EventRecord[];
let lines: string[];
beforeEach(() => {
  registry = new Registry();
  clock = new VirtualClock();
  [words, holdings, events, lines] = [[], [], [], []];
  ports = {
    clock,
    log: createLog({ level: "info", program: "speaker", write: (line) => lines.push(line) }),
    metrics: createSpeakerMetrics(registry),
    recordEvent: (record) => events.push(record),
    say: (word) => words.push(word),
    sayHolding: (word) => holdings.push(word),
  };
  reporter = new Reporter("node-1", ports);
  reporter.know({ key, uid: "uid-1" } as ServiceView);
});

/** Reason and message of each word since the last time; "-": nothing any more. */
const said = () =>
  words
    .splice(0)
    .map(({ wish }) => (wish === undefined ? "-" : `${wish.status} ${wish.reason}: ${wish.message}`));
const told = () => events.splice(0).map(({ type, reason, message }) => `${type} ${reason}: ${message}`);
const logged = () => lines.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>);
const hear = (...news: AddressNews[]) => news.forEach((one) => void reporter.news(one));
const series = async (name: string) =>
  (await registry.metrics()).split("\n").filter((line) => line.startsWith(name));

describe("The object that says who announces a Service", () => {
  const here = (names: string[], isShared = false): HoldingWord => ({
    type: "here",
    protocol: "layer2",
    service: key,
    names,
    isShared,
  });

  it("is written once all addresses are announced, and anew only when the interfaces are others", () => {
    reporter.decided(key, { ...wants(V4), interfaces: ["eth0", "eth1"] } as Decision);
    assert.deepEqual(holdings.splice(0), []);
    hear(begins(V4));
    reporter.decided(key, { ...wants(V4), interfaces: ["eth0", "eth1"] } as Decision);
    assert.deepEqual(holdings.splice(0), [here(["eth0", "eth1"])]);
    reporter.decided(key, wants(V4));
    assert.deepEqual(holdings.splice(0), [here([])]);
  });

  it("is left to the node that takes over, and goes where none does", () => {
    const ends: Decision = { type: "withdraw", reason: "noInterface", owner: undefined };
    for (const [owner, type] of [
      ["node-2", "left"],
      [undefined, "gone"],
    ] as const) {
      reporter.decided(key, wants(V4));
      hear(begins(V4));
      reporter.decided(key, { ...ends, owner });
      reporter.decided(key, ends);
      assert.deepEqual(holdings.splice(0), [here([]), { type, protocol: "layer2", service: key }]);
    }
  });

  it("goes where the node that takes its address over serves others that share it", () => {
    const forOthers = { ...withdraw("notOwner", "node-2"), forOthers: true } as Decision;
    const ends = (type: "gone" | "left"): HoldingWord => ({ type, protocol: "layer2", service: key });
    for (const [news, type] of [
      [[], []],
      [[{ type: "lost", address: V4, to: "node-2" }], [ends("left")]],
    ] as const) {
      reporter.decided(key, wants(V4));
      hear(begins(V4), ...news);
      for (let round = 0; round < 2; round += 1) reporter.decided(key, forOthers);
      assert.deepEqual(holdings.splice(0), [here([]), ...type, ends("gone")]);
    }
    reporter.decided(key, wants(V4));
    hear(begins(V4), { type: "lost", address: V4, to: "node-2" });
    reporter.decided(key, withdraw("notOwner", "node-2"));
    reporter.decided(key, forOthers);
    assert.deepEqual(holdings.splice(0), [here([]), ends("left")]);
  });

  it("goes while an address is given up to another machine", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4), gaveUp);
    assert.deepEqual(holdings.splice(0), [here([]), { type: "gone", protocol: "layer2", service: key }]);
  });
});

describe("The status of a Service", () => {
  it("says that it is asked for, a little later, and at once that it is announced", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    assert.deepEqual(words, [
      {
        service: key,
        uid: "uid-1",
        wish: {
          status: "False",
          reason: "Probing",
          message: "the segment is asked whether somebody has 192.0.2.10 already",
        },
        holdMs: 1_000,
      },
      {
        service: key,
        uid: "uid-1",
        wish: { status: "True", reason: "Announced", message: announced },
        holdMs: 0,
      },
    ]);
  });

  it("says a thing once, however often it is decided or heard", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    reporter.decided(key, wants(V4));
    hear(begins(V4), stranger, stranger, { type: "defended", address: V4, interface: "eth0" });
    assert.deepEqual(said().length, 3);
  });

  it("is True once all addresses are announced", () => {
    reporter.decided(key, wants(V4, V6));
    hear(begins(V4));
    assert.match(said().at(-1) ?? "", /^False Probing: .* has fd00::10 already$/);
    hear(begins(V6));
    assert.deepEqual(said(), ['True Announced: announced from node "node-1": 192.0.2.10, fd00::10']);
  });

  it("says who has the address, too, and when that is over", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4), stranger);
    assert.equal(
      said().at(-1),
      "False AddressConflict: another machine, 02:00:00:00:00:ee on eth0, answers for 192.0.2.10, too: find that machine and give it another address, or take this one out of the pools",
    );
    hear({ type: "settled", address: V4 });
    assert.deepEqual(said(), [`True Announced: ${announced}`]);
  });

  it("says that the address was given up, and nothing new while it is asked for again", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4), stranger, gaveUp);
    assert.match(
      said().at(-1) ?? "",
      /^False AddressQuarantined: 192\.0\.2\.10 is given up until another machine/,
    );
    for (let round = 0; round < 3; round += 1) {
      hear(
        { type: "released", address: V4 },
        { type: "probed", address: V4, takenBy: STRANGER },
        stranger,
        gaveUp,
      );
    }
    assert.deepEqual(said(), []);
    hear({ type: "released", address: V4 }, { type: "probed", address: V4, takenBy: undefined }, begins(V4));
    assert.deepEqual(said(), [`True Announced: ${announced}`]);
  });

  it("does not change with every node whose kernel answers, too", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4), kernelOf(PEER, "node-2"));
    assert.equal(
      said().at(-1),
      'False AddressConflict: node "node-2", 02:00:00:00:00:0b on eth0, answers for 192.0.2.10 although its speaker does not announce it: with kube-proxy in IPVS mode set strictARP: true in its configuration, else remove the address from the interfaces of that node',
    );
    hear(kernelOf(STRANGER, "node-3"), kernelOf(PEER, "node-2"), kernelOf(STRANGER, "node-3"));
    assert.deepEqual(said(), []);
  });

  it("is left to the node that takes over, also what is not written yet", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    said();
    reporter.decided(key, withdraw("notOwner", "node-2"));
    assert.deepEqual(said(), ["-"]);
  });

  it("is left to a newer claim", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4), { type: "lost", address: V4, to: "node-2" });
    assert.equal(said().at(-1), "-");
    assert.equal(logged().at(-1)?.["msg"], "left to a newer claim");
  });

  it("is no word's worth when it is another's before it was announced", () => {
    reporter.decided(key, wants(V4));
    said();
    hear({ type: "lost", address: V4, to: "node-2" });
    assert.deepEqual([said(), logged()], [[], []]);
  });

  it("is left to whoever says for all why nobody announces it", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    said();
    reporter.decided(key, withdraw("noEndpoints"));
    assert.deepEqual(said(), ["-"]);
    reporter.decided(key, withdraw("noEndpoints"));
    assert.deepEqual(said(), []);
  });

  it("says why nobody announces it where that is said here, once, and not what is written", () => {
    const wish = { status: "False", reason: "NoEndpoints", message: "no pods" } as const;
    const noPods = "False NoEndpoints: no pods";
    reporter.decided(key, withdraw("noEndpoints"), { wish, isWritten: true });
    assert.deepEqual(said(), []);
    reporter.decided(key, withdraw("noEndpoints"), { wish, isWritten: false });
    reporter.decided(key, withdraw("noEndpoints"), { wish, isWritten: false });
    reporter.decided(key, withdraw("noEndpoints"), {
      wish: { ...wish, message: "no Service" },
      isWritten: false,
    });
    assert.deepEqual(said(), [noPods, "False NoEndpoints: no Service"]);
    reporter.decided(key, withdraw("notOwner", "node-2"));
    reporter.decided(key, withdraw("notOwner", "node-2"));
    assert.deepEqual(said(), ["-"]);
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    said();
    reporter.decided(key, withdraw("noEndpoints"), { wish, isWritten: true });
    assert.deepEqual(said(), [noPods], "what is written may be on its way still");
  });

  /** Somebody has written that. */
  const finds = (status: string, reason: string, message: string, since = ""): void =>
    reporter.know({ key, uid: "uid-1", announced: { status, reason, message, since } } as ServiceView);
  const held = () => words.splice(0).map(({ wish, holdMs }) => `${wish?.reason ?? "-"} ${holdMs}`);

  it("says again that it is announced when somebody who was behind writes over that", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    held();
    finds("True", "Announced", announced);
    assert.deepEqual(held(), []);
    finds("False", "NoEndpoints", "no pods");
    for (const since of ["a", "b"]) finds("False", "AddressQuarantined", "another machine", since);
    assert.deepEqual(held(), ["Announced 1000"], "and once");
    clock.advance(1_000);
    finds("False", "AddressQuarantined", "another machine", "c");
    clock.advance(2_000);
    finds("False", "AddressQuarantined", "another machine", "c");
    assert.deepEqual(held(), ["Announced 2000"], "what was there before may be read while it is on its way");
    finds("True", "Announced", announced);
    finds("True", "Announced", 'announced from node "node-2": 192.0.2.10');
    assert.deepEqual(held(), ["Announced 30000"], "as a rule that one takes over");
    reporter.decided(key, withdraw("notOwner", "node-2"));
    assert.deepEqual(held(), ["- 1000"]);
    finds("True", "Announced", 'announced from node "node-3": 192.0.2.10');
    assert.deepEqual(held(), []);
  });

  it("is not written over by one that leaves all to others", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    held();
    reporter.leaving();
    finds("False", "AddressQuarantined", "another machine");
    assert.deepEqual(held(), []);
  });

  it("says again that nobody announces it when somebody who did is gone without a word", () => {
    const nobody = { wish: { status: "False", reason: "NoEndpoints", message: "no pods" } } as const;
    const elsewhere = ["True", "Announced", 'announced from node "node-2": 192.0.2.10'] as const;
    finds(...elsewhere, "08:00:00");
    reporter.decided(key, withdraw("noEndpoints"), { ...nobody, isWritten: false });
    finds(...elsewhere, "08:00:00");
    reporter.decided(key, withdraw("noEndpoints"), { ...nobody, isWritten: false });
    assert.deepEqual(held(), ["NoEndpoints 2000"], "it is on its way");
    finds(...elsewhere, "08:00:09");
    reporter.decided(key, withdraw("noEndpoints"), { ...nobody, isWritten: false });
    assert.deepEqual(held(), ["NoEndpoints 2000"]);
    reporter.decided(key, wants(V4));
    assert.deepEqual(held(), ["Probing 1000"]);
  });

  it("and the object are said again where an address is claimed once more: the last claim may have been told", () => {
    reporter.decided(key, wants(V4));
    reporter.insisted(V4);
    hear(begins(V4));
    for (const list of [words, holdings]) list.splice(0);
    reporter.insisted(V4);
    assert.deepEqual(
      [held(), holdings],
      [["Announced 1000"], [{ type: "here", protocol: "layer2", service: key, names: [], isShared: false }]],
    );
    hear(stranger);
    held();
    reporter.insisted(V4);
    assert.deepEqual(held(), []);
  });

  it("is said again by the first of several that announce it when one of them goes, and never else what is so", () => {
    const over = (self: string, ...nodes: string[]): Decision =>
      ({ type: "announce", addresses: [V4], spread: { self, nodes } }) as Decision;
    for (const [self, expected] of [
      ["node-1", ["Announced 2000"]],
      ["node-2", []],
    ] as const) {
      reporter = new Reporter(self, ports);
      reporter.decided(key, over(self, "node-1", "node-2", "node-3"));
      hear(begins(V4));
      held();
      finds("False", "AddressQuarantined", "one of them gave it up");
      reporter.decided(key, over(self, "node-1", "node-2", "node-3", "node-4"));
      assert.deepEqual(held(), []);
      reporter.decided(key, over(self, "node-1", "node-2", "node-4"));
      assert.deepEqual(held(), expected);
      reporter.decided(key, over(self, "node-1", "node-2", "node-4"));
      assert.deepEqual(held(), []);
      reporter.decided(key, withdraw("noEndpoints"));
      held();
    }
  });

  it("says that it is not Herald's any more when it announced it last", () => {
    for (const [reason, why] of [
      ["serviceDeleted", "NotLoadBalancer"],
      ["otherLoadBalancerClass", "OtherLoadBalancerClass"],
    ] as const) {
      reporter.decided(key, wants(V4));
      hear(begins(V4));
      said();
      reporter.decided(key, withdraw(reason));
      assert.match(
        said().join(),
        new RegExp(`^False ${why}: not announced any more, at last from node "node-1"`),
      );
    }
  });

  it("says that the speaker was stopped only if no other is heard, and over its own words alone", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    words.splice(0);
    reporter.left(V4, false);
    assert.deepEqual(words.splice(0), [
      {
        service: key,
        uid: "uid-1",
        wish: {
          status: "False",
          reason: "SpeakerStopped",
          message: 'the speaker of node "node-1" was stopped, and no other took over',
          over: announced,
        },
        holdMs: 0,
      },
    ]);
    reporter.left(V4, true);
    assert.deepEqual(said(), ["-"]);
  });

  it("stays that an address is given up where the speaker is stopped, so that who is next tells how that goes on", () => {
    reporter.decided(key, wants(V4, V6));
    hear(begins(V4), begins(V6), stranger, gaveUp);
    const { status, reason, message } = words.at(-1)?.wish ?? {};
    for (const list of [words, events]) list.splice(0);
    for (const address of [V4, V6]) reporter.left(address, false);
    assert.deepEqual(said(), []);
    const next = new Reporter("node-2", ports);
    next.know({ key, uid: "uid-1", announced: { status, reason, message } } as ServiceView);
    next.decided(key, wants(V4));
    for (const news of [stranger, gaveUp]) next.news(news);
    assert.deepEqual(told(), []);
    next.news(begins(V4));
    assert.deepEqual(
      told().map((line) => line.split(":")[0]),
      ["Normal addressReleased", "Normal nodeAssigned"],
    );
  });

  it("names no node when several announce it, and leaves it to the others when this one stops", () => {
    const spread = { self: "node-1", nodes: ["node-1", "node-2"] };
    reporter.decided(key, { type: "announce", addresses: [V4], spread } as Decision);
    hear(begins(V4));
    assert.equal(
      said().at(-1),
      "True Announced: announced from several nodes, each for its share of the clients: 192.0.2.10",
    );
    reporter.decided(key, withdraw("nodeDrained"));
    assert.deepEqual(said(), ["-"]);
  });
});

describe("A Service that was deleted and made anew between two looks", () => {
  const remade = { key, uid: "uid-2" } as ServiceView;
  const seen =
    'metallb_speaker_announced{service="shop/web",protocol="layer2",node="node-1",ip="192.0.2.10"} 1';
  beforeEach(() => {
    reporter.decided(key, wants(V4));
    hear(begins(V4));
    for (const list of [words, holdings, events, lines]) list.splice(0);
    reporter.know(remade);
  });

  it("is told of once, as the first one was; the object that says who announces it stands", async () => {
    for (let round = 0; round < 2; round += 1) {
      reporter.know(remade);
      reporter.decided(key, wants(V4));
    }
    const wish = { status: "True", reason: "Announced", message: announced };
    assert.deepEqual(words, [{ service: key, uid: "uid-2", wish, holdMs: 0 }]);
    assert.deepEqual(
      events.map(({ reason, regarding }) => [reason, regarding.uid]),
      [["nodeAssigned", "uid-2"]],
    );
    assert.deepEqual(holdings, []);
    assert.deepEqual(await series("metallb_speaker_announced"), [seen]);
  });

  it("leaves no series of the address that the first one had", async () => {
    reporter.decided(key, wants(V6));
    hear(begins(V6));
    assert.deepEqual(await series("metallb_speaker_announced"), [seen.replace(V4, V6)]);
  });

  it("is told that it is not spread", () => {
    const alone = { ...wants(V4), notSpread: "spreadForeign" } as Decision;
    reporter.decided(key, alone);
    events.splice(0);
    reporter.know({ ...remade, uid: "uid-3" });
    reporter.decided(key, alone);
    assert.deepEqual(
      events.map(({ reason, regarding }) => [reason, regarding.uid]),
      [
        ["spreadForeign", "uid-3"],
        ["nodeAssigned", "uid-3"],
      ],
    );
  });

  it("is told why nobody announces it, although that is what the first one was told", () => {
    const wish = { status: "False", reason: "NoEndpoints", message: "no pods" } as const;
    reporter.decided(key, withdraw("noEndpoints"), { wish, isWritten: false });
    words.splice(0);
    reporter.know({ ...remade, uid: "uid-3" });
    reporter.decided(key, withdraw("noEndpoints"), { wish, isWritten: false });
    assert.deepEqual(words, [{ service: key, uid: "uid-3", wish, holdMs: 2_000 }]);
  });

  it("is told nothing when it was never Herald's", () => {
    reporter.decided(key, withdraw("otherLoadBalancerClass"));
    assert.deepEqual(words, []);
  });
});

describe("Why a Service is not announced from here", () => {
  let debug: string[];
  let all: Reporter;
  beforeEach(() => {
    debug = [];
    all = new Reporter("node-1", {
      clock,
      log: createLog({ level: "all", program: "speaker", write: (line) => debug.push(line) }),
      metrics: createSpeakerMetrics(new Registry()),
      recordEvent: () => {},
      say: () => {},
      sayHolding: () => {},
    });
    all.know({ key, uid: "uid-1" } as ServiceView);
  });
  const decide = (...decisions: readonly Decision[]) => {
    for (const each of decisions) all.decided(key, each);
    const lines = debug.splice(0).map((line) => JSON.parse(line) as Record<string, unknown>);
    return lines.map(({ msg, reason }) => `${msg} ${reason}`);
  };

  it("is logged once, and again after it was announced", () => {
    const [noPods, news] = [withdraw("noEndpoints"), "not announced noEndpoints"];
    assert.deepEqual(decide(noPods, noPods), [news]);
    assert.deepEqual(decide(wants(V4), noPods, noPods, noPods), ["withdrawn noEndpoints", news]);
  });

  it("is logged again of a Service of the same name, announced or not when the first one went", () => {
    const [noAddress, gone] = [withdraw("noIPAllocated"), withdraw("serviceDeleted")];
    const news = "not announced noIPAllocated";
    for (let life = 0; life < 2; life += 1) {
      assert.deepEqual(decide(noAddress, wants(V4), gone), [news, "withdrawn serviceDeleted"]);
      assert.deepEqual(decide(noAddress, gone), [news, "not announced serviceDeleted"]);
    }
    const heard = ["uid-1", "uid-1", "uid-2"].map((uid) => {
      all.know({ key, uid } as ServiceView);
      return decide(noAddress);
    });
    assert.deepEqual(heard, [[news], [], [news]]);
  });
});

describe("Events and the log", () => {
  it("tell a conflict, that the address was given up, and its end, each once", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4), stranger, stranger, gaveUp, { type: "released", address: V4 }, stranger, gaveUp);
    hear({ type: "released", address: V4 }, begins(V4));
    assert.deepEqual(
      told().map((line) => line.split(":")[0]),
      [
        "Normal nodeAssigned",
        "Warning addressConflict",
        "Warning addressQuarantined",
        "Normal addressReleased",
        "Normal nodeAssigned",
      ],
    );
  });

  it("tell of nothing that another node told of the same machine, which one after the other is told not to use", () => {
    reporter.decided(key, wants(V4));
    hear(stranger, gaveUp);
    const { status, reason, message } = words.at(-1)?.wish ?? {};
    told();
    const seen = (about: string | undefined): string[] => {
      const next = new Reporter("node-2", { ...ports, say: () => {} });
      next.know({ key, uid: "uid-1", announced: { status, reason, message: about } } as ServiceView);
      next.decided(key, wants(V4));
      for (const news of [stranger, gaveUp]) next.news(news);
      next.news(begins(V4));
      return told().map((line) => line.split(":")[0] ?? "");
    };
    const over = ["Normal addressReleased", "Normal nodeAssigned"];
    assert.deepEqual(seen(message), over);
    assert.deepEqual(seen(`192.0.2.99 is in trouble; ${message}`), over);
    const warnings = ["Warning addressConflict", "Warning addressQuarantined"];
    assert.deepEqual(seen(message?.replace(STRANGER, PEER)), [...warnings, ...over]);
  });

  it("tell that an address is free that another node gave up, also when that is gone by the time this one asks", () => {
    reporter.decided(key, wants(V4));
    hear(stranger, gaveUp);
    const { status, reason, message } = words.at(-1)?.wish ?? {};
    const free = ["Normal addressReleased", "Normal nodeAssigned"];
    const quarantined = { status, reason, message };
    const about = (...before: (object | undefined)[]): readonly string[] => {
      told();
      const next = new Reporter("node-2", { ...ports, say: () => {} });
      for (const announced of before) next.know({ key, uid: "uid-1", announced } as ServiceView);
      next.decided(key, wants(V4));
      next.news(begins(V4));
      return told().map((line) => line.split(":")[0] ?? "");
    };
    assert.deepEqual(about(quarantined), free);
    assert.deepEqual(about(quarantined, undefined), free);
    assert.deepEqual(about(quarantined, { status: "False", reason: "Probing", message: "" }), free);
    const assigned = ["Normal nodeAssigned"];
    assert.deepEqual(about(), assigned);
    assert.deepEqual(about({ ...quarantined, message: message?.replace(V4, `${V4}0`) }), assigned);
    assert.deepEqual(about(quarantined, { status: "True", reason: "Announced", message: "" }), assigned);
    assert.deepEqual(about(quarantined, { status: "False", reason: "NoEndpoints", message: "" }), assigned);
  });

  it("name the machine, the interface, the Services and what to do", () => {
    reporter.decided(key, wants(V4));
    hear(begins(V4), kernelOf(PEER, "node-2"));
    const { level, msg, address, kind, mac, node, services, advice, ...where } = logged().at(-1) ?? {};
    assert.deepEqual(
      { level, msg, address, kind, mac, node, services, interface: where["interface"] },
      {
        level: "warn",
        msg: "another machine has an address of ours",
        address: V4,
        kind: "speaker-without-claim",
        mac: PEER,
        node: "node-2",
        services: [key],
        interface: "eth0",
      },
    );
    assert.match(String(advice), /strictARP: true/);
  });

  it("do not call a Service announced that is not: its address is another machine's", async () => {
    reporter.decided(key, wants(V4));
    hear({ type: "probed", address: V4, takenBy: STRANGER }, stranger, gaveUp);
    assert.deepEqual(
      told().map((line) => line.split(":")[0]),
      ["Warning addressConflict", "Warning addressQuarantined"],
    );
    assert.deepEqual(await series("metallb_speaker_announced"), []);
    assert.deepEqual(await series("herald_speaker_announced_addresses"), [
      'herald_speaker_announced_addresses{protocol="layer2"} 0',
    ]);
  });

  it("are counted: probes by outcome, conflicts by kind, and what is given up now", async () => {
    reporter.decided(key, wants(V4));
    hear({ type: "probed", address: V4, takenBy: STRANGER }, stranger, gaveUp);
    const counts = await Promise.all(
      ["herald_speaker_probes_total", "herald_speaker_conflicts_total", "herald_speaker_quarantined"].map(
        series,
      ),
    );
    assert.deepEqual(counts.flat(), [
      'herald_speaker_probes_total{outcome="free"} 0',
      'herald_speaker_probes_total{outcome="taken"} 1',
      'herald_speaker_conflicts_total{kind="stranger"} 1',
      'herald_speaker_conflicts_total{kind="speaker-without-claim"} 0',
      'herald_speaker_conflicts_total{kind="older-claim"} 0',
      "herald_speaker_quarantined_addresses 1",
    ]);
    reporter.decided(key, withdraw("noEndpoints"));
    assert.deepEqual(await series("herald_speaker_quarantined"), ["herald_speaker_quarantined_addresses 0"]);
  });
});
