import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { BGP_SESSION_STATES } from "@herald/k8s/bgp-session-state";
import type { FakeRequest } from "@herald/k8s/fake";
import { customPath } from "@herald/k8s/served-kinds";
import { FollowedSessions } from "./followed-sessions.ts";
import type { SessionNews } from "./session-news.ts";
import { NAMESPACE, Writers } from "./testdata/writers.ts";

const OBJECTS = customPath(BGP_SESSION_STATES, NAMESPACE);
const MINUTES = 60_000;

describe("the sessions of all nodes, as one speaker follows them,", () => {
  let lab: Writers;
  let told: string[];
  beforeEach(() => {
    lab = new Writers([BGP_SESSION_STATES], []);
    told = [];
  });
  afterEach(() => lab.end());

  const start = (): FollowedSessions =>
    lab.start(
      { node: "iris1", pod: "" },
      (ports) =>
        new FollowedSessions({ ...ports, notice: () => {}, tell: (news) => told.push(inShort(news)) }),
    );
  const put = (node: string, peer: string, lastError: string, bgpStatus = "Down"): void => {
    const status = { node, peer, bgpStatus, lastError };
    lab.api.put(`${OBJECTS}/${node}-${peer}`, { status });
  };
  const up = (node: string, peer = "tor", lastError = ""): void => put(node, peer, lastError, "Established");
  /** What was told since the last time. */
  const heard = async (ms = 1_000): Promise<readonly string[]> => {
    await lab.pass(ms);
    return told.splice(0);
  };

  it("are read only while that is wanted", async () => {
    lab.serve();
    up("iris1");
    const followed = start();
    assert.deepEqual(await heard(MINUTES), []);
    assert.equal(lab.api.requests.filter(({ path }) => path === OBJECTS).length, 0);
    followed.want(true);
    assert.deepEqual(await heard(), ["tor iris1: up"]);
    followed.want(false);
    await lab.pass();
    assert.equal(lab.api.openWatches, 0);
    up("iris2");
    assert.deepEqual(await heard(MINUTES), []);
    followed.want(true);
    assert.deepEqual(await heard(), ["tor iris1: up, iris2: up"], "all is told anew");
  });

  it("are not read for who is wanted but for a moment, as every speaker may be that joins", async () => {
    lab.serve();
    const followed = start();
    followed.want(true);
    await lab.pass(300);
    followed.want(false);
    assert.deepEqual(await heard(MINUTES), []);
    assert.equal(lab.api.requests.filter(({ path }) => path === OBJECTS).length, 0);
  });

  it("are forgotten by who is not asked any more before they came", async () => {
    lab.serve();
    lab.api.setDelay(2_000);
    up("iris1");
    const followed = start();
    followed.want(true);
    await lab.pass(3_000);
    assert.equal(lab.api.requests.filter(({ path }) => path === OBJECTS).length, 1);
    followed.want(false);
    assert.deepEqual(await heard(MINUTES), []);
  });

  it("are told at once for all that comes together, and not again what was told", async () => {
    lab.serve();
    for (const node of ["iris1", "iris2", "iris3"]) up(node);
    start().want(true);
    assert.deepEqual(await heard(), ["tor iris1: up, iris2: up, iris3: up"]);
    for (const node of ["iris1", "iris2", "iris3"]) put(node, "tor", "the connection was closed");
    const closed = "the connection was closed";
    assert.deepEqual(await heard(), [`tor iris1: ${closed}, iris2: ${closed}, iris3: ${closed}`]);
    lab.api.remove(`${OBJECTS}/iris3-tor`);
    assert.deepEqual(await heard(), [`tor iris1: ${closed}, iris2: ${closed}`]);
    up("iris1", "tor", closed);
    assert.deepEqual(await heard(), [`tor iris1: up, iris2: ${closed}`]);
    up("iris1", "tor", "another one before");
    assert.deepEqual(await heard(10 * MINUTES), []);
  });

  it("are told to be none where there is none", async () => {
    lab.serve();
    start().want(true);
    assert.deepEqual(await heard(), [""]);
  });

  it("keep the error that was told first for five minutes, but none of a session that was up meanwhile", async () => {
    lab.serve();
    put("iris1", "tor", "");
    up("iris2");
    start().want(true);
    assert.deepEqual(await heard(), ["tor iris1: no answer yet, iris2: up"]);
    put("iris1", "tor", "refused");
    assert.deepEqual(await heard(), ["tor iris1: refused, iris2: up"], "any is better than none");
    for (const error of ["no connection within 5 s", "refused", "bad peer AS"]) {
      put("iris1", "tor", error);
      assert.deepEqual(await heard(MINUTES), []);
    }
    put("iris2", "tor", "closed");
    assert.deepEqual(await heard(), ["tor iris1: refused, iris2: closed"]);
    assert.deepEqual(await heard(3 * MINUTES), ["tor iris1: bad peer AS, iris2: closed"]);
    up("iris1");
    assert.deepEqual(await heard(), ["tor iris1: up, iris2: closed"]);
    put("iris1", "tor", "another");
    assert.deepEqual(await heard(), ["tor iris1: another, iris2: closed"]);
    assert.deepEqual(await heard(60 * MINUTES), []);
  });

  it("have nothing to do with an error that is older than they are", async () => {
    lab.serve();
    const at = (second: number): string => `2026-01-01T00:00:${second}Z`;
    const state = (since: number): object => ({
      status: {
        ...{ node: "iris1", peer: "tor", bgpStatus: "Down", since: at(since) },
        ...{ lastError: "closed", lastErrorTime: at(30) },
      },
    });
    lab.api.put(`${OBJECTS}/iris1-tor`, state(31));
    start().want(true);
    assert.deepEqual(await heard(), ["tor iris1: no answer yet"]);
    lab.api.put(`${OBJECTS}/iris1-tor`, state(30));
    assert.deepEqual(await heard(), ["tor iris1: closed"]);
  });

  it("cut what routers say short", async () => {
    lab.serve();
    put("iris1", "tor", "x".repeat(1_024));
    start().want(true);
    assert.deepEqual(await heard(), [`tor iris1: ${"x".repeat(199)}…`]);
  });

  it("are unread where the kind is not, and read once it is", async () => {
    lab.api.put("/apis/metallb.io/v1beta1", { resources: [] });
    start().want(true);
    assert.deepEqual(await heard(), ["unread"]);
    lab.serve();
    up("iris1");
    assert.deepEqual(await heard(MINUTES), ["tor iris1: up"]);
  });

  it("are unread where a role does not allow it, or nobody says which kinds there are", async () => {
    lab.serve();
    const forbidden = new ApiError(403, "Forbidden", "no");
    lab.api.failNext(100, forbidden, ({ path }) => path === OBJECTS);
    start().want(true);
    assert.deepEqual(await heard(2 * MINUTES), ["unread"]);
  });

  it("are unread where a role lets them be listed and not followed, and told once it does", async () => {
    lab.serve();
    const forbidden = new ApiError(403, "Forbidden", "no");
    const isWatch = ({ path, method }: FakeRequest): boolean => path === OBJECTS && method === "WATCH";
    put("iris1", "tor", "refused");
    lab.api.failNext(40, forbidden, isWatch);
    start().want(true);
    assert.deepEqual(await heard(), ["tor iris1: refused"], "an API server that has just started may refuse");
    assert.deepEqual(await heard(30_000), ["unread"]);
    up("iris1");
    assert.deepEqual(await heard(10 * MINUTES), [], "lists alone are minutes old");
    assert.deepEqual(await heard(20 * MINUTES), ["tor iris1: up"]);
    put("iris1", "tor", "closed");
    assert.deepEqual(await heard(), ["tor iris1: closed"]);
  });

  it("are unread where nobody says for half a minute which kinds there are", async () => {
    lab.api.failNext(100, new ApiError(500, "InternalError", "no"), ({ path }) => !path.startsWith(OBJECTS));
    start().want(true);
    assert.deepEqual(await heard(29_000), []);
    assert.deepEqual(await heard(2_000), ["unread"]);
  });
});

function inShort(news: SessionNews): string {
  if (news === "unread") return news;
  return [...news]
    .map(([peer, byNode]) => {
      const nodes = [...byNode].map(([node, trouble]) => `${node}: ${trouble === "" ? "up" : trouble}`);
      return `${peer} ${nodes.sort().join(", ")}`;
    })
    .sort()
    .join("; ");
}
