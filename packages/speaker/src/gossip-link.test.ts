import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import { createLog } from "@herald/daemon/log";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { fromOctets, type IpAddress } from "@herald/shared/ip/address";
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

/** A link in a gossip of these sockets. */
function linkOver(
  sockets: GossipSockets,
  clock: VirtualClock,
  address: string,
  onPresence: (news: PresenceNews) => void = () => {},
): GossipLink {
  return new GossipLink(
    { ...options, address: address as IpAddress },
    {
      clock,
      random: new SeededRandom(1),
      log: createLog({ level: "none", program: "speaker", write: () => {} }),
      metrics: createSpeakerMetrics(new Registry()).gossip,
      epochSeconds: () => 1_700_000_000,
      openSockets: async () => sockets,
      onMembers: () => {},
      onPresence,
      claims: () => ({
        told: () => {},
        acked: () => {},
        state: () => {},
        userState: () => new Uint8Array(),
        knows: () => true,
      }),
      onFailed: (error) => assert.fail(String(error)),
    },
  );
}

describe("GossipLink", () => {
  it("says that it is one of ours before it knows of any interface, which it has none of", async () => {
    const clock = new VirtualClock();
    const heard: PresenceNews[] = [];
    linkOver(silence, clock, "192.0.2.1", (news) => heard.push(news)).join();
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

  for (const { family, own, others } of [
    { family: "IPv4", own: "192.0.2.1", others: ["192.0.2.2", "192.0.2.3"] },
    { family: "IPv6", own: "2001:db8::1", others: ["2001:db8::2", "2001:db8::3"] },
  ]) {
    it(`looks for others at the addresses of its own family alone: ${family}`, async () => {
      const clock = new VirtualClock();
      const asked = new Set<string>();
      const note: GossipSockets["send"] = (to) => asked.add(fromOctets(to.address));
      const link = linkOver(
        { ...silence, send: note, dial: (_stream, to, bytes) => note(to, bytes) },
        clock,
        own,
      );
      link.join();
      await setImmediate();
      const speakers = ["192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2", "192.0.2.3", "2001:db8::3"];
      link.setSpeakers(speakers as IpAddress[]);
      clock.advance(60_000);
      assert.deepEqual([...asked].toSorted(), others);
    });
  }
});
