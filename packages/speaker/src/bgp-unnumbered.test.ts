import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { pathKey } from "@herald/bfd/effect";
import { encodeMessage } from "@herald/bgp/message";
import { KEEPALIVE, LOCAL } from "@herald/bgp/testdata/bench";
import { createLog } from "@herald/daemon/log";
import { elapse } from "@herald/k8s/elapse";
import { parseHex } from "@herald/lab/hex";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { loadConfig } from "@herald/shared/config/load";
import type { IpAddress } from "@herald/shared/ip/address";
import type { MacAddress } from "@herald/wire/mac";
import { Registry } from "prom-client";
import type { BgpListeners, BgpTarget } from "./bgp-port.ts";
import { BgpSpeaker } from "./bgp-speaker.ts";
import type { Link } from "./interface-rules.ts";
import type { SessionWord } from "./kubernetes-protocol.ts";
import { createSpeakerMetrics } from "./metrics.ts";
import type { CaptureOptions } from "./packet-port.ts";
import { fit } from "./planner-fixture.ts";
import { advertisementFrame, solicitationFrame } from "./router-frames.ts";

const ip = (text: string): IpAddress => text as IpAddress;
const OWN = { mac: "c6:23:c3:0c:2d:41" as MacAddress, address: ip("fe80::c423:c3ff:fe0c:2d41") };
const [FIRST, SECOND] = [ip("fe80::8824:9fff:fec3:696"), ip("fe80::99")];
const HEARD = parseHex(readFileSync(new URL("../../wire/src/testdata/frr-ra.hex", import.meta.url), "utf8"));
/** From another address. */
const MOVED = advertisementFrame({ mac: "02:00:00:00:00:99" as MacAddress, address: SECOND }, OWN);
const LINK: Link = {
  name: "eth1",
  index: 7,
  mac: OWN.mac,
  up: true,
  broadcast: true,
  noArp: false,
  hasMaster: false,
  operational: true,
};
const OPEN = encodeMessage({
  type: "open",
  version: 4,
  asn: 64_513,
  holdTimeSeconds: 0,
  routerId: ip("192.0.2.254"),
  capabilities: [],
});
const { peers, ...rest } = loadConfig(`
peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512, bfd-profile: fast}]
bfd-profiles: [{name: fast}]
address-pools: [{name: a, protocol: bgp, addresses: [10.20.30.0/24]}]`);

interface Stage {
  readonly clock: VirtualClock;
  readonly speaker: BgpSpeaker;
  readonly hear: (frame: Uint8Array) => void;
  /** Ends the connection that was made last. */
  readonly hangUp: () => void;
  readonly pass: (ms: number) => Promise<void>;
  /** What happened since it was asked last. */
  readonly news: () => string[];
  /** How often routers were asked for. */
  readonly asked: () => number;
  /** What was said last of why there is no session. */
  readonly trouble: () => string | undefined;
}

/** A speaker with a peer on eth1, whose router takes every connection. */
async function stage(): Promise<Stage> {
  const clock = new VirtualClock();
  const words: SessionWord[] = [];
  let story: string[] = [];
  let asked = 0;
  let [capture, last]: [CaptureOptions?, BgpListeners?] = [];
  const soon = (run: () => void): unknown => clock.at(clock.now() + 1, run);
  const dial = (target: BgpTarget, listeners: BgpListeners) => {
    story.push(`dials ${target.address}%${target.interface}`);
    last = listeners;
    soon(() => {
      listeners.onConnected({ ...LOCAL, transport: 6, linkLocal: OWN.address });
      listeners.onBytes(OPEN);
      listeners.onBytes(KEEPALIVE);
    });
    return { send: () => {}, close: () => void story.push("hangs up") };
  };
  const speaker = new BgpSpeaker(
    {
      node: "iris1",
      address: undefined,
      plan: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
      partMs: 0,
    },
    {
      clock,
      random: new SeededRandom(1),
      sockets: { dial },
      log: createLog({ level: "all", program: "test", write: () => {} }),
      metrics: createSpeakerMetrics(new Registry()),
      recordEvent: () => {},
      sayHolding: () => {},
      saySession: (word) => words.push(word),
      monitor: () => ({ up: () => {}, down: () => {}, told: () => {}, stop: () => {} }),
      epochMs: () => clock.now(),
      startBfd: () => ({
        want: (sessions) =>
          void story.push(`watches ${sessions.map(({ path }) => pathKey(path)).join(", ")}`),
        part: async () => {},
        close: async () => {},
      }),
      sharedMs: () => clock.now(),
      isNear: () => false,
      sourceTowards: () => OWN.address,
      packets: {
        open: (options) => {
          capture = options;
          soon(options.onOpen);
          const send = (frame: Uint8Array): "sent" => {
            if (Buffer.compare(frame, solicitationFrame(OWN)) === 0) asked += 1;
            return "sent";
          };
          return { send, close: () => void story.push("hears no more") };
        },
      },
      linkLocalOf: () => OWN.address,
      onBfdCrash: assert.fail,
    },
  );
  const made: Stage = {
    clock,
    speaker,
    hear: (frame) => capture?.onFrame(frame),
    hangUp: () => last?.onClosed("cut"),
    pass: (ms) => elapse(clock, ms),
    news: () => {
      const news = story;
      story = [];
      return news;
    },
    asked: () => asked,
    trouble: () => {
      const word = words.at(-1);
      return word?.type === "here" ? word.standing.error?.text : undefined;
    },
  };
  const remote = { interface: "eth1" };
  speaker.setLinks([LINK]);
  speaker.take({ type: "node", name: "iris1", node: fit });
  speaker.take({ type: "config", config: { ...rest, peers: peers.map((peer) => ({ ...peer, remote })) } });
  speaker.take({ type: "synced" });
  await made.pass(100);
  made.hear(HEARD);
  await made.pass(900);
  assert.deepEqual(made.news(), [`dials ${FIRST}%eth1`, `watches single ${FIRST}%eth1 from ${OWN.address}`]);
  return made;
}

describe("A BGP peer on an interface", () => {
  it("keeps its session while another router is heard, and is that one once the session is over, for BFD, too", async () => {
    const { asked, hear, hangUp, news, pass } = await stage();
    hear(MOVED);
    await pass(10_000);
    assert.deepEqual([news(), asked()], [[], 1]);
    hangUp();
    assert.equal(asked(), 2); // it may have moved once more
    await pass(1_000);
    assert.deepEqual(news(), [`dials ${SECOND}%eth1`, `watches single ${SECOND}%eth1 from ${OWN.address}`]);
  });

  it("is lost with its link, at once and with all that was for it, and found again", async () => {
    const { speaker, hear, news, pass, trouble } = await stage();
    speaker.setLinks([{ ...LINK, operational: false }]);
    await pass(0);
    assert.equal(trouble(), "the connection was closed: interface eth1 has no carrier");
    assert.deepEqual(news().sort(), ["hangs up", "hears no more", "watches "]);
    await pass(60_000);
    assert.equal(trouble(), "no connection: interface eth1 has no carrier");
    speaker.setLinks([LINK]);
    await pass(100);
    hear(HEARD);
    await pass(900);
    assert.deepEqual(news(), [`dials ${FIRST}%eth1`, `watches single ${FIRST}%eth1 from ${OWN.address}`]);
  });

  it("is not called any more once it is silent", async () => {
    const { hangUp, news, pass, trouble } = await stage();
    await pass(40_000);
    assert.deepEqual(news(), []); // the session works
    hangUp();
    await pass(20_000);
    assert.equal(trouble(), "no connection: no router advertisement heard on eth1 any more");
    assert.deepEqual(news(), ["watches "]);
  });

  it("leaves nothing behind when it is configured no more", async () => {
    const { speaker, news, pass } = await stage();
    speaker.take({ type: "config", config: { ...rest, peers: [] } });
    await pass(60_000);
    assert.deepEqual(news(), ["hears no more", "hangs up", "watches "]);
  });
});
