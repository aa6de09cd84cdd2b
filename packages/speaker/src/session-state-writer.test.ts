import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { BGP_SESSION_STATES, type SessionStanding, sessionStateName } from "@herald/k8s/bgp-session-state";
import { customPath } from "@herald/k8s/served-kinds";
import { SessionStateWriter } from "./session-state-writer.ts";
import { NAMESPACE, Writers } from "./testdata/writers.ts";

const OBJECTS = customPath(BGP_SESSION_STATES, NAMESPACE);
const STANDING: SessionStanding = {
  address: "192.0.2.254:179",
  vrf: "default",
  bgp: "Established",
  bfd: "N/A",
  sinceMs: 0,
  error: undefined,
};
const REFUSED: Partial<SessionStanding> = {
  bgp: "Down",
  sinceMs: 1_000,
  error: { text: "refused", atMs: 2_400 },
};

interface Found {
  readonly metadata: { readonly labels: object; readonly ownerReferences: readonly { name: string }[] };
  readonly status?: Readonly<Record<string, string>>;
}

describe("SessionStateWriter", () => {
  let lab: Writers;
  beforeEach(() => {
    lab = new Writers([BGP_SESSION_STATES], ["speaker-a", "speaker-a2", "speaker-b"]);
    lab.serve();
  });
  afterEach(() => lab.end());

  const start = (node = "node-a", pod = "speaker-a"): SessionStateWriter =>
    lab.start({ node, pod }, (ports) => new SessionStateWriter(ports));
  const here = (peer: string, standing: Partial<SessionStanding> = {}) =>
    ({ type: "here", peer, standing: { ...STANDING, ...standing } }) as const;
  const found = () => lab.api.peekAll<Found>(OBJECTS);
  const pathOf = (peer: string): string => `${OBJECTS}/${sessionStateName({ node: "node-a", peer })}`;
  const inShort = () =>
    found()
      .map(({ metadata, status }) => [
        metadata.ownerReferences[0]?.name,
        ...["node", "peer", "bgpStatus", "lastError"].map((field) => status?.[field]),
      ])
      .map((words) => words.join(" ").trim())
      .sort();

  it("says all of a session, in an object that goes with the pod", async () => {
    const writer = start();
    writer.put(here("configmap/peer1"));
    await lab.pass();
    const [object] = found();
    const status = {
      ...{ node: "node-a", peer: "configmap/peer1", address: "192.0.2.254:179", vrf: "default" },
      ...{ bgpStatus: "Established", bfdStatus: "N/A", since: "1970-01-01T00:00:00Z", lastError: "" },
    };
    assert.deepEqual(object?.status, status);
    assert.deepEqual(object?.metadata.labels, { "metallb.io/node": "node-a" });
    assert.deepEqual(inShort(), ["speaker-a node-a configmap/peer1 Established"]);
    writer.put(here("configmap/peer1", REFUSED));
    await lab.pass(10_000);
    const times = { since: "1970-01-01T00:00:01Z", lastErrorTime: "1970-01-01T00:00:02Z" };
    assert.deepEqual(found()[0]?.status, { ...status, bgpStatus: "Down", lastError: "refused", ...times });
  });

  it("writes once for what comes together, and not again what is there", async () => {
    const writer = start();
    writer.put(here("tor", REFUSED));
    writer.put(here("tor"));
    await lab.pass();
    assert.equal(lab.writes(), "POST PATCH");
    writer.put(here("tor", REFUSED));
    writer.put(here("tor"));
    await lab.pass(100_000);
    assert.equal(lab.writes(), "");
    assert.deepEqual(inShort(), ["speaker-a node-a tor Established"]);
  });

  it("writes ever less often of a session that comes and goes, and in the end the last of it", async () => {
    const writer = start();
    const perMinute: number[] = [];
    for (let second = 0; second < 600; second += 1) {
      writer.put(here("tor", { sinceMs: second * 1_000, ...(second % 2 === 0 ? { bgp: "Down" } : {}) }));
      await lab.pass();
      if (second % 60 === 59) perMinute.push(lab.writes().split(" ").length);
    }
    assert.deepEqual(perMinute, [6, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    await lab.pass(60_000);
    assert.equal(lab.writes(), "PATCH");
    assert.equal(found()[0]?.status?.["since"], "1970-01-01T00:09:59Z");
    await lab.pass(600_000);
    writer.put(here("tor", REFUSED));
    await lab.pass();
    assert.equal(lab.writes(), "PATCH", "after a quiet time at once");
  });

  it("waits as long after a write that took its time and had news come meanwhile", async () => {
    const writer = start();
    lab.api.setDelay(400);
    writer.put(here("tor"));
    await lab.pass(1_500); // it is being created
    writer.put(here("tor", REFUSED));
    await lab.pass(2_300);
    assert.equal(lab.writes(), "POST PATCH");
    await lab.pass(3_000);
    assert.equal(lab.writes(), "PATCH");
  });

  it("writes again within five minutes what somebody deleted or edited, and nothing that stands there", async () => {
    const writer = start();
    for (const peer of ["east", "west"]) writer.put(here(peer));
    await lab.pass(5_000);
    writer.put(here("east", REFUSED));
    await lab.pass(5_000);
    const before = inShort();
    lab.writes();
    const [first, second] = [pathOf("east"), pathOf("west")];
    lab.api.remove(first);
    lab.api.put(second, { ...lab.api.peek<Found>(second), status: { peer: "west", bgpStatus: "Down" } });
    await lab.pass(305_000);
    assert.deepEqual(inShort(), before);
    assert.deepEqual(lab.writes().split(" ").sort(), ["PATCH", "PATCH", "POST"]);
    await lab.pass(1_200_000);
    assert.equal(lab.writes(), "");
  });

  it("takes back what it said of a peer that is none any more, and leaves others' alone", async () => {
    const [a, b] = [start(), start("node-b", "speaker-b")];
    for (const peer of ["east", "west"]) a.put(here(peer));
    b.put(here("east"));
    await lab.pass();
    a.put({ type: "gone", peer: "east" });
    await lab.pass(5_000);
    assert.deepEqual(inShort(), ["speaker-a node-a west Established", "speaker-b node-b east Established"]);
  });

  it("takes over in another pod of the node, and sweeps what its predecessor left once all is known", async () => {
    const before = start();
    for (const peer of ["east", "west"]) before.put(here(peer));
    start("node-b", "speaker-b").put(here("east"));
    await lab.pass();
    const writer = start("node-a", "speaker-a2");
    writer.put(here("west", REFUSED));
    await lab.pass();
    writer.settled();
    await lab.pass();
    assert.deepEqual(inShort(), ["speaker-a2 node-a west Down refused", "speaker-b node-b east Established"]);
  });
});

describe("SessionStateWriter without the kind, as with MetalLB's own definitions", () => {
  it("writes nothing, and all that is the case once there is the kind", async () => {
    const lab = new Writers([BGP_SESSION_STATES], ["speaker-a"]);
    lab.api.put("/apis/metallb.io/v1beta1", { resources: [] });
    const writer = lab.start({ node: "node-a", pod: "speaker-a" }, (ports) => new SessionStateWriter(ports));
    for (const peer of ["east", "west"]) writer.put({ type: "here", peer, standing: STANDING });
    writer.put({ type: "gone", peer: "east" });
    await lab.pass(60_000);
    assert.equal(lab.writes(), "");
    lab.serve();
    await lab.pass(60_000);
    assert.deepEqual(
      lab.api.peekAll<Found>(OBJECTS).map(({ status }) => status?.["peer"]),
      ["west"],
    );
    await lab.end();
  });
});
