import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";
import type { Endpoint } from "@herald/gossip/message";
import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import type { GossipApplication } from "@herald/speaker/run-gossip";
import { buildPeer, MEMBERLIST_VERSIONS, type MemberlistVersion } from "./build-peer.ts";
import { OurMember } from "./our-member.ts";
import { LIMIT_MS, Peer } from "./peer.ts";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const NOISE = Uint8Array.from({ length: 300 }, (_, index) => index & 255);
/**
 * Nobody is suspected here for standing still, nor is anybody asked by other ways meanwhile, which memberlist may
 * complain of: ours probe every five seconds and memberlist every ten, and that is how long answers may take.
 */
const UNHURRIED = { probeIntervalMs: 5_000, probeTimeoutMs: 2_000, streamTimeoutMs: LIMIT_MS };
/**
 * As many as the application says in a row. memberlist keeps 1,024 messages until it comes to read them, and drops others
 * with a complaint; each of these reaches it seven times at most.
 */
const WORDS = 120;

/** What an application of ours heard, as words; others can wait for some of them. */
class Application implements GossipApplication {
  readonly heard = new Set<string>();
  readonly #state: Uint8Array;
  #onWord = (): void => {};
  constructor(state: string) {
    this.#state = new TextEncoder().encode(state);
  }

  readonly onTold = (payload: Uint8Array, from: Endpoint | undefined) =>
    this.#hear(`told ${text(payload)} by ${from === undefined ? "a stream" : from.address.join(".")}`);
  readonly onAcked = (node: string, payload: Uint8Array) =>
    this.#hear(`${node} answers with ${text(payload)}`);
  readonly onState = (userState: Uint8Array, node: string | undefined) =>
    this.#hear(`state ${text(userState)} of ${node ?? "somebody"}`);
  readonly userState = () => this.#state;

  async hears(words: string): Promise<void> {
    const until = performance.now() + LIMIT_MS;
    while (!this.heard.has(words)) {
      const left = until - performance.now();
      if (left <= 0) assert.fail(`${words}: not heard, but\n  ${[...this.heard].join("\n  ")}`);
      await new Promise<void>((resolve) => {
        const late = setTimeout(resolve, left);
        this.#onWord = () => {
          clearTimeout(late);
          resolve();
        };
      });
    }
  }

  readonly onNews = (what: string, node: string) => this.#hear(`${node} ${what}`);

  #hear(words: string): void {
    this.heard.add(words);
    this.#onWord();
  }
}

for (const version of Object.keys(MEMBERLIST_VERSIONS) as MemberlistVersion[]) {
  /** Two of ours and one of memberlist that has no use for any of it, encrypted, on loopback. */
  describe(`applications of ours in one cluster with memberlist ${version}`, () => {
    const everybody = ["go", "our-1", "our-2"];
    const one = new Application("state-1");
    const two = new Application("state-2");
    let go: Peer;
    let ourOne: OurMember;
    let ourTwo: OurMember;

    before(async () => {
      const program = [await buildPeer(version, console.log)];
      const keys = [KEY];
      go = await Peer.start({ program, name: "go", bind: "127.0.7.31", keys, flags: ["--pace=slow"] });
      const ours = { keys, swim: UNHURRIED };
      ourOne = await OurMember.start({ ...ours, name: "our-1", bind: "127.0.7.32", application: one });
      ourTwo = await OurMember.start({
        ...ours,
        name: "our-2",
        bind: "127.0.7.33",
        application: two,
        onNews: two.onNews,
      });
      ourOne.gossip.discovered([endpoint("127.0.7.31")]);
      await ourOne.untilAlive(["go", "our-1"]);
      ourTwo.gossip.discovered([endpoint("127.0.7.31"), endpoint("127.0.7.32")]);
      await ourTwo.untilAlive(everybody);
      await ourOne.untilAlive(everybody);
    });
    after(async () => {
      // Why waited for: the next cluster has the same addresses.
      await Promise.all([go?.kill(), ourOne?.gossip.leave(), ourTwo?.gossip.leave()]);
    });
    afterEach(() => assert.deepEqual([...ourOne.refused, ...ourTwo.refused], []));

    it("tell each other, and memberlist passes nothing on", async () => {
      ourOne.gossip.broadcast("x", octets("to-all"));
      await two.hears("told to-all by 127.0.7.32");
      ourTwo.gossip.tell("our-1", octets("to-one"));
      await one.hears("told to-one by 127.0.7.33");
      ourOne.gossip.tell("go", octets("to-go"));
      assert.deepEqual(
        [...one.heard, ...two.heard].filter((words) => words.endsWith("127.0.7.31")),
        [],
      );
    });

    it("hear what their answers to probes carry, and memberlist gets its answers, too", async () => {
      ourOne.gossip.setAckPayload(octets("digest-1"));
      ourTwo.gossip.setAckPayload(NOISE.subarray(0, 32));
      await two.hears("our-1 answers with digest-1");
      await one.hears(`our-2 answers with ${text(NOISE.subarray(0, 32))}`);
      await go.ping("our-1");
      await go.ping("our-2");
      assert.ok(![...one.heard, ...two.heard].some((words) => words.startsWith("go answers")));
    });

    it("exchange their states with each other's tables, and memberlist's has none", async () => {
      await one.hears("state state-2 of somebody");
      await two.hears("state state-1 of our-1");
      const states = [...one.heard, ...two.heard].filter((words) => words.startsWith("state"));
      assert.deepEqual(
        states.filter((words) => words.endsWith(" go")),
        [],
      );
    });

    it("change what their records carry, which memberlist sees and passes on", async () => {
      ourOne.gossip.setMeta(NOISE);
      await go.sees("update", "our-1");
      await two.hears("our-1 updated");
      const metaSeen = () => [...ourTwo.gossip.members()].find(({ name }) => name === "our-1")?.meta;
      assert.deepEqual(metaSeen(), NOISE);
    });

    it("hear what an application on memberlist says, in a stream and in a datagram", async () => {
      await go.tell("our-1", "hello");
      await one.hears("told stream: hello by a stream");
      await one.hears("told datagram: hello by 127.0.7.31");
    });

    it("say as much as they like, and memberlist neither crashes nor complains, and is still answered", async () => {
      const longest = new Uint8Array(ourOne.gossip.userOctets).fill(7);
      const before = go.seen.length;
      for (let index = 0; index < WORDS; index += 1) {
        ourOne.gossip.broadcast(`${index}`, index % 10 === 0 ? longest : octets(`word-${index}`));
        ourTwo.gossip.tell("go", longest);
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      await two.hears(`told word-${WORDS - 1} by 127.0.7.32`);
      for (const ours of ["our-1", "our-2"]) await go.ping(ours);
      assert.ok(![...two.heard].some((words) => words.endsWith("127.0.7.31")), "it passed something on");
      const said = go.seen.slice(before).filter((line) => !line.includes("[DEBUG]"));
      assert.deepEqual(said, []);
      assert.deepEqual((await go.elects([])).members, everybody);
    });
  });
}

function octets(words: string): Uint8Array {
  return new TextEncoder().encode(words);
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}

function endpoint(address: string): Endpoint {
  return { address: toOctets(address as IpAddress), port: 7946 };
}
