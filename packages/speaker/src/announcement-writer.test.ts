import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { customPath } from "@herald/k8s/served-kinds";
import { announcementName, labelValue, SERVICE_STATUSES } from "@herald/k8s/service-status";
import { serviceKey } from "@herald/shared/service/view";
import { AnnouncementWriter } from "./announcement-writer.ts";
import { NAMESPACE, Writers } from "./testdata/writers.ts";

const service = serviceKey("shop", "web");
const { layer2, bgp } = SERVICE_STATUSES;
const OBJECTS = customPath(layer2, NAMESPACE);
const BGP_OBJECTS = customPath(bgp, NAMESPACE);
const nameOn = (node: string, isShared = false): string =>
  announcementName({ protocol: "layer2", service, node, isShared });

interface Found {
  readonly metadata: {
    readonly name: string;
    readonly labels: object;
    readonly ownerReferences?: readonly { name: string }[];
  };
  readonly status?: { readonly node: string; readonly interfaces: readonly { readonly name: string }[] };
}

describe("AnnouncementWriter", () => {
  let lab: Writers;
  beforeEach(() => {
    lab = new Writers([layer2, bgp], ["speaker-a", "speaker-b"]);
  });
  afterEach(() => lab.end());

  const start = (node: string, pod: string, protocol: "layer2" | "bgp" = "layer2"): AnnouncementWriter =>
    lab.start({ node, pod }, (ports) => new AnnouncementWriter(protocol, ports));
  const here = (names: readonly string[] = [], isShared = false) =>
    ({ type: "here", protocol: "layer2", service, names, isShared }) as const;
  const ended = (type: "gone" | "left") => ({ type, protocol: "layer2", service }) as const;
  const found = () => lab.api.peekAll<Found>(OBJECTS);
  const inShort = () =>
    found().map(({ metadata, status }) =>
      [
        metadata.ownerReferences?.[0]?.name,
        status?.node,
        ...(status?.interfaces ?? []).map((each) => each.name),
      ].join(" "),
    );
  it("writes who announces and where, labelled as MetalLB does, and not again what stands there", async () => {
    lab.serve();
    const a = start("node-a", "speaker-a");
    a.put(here(["eth0", "eth1"]));
    await lab.pass();
    assert.deepEqual(inShort(), ["speaker-a node-a eth0 eth1"]);
    assert.deepEqual(found()[0]?.metadata.labels, {
      "metallb.io/node": "node-a",
      "metallb.io/service-name": "web",
      "metallb.io/service-namespace": "shop",
    });
    assert.equal(lab.writes(), "POST PATCH");
    a.put(here(["eth0", "eth1"]));
    await lab.pass();
    assert.equal(lab.writes(), "");
    a.put(here([]));
    await lab.pass();
    assert.deepEqual(inShort(), ["speaker-a node-a"]);
    assert.equal(lab.writes(), "PATCH");
  });

  it("replaces what another node said, whose writer need do nothing", async () => {
    lab.serve();
    const [a, b] = [start("node-a", "speaker-a"), start("node-b", "speaker-b")];
    a.put(here());
    await lab.pass();
    lab.writes();
    a.put(ended("left"));
    b.put(here());
    await lab.pass();
    assert.deepEqual(inShort(), ["speaker-b node-b"]);
    assert.equal(lab.writes(), "DELETE POST PATCH");
    a.put(ended("gone"));
    await lab.pass();
    assert.deepEqual(inShort(), ["speaker-b node-b"]);
    b.put(ended("gone"));
    await lab.pass();
    assert.deepEqual(inShort(), []);
    assert.equal(lab.writes(), "DELETE");
  });

  it("takes away what was left to another node that took over nothing", async () => {
    lab.serve();
    const a = start("node-a", "speaker-a");
    for (const word of [here(), ended("left"), ended("gone")]) {
      a.put(word);
      await lab.pass();
    }
    assert.deepEqual([inShort(), lab.writes()], [[], "POST PATCH DELETE"]);
  });

  it("has an object for each node of several that announce, and each takes its own away", async () => {
    lab.serve();
    const [a, b] = [start("node-a", "speaker-a"), start("node-b", "speaker-b")];
    a.put(here());
    await lab.pass();
    a.put(here([], true));
    b.put(here([], true));
    await lab.pass();
    assert.deepEqual(inShort().sort(), ["speaker-a node-a", "speaker-b node-b"]);
    assert.deepEqual(
      found().map(({ metadata }) => metadata.name),
      [nameOn("node-a", true), nameOn("node-b", true)].sort(),
    );
    a.put(ended("left"));
    await lab.pass();
    assert.deepEqual(inShort(), ["speaker-b node-b"]);
  });

  it("writes anew what belongs to a pod that is gone", async () => {
    lab.serve();
    start("node-a", "speaker-a").put(here());
    await lab.pass();
    lab.writes();
    start("node-a", "speaker-b").put(here());
    await lab.pass();
    assert.deepEqual(inShort(), ["speaker-b node-a"]);
  });

  it("writes whom a node tells by BGP, an object for each node, and takes it away", async () => {
    lab.serve();
    const told = (peers: readonly string[]) =>
      ({ type: "here", protocol: "bgp", service, names: peers, isShared: true }) as const;
    const said = () =>
      lab.api.peekAll<Found>(BGP_OBJECTS).map(({ metadata, status }) => [metadata.name.slice(0, 4), status]);
    const [a, b] = [start("node-a", "speaker-a", "bgp"), start("node-b", "speaker-b", "bgp")];
    a.put(told(["east", "west"]));
    b.put(told(["east"]));
    await lab.pass();
    const status = (node: string, peers: readonly string[]) => [
      "bgp-",
      { node, serviceName: "web", serviceNamespace: "shop", peers },
    ];
    assert.deepEqual(said().sort(), [status("node-a", ["east", "west"]), status("node-b", ["east"])].sort());
    lab.writes();
    a.put(told(["west"]));
    await lab.pass();
    assert.equal(lab.writes(), "PATCH");
    a.put({ type: "gone", protocol: "bgp", service });
    await lab.pass();
    assert.deepEqual(said(), [status("node-b", ["east"])]);
  });

  it("takes away what it said before it was started anew and does not announce any more, and no other's", async () => {
    lab.serve();
    const [kept, lost, others] = ["kept", "lost", "others"].map((name) => serviceKey("shop", name));
    const before = start("node-a", "speaker-a");
    for (const each of [kept, lost, service]) before.put({ ...here(), service: each as typeof service });
    start("node-b", "speaker-b").put({ ...here(), service: others as typeof service });
    await lab.pass();
    before.put(here([], true)); // one of several, too
    const foreign = { "metallb.io/node": "node-a", "metallb.io/service-name": "lost" };
    lab.api.put(`${OBJECTS}/l2-abcde`, { metadata: { labels: foreign } }); // MetalLB's goes with MetalLB's pod
    await lab.pass();
    lab.writes();
    const after = start("node-a", "speaker-a");
    after.put({ ...here(), service: kept as typeof service });
    await lab.pass();
    assert.equal(lab.writes(), "");
    after.settled();
    await lab.pass();
    assert.equal(lab.writes(), "DELETE DELETE");
    assert.deepEqual(
      found()
        .map(({ metadata, status }) => (status as { serviceName?: string })?.serviceName ?? metadata.name)
        .sort(),
      ["kept", "l2-abcde", "others"],
    );
  });

  it("writes again within five minutes what somebody deleted or edited, and is idle meanwhile", async () => {
    lab.serve();
    const a = start("node-a", "speaker-a");
    const other = serviceKey("shop", "other");
    a.put(here(["eth0"]));
    a.put({ ...here(["eth1"]), service: other });
    await lab.pass();
    const before = inShort();
    await a.whenIdle();
    lab.writes();
    const at = (name: string) => `${OBJECTS}/${name}`;
    const deleted = announcementName({ protocol: "layer2", service: other, node: "node-a", isShared: false });
    const edited = nameOn("node-a");
    lab.api.remove(at(deleted));
    const stored = lab.api.peek<Found>(at(edited));
    lab.api.put(at(edited), { ...stored, status: { ...stored?.status, node: "elsewhere" } });
    await lab.pass(300_000);
    assert.deepEqual(inShort(), before);
    assert.deepEqual(lab.writes().split(" ").sort(), ["PATCH", "PATCH", "POST"]);
    await lab.pass(1_200_000);
    assert.equal(lab.writes(), "");
  });

  it("does not write again what another node has replaced, or what it took away itself", async () => {
    lab.serve();
    const [a, b] = [start("node-a", "speaker-a"), start("node-b", "speaker-b")];
    a.put(here());
    await lab.pass();
    b.put(here());
    a.put({ ...here(), service: serviceKey("shop", "passing") });
    await lab.pass();
    a.put({ ...ended("gone"), service: serviceKey("shop", "passing") });
    await lab.pass();
    lab.writes();
    await lab.pass(600_000);
    assert.deepEqual([inShort(), lab.writes()], [["speaker-b node-b"], ""]);
  });

  it("writes all again once its kind is back, without asking for each while it is gone", async () => {
    lab.serve();
    start("node-a", "speaker-a").put(here());
    await lab.pass();
    lab.writes();
    lab.api.remove(`${OBJECTS}/${nameOn("node-a")}`);
    const missing = new ApiError(404, "NotFound", "the server could not find the requested resource");
    lab.api.failNext(1, missing, ({ path }) => path.startsWith(OBJECTS));
    await lab.pass(300_000);
    assert.deepEqual([inShort(), lab.api.requests.length], [[], 1]);
    await lab.pass(300_000);
    assert.deepEqual(inShort(), ["speaker-a node-a"]);
  });

  it("leaves out what the installed definition lacks, says so once, and writes it when a newer one is there", async () => {
    lab.serve();
    const failures: string[] = [];
    const failed = (about: string) => failures.push(about);
    const a = lab.start(
      { node: "node-a", pod: "speaker-a" },
      (ports) => new AnnouncementWriter("layer2", { ...ports, failed }),
    );
    const lacks = (field: string): void => {
      const message = `failed to create typed patch object (a/b; c): .status.${field}: field not declared in schema`;
      const isPatch = ({ method }: { method: string }): boolean => method === "PATCH";
      lab.api.failNext(1, new ApiError(500, "InternalError", message), isPatch);
    };
    lacks("serviceName");
    lacks("serviceNamespace");
    a.put(here(["eth0"]));
    await lab.pass();
    const status = { node: "node-a", interfaces: [{ name: "eth0" }] };
    assert.deepEqual(found()[0]?.status, status);
    assert.equal(lab.writes(), "POST PATCH PATCH PATCH");
    assert.deepEqual(failures, ["ServiceL2Status", "ServiceL2Status"]);
    a.put(here(["eth0"]));
    await lab.pass(299_000);
    assert.equal(lab.writes(), "");
    lacks("serviceName");
    await lab.pass(301_000);
    assert.deepEqual(found()[0]?.status, { ...status, serviceNamespace: "shop" });
    await lab.pass(600_000);
    assert.deepEqual(found()[0]?.status, { ...status, serviceName: "web", serviceNamespace: "shop" });
    assert.equal(lab.writes(), "PATCH PATCH PATCH");
    assert.equal(failures.length, 2);
    await lab.pass(1_200_000);
    assert.equal(lab.writes(), "");
  });

  it("looks again for what it said before until the API server answers", async () => {
    lab.serve();
    start("node-a", "speaker-a").put(here());
    await lab.pass();
    lab.api.failNext(2, new ApiError(503, "ServiceUnavailable", "away"), ({ method }) => method === "LIST");
    start("node-a", "speaker-a").settled();
    await lab.pass(5_000);
    assert.deepEqual(inShort(), []);
  });

  it("waits without a word for a kind that is not there, and writes once it is", async () => {
    const a = start("node-a", "speaker-a");
    a.put(here());
    await a.whenIdle();
    await lab.pass(100_000);
    assert.ok(lab.api.requests.every(({ path }) => path === "/apis/metallb.io/v1beta1"));
    lab.serve();
    await lab.pass(31_000);
    assert.deepEqual(inShort(), ["speaker-a node-a"]);
  });

  it("keeps nothing of Services that went while there was no such kind", async () => {
    const a = start("node-a", "speaker-a");
    for (let life = 0; life < 3; life += 1) {
      const passing = serviceKey("shop", `passing-${life}`);
      a.put({ ...here(), service: passing });
      a.put({ ...ended("gone"), service: passing });
    }
    a.put(here());
    a.settled();
    assert.equal(a.waiting, 1);
    lab.serve();
    await lab.pass(31_000);
    assert.deepEqual(inShort(), ["speaker-a node-a"]);
    assert.equal(a.waiting, 0);
  });

  it("fits the name of every node into a label (MetalLB's does not: defect 23)", () => {
    const long = `${"node-".repeat(20)}x`;
    assert.equal(labelValue("node-a"), "node-a");
    assert.match(labelValue(long), /^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/);
    assert.notEqual(labelValue(long), labelValue(`${long}y`));
  });
});
