import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { framing } from "@herald/gossip/framing";
import { keyRing } from "@herald/gossip/key-ring";
import { type Endpoint, FULL_VERSIONS } from "@herald/gossip/message";
import { PROFILES } from "@herald/gossip/options";
import { CountedNonces } from "@herald/gossip/sealer";
import { encodeStream } from "@herald/gossip/stream";
import { DatagramNet, type DatagramPort } from "@herald/lab/datagrams";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { GossipListeners, GossipSockets } from "./gossip-port.ts";
import { sealer, systemOctets } from "./io/sealer.ts";
import { type Gossip, type GossipApplication, runGossip } from "./run-gossip.ts";

const AROUND = framing({
  label: "",
  compress: true,
  encryption: {
    ring: keyRing(new Uint8Array(32)),
    sealer,
    nonces: new CountedNonces(systemOctets),
    version: 1,
    verifyIncoming: true,
    verifyOutgoing: true,
  },
});
const ONE = new Uint8Array([1]);
const TWO = new Uint8Array([2, 2]);

/** Speakers a, b, c, … on one network in memory, in bytes, encrypted. */
class Lab {
  readonly clock = new VirtualClock();
  readonly random = new SeededRandom(1);
  readonly net: DatagramNet<Uint8Array>;
  /** What each application heard, as words. */
  readonly heard: string[] = [];
  #started = 0;
  constructor() {
    const { clock, random } = this;
    this.net = new DatagramNet({ clock, random, loss: 0, duplication: 0, delayMs: [0.2, 0.2] });
  }

  /** It is told of all that started before it. */
  async start(name: string, application: Partial<GossipApplication> = this.listener(name)): Promise<Gossip> {
    this.#started += 1;
    const endpoint = endpointOf(this.#started);
    const gossip = await runGossip(
      {
        swim: PROFILES.default,
        framing: AROUND,
        self: { name, endpoint, meta: new Uint8Array(), versions: FULL_VERSIONS, incarnation: 1 },
      },
      {
        clock: this.clock,
        random: this.random,
        open: async (listeners) => plugIn(this.net, placeOf(endpoint), listeners),
        onMember: (change, member) => {
          if (change === "updated") this.heard.push(`${name}: ${member.name} is ${member.meta.join(".")}`);
        },
        onJoined: () => {},
        onNotice: () => {},
        onRefused: (error) => assert.fail(error),
        ...application,
      },
    );
    gossip.discovered(Array.from({ length: this.#started - 1 }, (_, index) => endpointOf(index + 1)));
    this.clock.advance(200);
    return gossip;
  }

  listener(name: string): Partial<GossipApplication> {
    return {
      onTold: (payload, from) => {
        const whence = from === undefined ? "a stream" : placeOf(from);
        this.heard.push(`${name} is told ${payload.join(".")} from ${whence}`);
      },
      onAcked: (node, payload) => this.heard.push(`${node} answers ${name} with ${payload.join(".")}`),
      onState: (userState, node) =>
        this.heard.push(`${name} has the state ${userState.join(".")} of ${node ?? "somebody"}`),
    };
  }

  /** What was heard since the last time, each once, sorted. */
  take(ms: number): readonly string[] {
    this.heard.length = 0;
    this.clock.advance(ms);
    return [...new Set(this.heard)].sort();
  }
}

describe("the gossip on its sockets", () => {
  let lab: Lab;
  let a: Gossip;
  beforeEach(async () => {
    lab = new Lab();
    a = await lab.start("a");
  });

  it("tells all what is broadcast, and one what is for him", async () => {
    await lab.start("b");
    await lab.start("c");
    a.broadcast("x", ONE);
    assert.deepEqual(lab.take(500), ["b is told 1 from 10.0.0.1", "c is told 1 from 10.0.0.1"]);
    a.tell("c", TWO);
    assert.deepEqual(lab.take(500), ["c is told 2.2 from 10.0.0.1"]);
  });

  it("lets an application answer while it is being told", async () => {
    const b: Gossip = await lab.start("b", { onTold: () => b.tell("a", TWO) });
    a.tell("b", ONE);
    assert.deepEqual(lab.take(500), ["a is told 2.2 from 10.0.0.2"]);
  });

  it("has our answers carry what they shall, and tells what those of others carry", async () => {
    const b = await lab.start("b");
    a.setAckPayload(ONE);
    b.setAckPayload(TWO);
    assert.deepEqual(lab.take(500), ["a answers b with 1", "b answers a with 2.2"]);
  });

  it("exchanges what goes with tables when somebody joins", async () => {
    await lab.start("b", { ...lab.listener("b"), userState: () => TWO });
    await lab.start("c", { ...lab.listener("c"), userState: () => ONE });
    assert.deepEqual(lab.heard, [
      "a has the state 2.2 of somebody",
      "a has the state 1 of somebody",
      "b has the state 1 of somebody",
      "c has the state 2.2 of b",
    ]);
  });

  it("tells others what our record carries, when that changes", async () => {
    await lab.start("b");
    a.setMeta(ONE);
    assert.deepEqual(lab.take(500), ["b: a is 1"]);
    a.setMeta(ONE);
    assert.deepEqual(lab.take(500), []);
    a.setMeta(TWO);
    assert.deepEqual(lab.take(500), ["b: a is 2.2"]);
  });

  it("takes an application's message from a stream, and closes it", () => {
    const from = lab.net.plugIn("10.0.0.9", { datagram: () => {}, request: () => {} });
    const outcomes: unknown[] = [];
    const bytes = encodeStream({ type: "user", payload: ONE }, "dialler", AROUND);
    from.request("10.0.0.1", bytes, (outcome) => outcomes.push(outcome));
    assert.deepEqual(lab.take(500), ["a is told 1 from a stream"]);
    assert.deepEqual(outcomes, [{ type: "closed" }]);
  });

  it("says how much may be said at once, and takes more for our mistake", () => {
    assert.equal(a.userOctets, 1_366);
    a.broadcast("x", new Uint8Array(1_366));
    assert.throws(() => a.broadcast("x", new Uint8Array(1_367)), RangeError);
  });

  it("goes on with nobody on top of it", async () => {
    await lab.start("b", {});
    a.broadcast("x", ONE);
    a.setAckPayload(ONE);
    assert.deepEqual(lab.take(500), []);
  });

  it("says nothing any more after it left", async () => {
    await lab.start("b");
    const left = a.leave();
    lab.clock.advance(2_000);
    await left;
    a.broadcast("x", ONE);
    a.tell("b", TWO);
    a.setMeta(ONE);
    assert.deepEqual(lab.take(500), []);
  });
});

function plugIn(net: DatagramNet<Uint8Array>, place: string, listeners: GossipListeners): GossipSockets {
  const asked = new Map<number, (bytes: Uint8Array | undefined) => void>();
  let requests = 0;
  const port: DatagramPort<Uint8Array> = net.plugIn(place, {
    datagram: (from, bytes) => listeners.onDatagram(endpointAt(from), bytes),
    request: (_from, bytes, answer) => {
      requests += 1;
      asked.set(requests, answer);
      listeners.onRequest(requests, bytes);
    },
  });
  const end = (stream: number, bytes: Uint8Array | undefined) => {
    asked.get(stream)?.(bytes);
    asked.delete(stream);
  };
  return {
    send: (to, bytes) => port.send(placeOf(to), bytes),
    dial: (stream, to, bytes) =>
      port.request(placeOf(to), bytes, (outcome) => {
        if (outcome.type === "answer") listeners.onReply(stream, outcome.data);
        else listeners.onDialFailed(stream, outcome.type === "refused" ? "refused" : "broken");
      }),
    abandon: () => {}, // what comes later is ignored by the listener
    answer: end,
    close: (stream) => end(stream, undefined),
    stop: async () => port.unplug("process"),
  };
}

function endpointOf(index: number): Endpoint {
  return endpointAt(`10.0.0.${index}`);
}

function endpointAt(place: string): Endpoint {
  return { address: Uint8Array.from(place.split("."), Number), port: 7_946 };
}

function placeOf({ address }: Endpoint): string {
  return address.join(".");
}
