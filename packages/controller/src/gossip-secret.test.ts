import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import { ApiError } from "@herald/k8s/api";
import { elapse } from "@herald/k8s/elapse";
import { FakeApi } from "@herald/k8s/fake";
import { deploymentsPath, objectPath, secretsPath } from "@herald/k8s/paths";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { ensureGossipSecret } from "./gossip-secret.ts";

const PATH = objectPath(secretsPath("lb"), "memberlist");
const DEPLOYMENT = objectPath(deploymentsPath("lb"), "controller");

function bench(deployment = "") {
  const clock = new VirtualClock();
  const api = new FakeApi({ clock });
  const lines: string[] = [];
  const stop = new AbortController();
  const ensure = (): Promise<void> =>
    ensureGossipSecret(
      { namespace: "lb", secret: "memberlist", deployment },
      {
        client: api,
        clock,
        random: new SeededRandom(1),
        log: createLog({ level: "info", program: "controller", write: (line) => lines.push(line) }),
        makeKey: () => "unguessable",
      },
      stop.signal,
    );
  return { clock, api, lines, stop, ensure };
}

describe("the Secret of the gossip", () => {
  it("is made when there is none, and belongs to the Deployment", async () => {
    const { api, lines, ensure } = bench("controller");
    api.put(DEPLOYMENT, { metadata: { namespace: "lb", uid: "u1" } });
    await ensure();
    const { metadata, stringData } = api.peek(PATH) as unknown as {
      metadata: { ownerReferences: object[] };
      stringData: object;
    };
    assert.deepEqual(stringData, { secretkey: "unguessable" });
    assert.deepEqual(metadata.ownerReferences, [
      { apiVersion: "apps/v1", kind: "Deployment", name: "controller", uid: "u1" },
    ]);
    assert.doesNotMatch(lines.join("\n"), /unguessable/);
  });

  it("stays as it is when there is one", async () => {
    const { api, clock, ensure } = bench();
    api.put(PATH, { metadata: { namespace: "lb" }, data: { secretkey: "b2xk" } });
    const ensured = ensure();
    await elapse(clock, 120_000);
    await ensured;
    assert.deepEqual((api.peek(PATH) as { data?: object }).data, { secretkey: "b2xk" });
  });

  it("is made when the one that was there goes with a Deployment that was replaced", async () => {
    const { api, clock, ensure } = bench();
    api.put(PATH, { metadata: { namespace: "lb" }, data: { secretkey: "b2xk" } });
    const ensured = ensure();
    await elapse(clock, 10_000);
    await api.delete(PATH);
    await elapse(clock, 60_000);
    await ensured;
    assert.deepEqual((api.peek(PATH) as { stringData?: object }).stringData, { secretkey: "unguessable" });
  });

  it("is never read", async () => {
    const { api, ensure } = bench();
    await ensure();
    assert.deepEqual(
      api.requests.map(({ method }) => method),
      ["POST"],
    );
  });

  it("is tried for until the API lets it be made", async () => {
    const { api, clock, lines, ensure } = bench();
    api.failNext(3, new ApiError(403, "Forbidden", "secrets is forbidden"));
    const made = ensure();
    await elapse(clock, 10_000);
    await made;
    assert.notEqual(api.peek(PATH), undefined);
    assert.equal(lines.filter((line) => line.includes("cannot make the Secret")).length, 3);
  });

  it("is given up when the program stops", async () => {
    const { api, clock, stop, ensure } = bench();
    api.failNext(1_000, new ApiError(0, "Unreachable", "connect ECONNREFUSED"));
    const made = ensure();
    await elapse(clock, 1_000);
    stop.abort();
    await made;
    assert.equal(api.peek(PATH), undefined);
  });
});
