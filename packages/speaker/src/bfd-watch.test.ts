import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { BFD_DROP_REASONS } from "@herald/bfd/reasons";
import { createLog } from "@herald/daemon/log";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import { Registry } from "prom-client";
import { createBfdMetrics } from "./bfd-metrics.ts";
import type { BfdReport, FromBfd } from "./bfd-protocol.ts";
import { BfdWatch } from "./bfd-watch.ts";

const { peers, bfdProfiles } = loadConfig(`
peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512, bfd-profile: fast}]
bfd-profiles: [{name: fast}]`);
const tor: BgpPeerConfig = { ...(peers[0] as BgpPeerConfig), name: "tor", password: "" };
const SESSION = "single 192.0.2.254";
const UP: FromBfd = { type: "state", session: SESSION, from: "init", to: "up" };
const DOWN = {
  type: "down",
  session: SESSION,
  reason: "detection-expired",
  text: "nothing heard for 900 ms",
  failed: true,
  atMs: 40,
} as const;
const DROPS = Object.fromEntries(
  Object.keys(BFD_DROP_REASONS).map((reason) => [reason, 0]),
) as BfdReport["drops"];

describe("what is made of BFD's news", () => {
  let story: string[];
  let registry: Registry;
  let watch: BfdWatch;
  const news = (): readonly string[] => story.splice(0);
  const series = async (name: string): Promise<readonly string[]> => {
    const lines = (await registry.getSingleMetricAsString(name)).split("\n");
    return lines.filter((line) => !line.startsWith("#")).map((line) => line.slice(line.indexOf("{")));
  };

  beforeEach(() => {
    story = [];
    registry = new Registry();
    const say = (what: string): void => void story.push(what);
    watch = new BfdWatch("iris1", {
      link: {
        want: (wanted) => say(`wants ${wanted.length}`),
        part: async () => say("parts"),
        close: async () => {},
      },
      log: createLog({
        level: "info",
        program: "test",
        write: (line) => {
          const { level, msg, peers: names, reason, priority, toldAfterMs } = JSON.parse(line);
          say(
            [`log ${level}: ${msg}`, names, reason ?? priority, toldAfterMs]
              .filter((word) => word !== undefined)
              .join(", "),
          );
        },
      }),
      metrics: createBfdMetrics(registry),
      recordEvent: ({ reason, message }) => say(`${reason}: ${message}`),
      sharedMs: () => 41.5,
      isNear: () => true,
      wayTo: () => undefined,
      onFailed: (peer, text) => say(`${peer} failed: ${text}`),
      onWatched: (hears) => say(`hears ${JSON.stringify([...hears])}`),
    });
    watch.plan([tor], bfdProfiles);
    watch.hear(UP);
    assert.deepEqual(news(), [
      "log info: BFD watches a router, tor",
      'hears [["tor",false]]',
      "wants 1",
      'hears [["tor",true]]',
      "log info: BFD session up, tor",
    ]);
  });

  it("ends the sessions of BGP before anything else, when the way is broken", () => {
    watch.hear({ ...UP, from: "up", to: "down" });
    watch.hear(DOWN);
    assert.deepEqual(news(), [
      'hears [["tor",false]]',
      "tor failed: nothing heard for 900 ms",
      "log warn: BFD session down, tor, detection-expired, 1.5",
      "BFDSessionDown: BFD with 192.0.2.254 (BGP peer tor) is down: nothing heard for 900 ms",
    ]);
  });

  it("ends none when somebody shut it down", () => {
    watch.hear({ ...DOWN, reason: "peer-admin-down", failed: false });
    assert.deepEqual(news(), ["log info: BFD session ended, tor, peer-admin-down, 1.5"]);
  });

  it("counts why sessions went, and shows how they stand as it was told last", async () => {
    watch.hear(DOWN);
    const status = {
      since: 0,
      diagnostic: 0,
      localDiscriminator: 1,
      remote: undefined,
      transmitIntervalMs: 300,
      detectionTimeMs: 900,
    };
    const counters = { sent: 7, received: 5, up: 1, down: 0 };
    const statuses = new Map([[SESSION, { ...status, state: "up" as const, counters }]]);
    watch.hear({ type: "report", statuses, drops: DROPS, latestMs: 0 });
    const labels = 'peer="192.0.2.254",vrf="default"';
    assert.deepEqual(
      await Promise.all(["herald_speaker_bfd_downs_total", "metallb_bfd_control_packet_output"].map(series)),
      [[`{${labels},reason="detection-expired"} 1`], [`{${labels}} 7`]],
    );
  });

  it("is forgotten with the session: one that begins anew is not up", () => {
    watch.plan([], bfdProfiles);
    watch.plan([tor], bfdProfiles);
    assert.deepEqual(news(), [
      "hears []",
      "wants 0",
      "log info: BFD watches a router, tor",
      'hears [["tor",false]]',
      "wants 1",
    ]);
  });

  it("asks nothing anew where all is as before", () => {
    watch.plan([{ ...tor, holdTimeSeconds: 30 }], bfdProfiles);
    assert.deepEqual(news(), ['hears [["tor",true]]']);
  });

  for (const [priority, said] of [
    [{ level: "real-time" }, "log info: BFD thread has priority, real-time"],
    [
      { level: "ordinary", reason: "EPERM" },
      "log warn: BFD thread has ordinary priority: a busy node may make sessions flap, EPERM",
    ],
  ] as const) {
    it(`says that the thread is ${priority.level}`, () => {
      watch.hear({ type: "priority", priority });
      assert.deepEqual(news(), [said]);
    });
  }

  it("is a word of trouble where a socket cannot be had", () => {
    watch.hear({ type: "trouble", what: "single hop, IPv4", message: "EADDRINUSE" });
    assert.deepEqual(news(), ["log warn: BFD has trouble with a socket, EADDRINUSE"]);
  });

  it("is over once the peers are told that sessions are shut down", async () => {
    await watch.part(100);
    assert.deepEqual(news(), ["parts"]);
  });
});
