import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { BGP_SESSION_STATES, sessionStateName } from "@herald/k8s/bgp-session-state";
import { elapse } from "@herald/k8s/elapse";
import { FakeApi } from "@herald/k8s/fake";
import { metallbPath, objectPath } from "@herald/k8s/paths";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { PeerSummaries } from "./peer-summaries.ts";

const NAMESPACE = "metallb-system";
const STATES = metallbPath(BGP_SESSION_STATES.plural, NAMESPACE);
const peerPath = (name: string) => objectPath(metallbPath("bgppeers", NAMESPACE, "v1beta2"), name);

describe("what a BGPPeer says of its sessions", () => {
  let api: FakeApi;
  let clock: VirtualClock;
  let stop: AbortController;
  let running: Promise<void>;
  let leads: boolean;
  let unready: ReadonlySet<string>;
  let summaries: PeerSummaries;
  beforeEach(() => {
    clock = new VirtualClock();
    api = new FakeApi({ clock });
    stop = new AbortController();
    leads = true;
    unready = new Set();
    summaries = new PeerSummaries({
      client: api,
      clock,
      random: new SeededRandom(1),
      namespace: NAMESPACE,
      unready: () => unready,
      mayWrite: () => leads,
      notice: () => {},
      retried: () => {},
    });
    for (const name of ["tor", "lonely"]) {
      api.put(peerPath(name), { metadata: { namespace: NAMESPACE, name }, spec: {} });
    }
    running = summaries.run(stop.signal, new AbortController().signal);
  });
  afterEach(async () => {
    stop.abort();
    await running;
  });

  const state = (node: string, peer: string, bgpStatus: string, lastError = "", since = ""): void => {
    const name = sessionStateName({ node, peer });
    const status = { node, peer, bgpStatus, lastError, since };
    api.put(objectPath(STATES, name), { metadata: { namespace: NAMESPACE, name }, status });
  };
  const says = (name: string) => api.peek<{ status?: object }>(peerPath(name))?.status;
  const writes = () => api.requests.splice(0).filter(({ method }) => method === "PATCH").length;
  const pass = (ms = 10_000): Promise<void> => elapse(clock, ms);

  it("is how many nodes have one, and what is the matter with the others", async () => {
    state("iris1", "tor", "Established", "closed");
    state("iris3", "tor", "Down");
    state("iris2", "tor", "Down", "the peer says: bad peer AS");
    state("iris1", "configmap/peer1", "Down");
    await pass();
    assert.deepEqual(says("tor"), {
      sessions: 3,
      established: 1,
      summary: "1/3 established",
      troubles: ["iris2: the peer says: bad peer AS", "iris3: no answer yet"],
    });
    assert.deepEqual(says("lonely"), undefined);
    assert.equal(writes(), 1);
  });

  it("counts no session of a node that is not ready, whatever it said last, until it is", async () => {
    for (const node of ["iris1", "iris2"]) state(node, "tor", "Established", "closed");
    state("iris3", "tor", "Down", "closed");
    state("iris4", "tor", "Down");
    await pass();
    unready = new Set(["iris2", "iris3", "iris4", "other"]);
    summaries.changed();
    await pass();
    assert.deepEqual(says("tor"), {
      sessions: 4,
      established: 1,
      summary: "1/4 established",
      troubles: [
        "iris2: the node is not ready; its last word was Established",
        "iris3: the node is not ready; its last word was closed",
        "iris4: the node is not ready; its last word was no answer yet",
      ],
    });
    unready = new Set();
    summaries.changed();
    await pass();
    assert.deepEqual((says("tor") as { summary: string }).summary, "2/4 established");
  });

  it("is at most ten nodes by name, and none once nobody is to have a session", async () => {
    for (let node = 10; node < 25; node += 1) state(`iris${node}`, "tor", "Down", "closed");
    await pass();
    const { troubles } = says("tor") as { troubles: readonly string[] };
    assert.deepEqual([troubles.length, troubles[0], troubles[9]], [10, "iris10: closed", "iris19: closed"]);
    for (let node = 10; node < 25; node += 1) {
      api.remove(objectPath(STATES, sessionStateName({ node: `iris${node}`, peer: "tor" })));
    }
    await pass();
    const none = { sessions: 0, established: 0, summary: "0/0 established", troubles: [] };
    assert.deepEqual(says("tor"), none);
  });

  it("is written once in five seconds at most, and not for what it does not tell", async () => {
    for (let second = 0; second < 60; second += 1) {
      state(`iris${second}`, "tor", "Established");
      await pass(1_000);
    }
    assert.equal(writes(), 12);
    await pass();
    writes();
    for (let second = 0; second < 60; second += 1) {
      state("iris1", "tor", "Established", "closed", `${second}`);
      await pass(1_000);
    }
    assert.equal(writes(), 0);
  });

  it("is not written by who does not lead, nor again and again where the definition knows no such fields", async () => {
    leads = false;
    state("iris1", "tor", "Established");
    await pass();
    assert.equal(writes(), 0);
    leads = true;
    const refused = new ApiError(500, "InternalError", "try later");
    api.failNext(1, refused, ({ method }) => method === "PATCH");
    state("iris2", "tor", "Down");
    await pass();
    assert.equal(writes(), 2);
    assert.deepEqual((says("tor") as { summary: string }).summary, "1/2 established");
    api.put(peerPath("tor"), { metadata: { namespace: NAMESPACE, name: "tor" }, spec: {}, status: {} }); // dropped
    await pass(100_000);
    assert.equal(writes(), 1);
  });
});
