import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createLog } from "@herald/daemon/log";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { IpAddress } from "@herald/shared/ip/address";
import { Registry } from "prom-client";
import { GossipLink } from "./gossip-link.ts";
import type { GossipSockets } from "./gossip-port.ts";
import { createSpeakerMetrics } from "./metrics.ts";
import type { PresenceNews } from "./presence.ts";

/** Nobody is there. */
const silence: GossipSockets = {
  send: () => {},
  dial: () => {},
  abandon: () => {},
  answer: () => {},
  close: () => {},
  stop: async () => {},
};

const options = {
  node: "node-1",
  address: "192.0.2.1" as IpAddress,
  port: 7_946,
  profile: "default",
  secretFolder: "",
  joinWaitMs: 1_000,
} as const;

describe("GossipLink", () => {
  it("says that it is one of ours before it knows of any interface, which it has none of", async () => {
    const clock = new VirtualClock();
    const heard: PresenceNews[] = [];
    const link = new GossipLink(options, {
      clock,
      random: new SeededRandom(1),
      log: createLog({ level: "none", program: "speaker", write: () => {} }),
      metrics: createSpeakerMetrics(new Registry()).gossip,
      epochSeconds: () => 1_700_000_000,
      openSockets: async () => silence,
      onMembers: () => {},
      onPresence: (news) => heard.push(news),
      claims: () => ({
        told: () => {},
        acked: () => {},
        state: () => {},
        userState: () => new Uint8Array(),
        knows: () => true,
      }),
      onFailed: (error) => assert.fail(String(error)),
    });
    link.join();
    await setImmediate();
    clock.advance(2_000);
    assert.deepEqual(heard, [
      {
        speakers: new Map([["node-1", new Set()]]),
        names: new Map(),
        foreign: false,
      },
    ]);
  });
});
