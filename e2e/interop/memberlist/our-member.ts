import { systemClock } from "@herald/daemon/clock";
import { systemRandom } from "@herald/daemon/random";
import type { MemberChange } from "@herald/gossip/effect";
import { framing } from "@herald/gossip/framing";
import { keyRing } from "@herald/gossip/key-ring";
import { FULL_VERSIONS } from "@herald/gossip/message";
import type { SwimNotice } from "@herald/gossip/notices";
import { PROFILES, type ProfileName, type SwimOptions } from "@herald/gossip/options";
import { CountedNonces } from "@herald/gossip/sealer";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import { openGossipSockets } from "@herald/speaker/io/gossip-sockets";
import { sealer, systemOctets } from "@herald/speaker/io/sealer";
import { type Gossip, type GossipApplication, runGossip } from "@herald/speaker/run-gossip";
import { LIMIT_MS } from "./peer.ts";

export interface OurMemberOptions {
  readonly name: string;
  readonly bind: string;
  readonly port?: number;
  readonly label?: string;
  /** In hex; the first seals. */
  readonly keys?: readonly string[];
  readonly profile?: ProfileName;
  /** What of the profile is otherwise. */
  readonly swim?: Partial<SwimOptions>;
  /** Told what it sees, as it comes: "alive node-1", or a notice with whom it is about. */
  readonly onNews?: (what: MemberChange | SwimNotice, node: string) => void;
  /** What is on top of the gossip; nothing when left out. */
  readonly application?: Partial<GossipApplication>;
}

/** Suspects live at least so long: until then a process that stands still has a chance to go on. */
export function suspectFor(ms: number, { probeIntervalMs }: SwimOptions): Partial<SwimOptions> {
  return { suspicionMult: ms / probeIntervalMs };
}

/** A member of ours on real sockets, in this process. */
export class OurMember {
  readonly gossip: Gossip;
  /** "alive node-1", "dead node-2", …, in order. */
  readonly seen: string[];
  /** What it refused to read. */
  readonly refused: string[];
  /** How often a probe of ours was answered with a payload, by whom. */
  readonly #answers: ReadonlyMap<string, number>;
  readonly #news: EventTarget;

  static async start(options: OurMemberOptions): Promise<OurMember> {
    const {
      name,
      bind,
      port = 7946,
      label = "",
      keys = [],
      profile = "default",
      swim: otherwise = {},
      onNews,
      application,
    } = options;
    const seen: string[] = [];
    const refused: string[] = [];
    const answers = new Map<string, number>();
    const news = new EventTarget();
    const address = parseAddress(bind) as IpAddress;
    const [primary, ...others] = keys.map((key) => new Uint8Array(Buffer.from(key, "hex")));
    const encryption =
      primary === undefined
        ? undefined
        : {
            ring: keyRing(primary, ...others),
            sealer,
            nonces: new CountedNonces(systemOctets),
            version: 1 as const,
            verifyIncoming: true,
            verifyOutgoing: true,
          };
    const swim = { ...PROFILES[profile], ...otherwise };
    const gossip = await runGossip(
      {
        swim,
        framing: framing({ label, encryption, compress: true }),
        self: {
          name,
          endpoint: { address: toOctets(address), port },
          meta: new Uint8Array(),
          versions: FULL_VERSIONS,
          incarnation: Math.floor(Date.now() / 1000),
        },
      },
      {
        clock: systemClock,
        random: systemRandom,
        open: (listeners) =>
          openGossipSockets(
            { address, port, streamTimeoutMs: swim.streamTimeoutMs, streamsMax: 128 },
            listeners,
          ),
        onMember: (change, member) => {
          seen.push(`${change} ${member.name}`);
          news.dispatchEvent(new Event("news"));
          onNews?.(change, member.name);
        },
        onAcked: (node) => {
          answers.set(node, (answers.get(node) ?? 0) + 1);
          news.dispatchEvent(new Event("news"));
        },
        onJoined: () => {},
        onNotice: (reason, node) => onNews?.(reason, node),
        onRefused: (error) => refused.push(error.message),
        ...application,
      },
    );
    return new OurMember(gossip, { seen, refused, answers, news });
  }

  private constructor(gossip: Gossip, heard: Heard) {
    this.gossip = gossip;
    this.seen = heard.seen;
    this.refused = heard.refused;
    this.#answers = heard.answers;
    this.#news = heard.news;
  }

  /** Names of the members that are alive as this one sees it, itself included. */
  alive(): readonly string[] {
    return [...this.gossip.members()]
      .filter(({ state }) => state === "alive")
      .map(({ name }) => name)
      .sort();
  }

  /** Names of the members that may own something: a suspect still may. */
  candidates(): readonly string[] {
    return [...this.gossip.members()]
      .filter(({ state }) => state === "alive" || state === "suspect")
      .map(({ name }) => name)
      .sort();
  }

  /** Waits until exactly these are alive. */
  async untilAlive(names: readonly string[]): Promise<void> {
    const wanted = [...names].sort().join();
    await this.#until(`alive are ${wanted}`, () => this.alive().join() === wanted);
  }

  /** Waits until this is or was seen: "dead node-1". */
  async untilSeen(what: string): Promise<void> {
    await this.#until(`${what} is seen`, () => this.seen.includes(what));
  }

  async untilDead(name: string): Promise<void> {
    const find = () => [...this.gossip.members()].find((member) => member.name === name);
    await this.#until(`${name} is dead`, () => find()?.state === "dead");
  }

  /** Waits until each of these answered so many more of our probes, with a payload. */
  async untilAnswered(names: readonly string[], times: number): Promise<void> {
    const count = (name: string): number => this.#answers.get(name) ?? 0;
    const wanted = new Map(names.map((name) => [name, count(name) + times]));
    await this.#until(`${names.join()} answer us ${times} times`, () =>
      [...wanted].every(([name, least]) => count(name) >= least),
    );
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const due = performance.now() + LIMIT_MS;
    while (!holds()) {
      const left = due - performance.now();
      if (left <= 0) {
        throw new Error(
          `${what}: not within ${LIMIT_MS} ms; alive are ${this.alive()}, seen was ${this.seen}`,
        );
      }
      await this.#nextNews(left);
    }
  }

  #nextNews(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(late);
        this.#news.removeEventListener("news", done);
        resolve();
      };
      const late = setTimeout(done, withinMs);
      this.#news.addEventListener("news", done);
    });
  }
}

interface Heard {
  readonly seen: string[];
  readonly refused: string[];
  readonly answers: ReadonlyMap<string, number>;
  readonly news: EventTarget;
}
