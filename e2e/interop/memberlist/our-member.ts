import { systemClock } from "@herald/daemon/clock";
import { systemRandom } from "@herald/daemon/random";
import type { MemberChange } from "@herald/gossip/effect";
import { framing } from "@herald/gossip/framing";
import { keyRing } from "@herald/gossip/key-ring";
import { FULL_VERSIONS } from "@herald/gossip/message";
import type { SwimNotice } from "@herald/gossip/notices";
import { PROFILES, type ProfileName } from "@herald/gossip/options";
import { CountedNonces } from "@herald/gossip/sealer";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import { openGossipSockets } from "@herald/speaker/io/gossip-sockets";
import { sealer, systemOctets } from "@herald/speaker/io/sealer";
import { type Gossip, type GossipApplication, runGossip } from "@herald/speaker/run-gossip";

export interface OurMemberOptions {
  readonly name: string;
  readonly bind: string;
  readonly port?: number;
  readonly label?: string;
  /** In hex; the first seals. */
  readonly keys?: readonly string[];
  readonly profile?: ProfileName;
  /** Told what it sees, as it comes: "alive node-1", or a notice with whom it is about. */
  readonly onNews?: (what: MemberChange | SwimNotice, node: string) => void;
  /** What is on top of the gossip; nothing when left out. */
  readonly application?: Partial<GossipApplication>;
}

/** A member of ours on real sockets, in this process. */
export class OurMember {
  readonly gossip: Gossip;
  /** "alive node-1", "dead node-2", …, in order. */
  readonly seen: string[];
  /** What it refused to read. */
  readonly refused: string[];
  readonly #news: EventTarget;

  static async start(options: OurMemberOptions): Promise<OurMember> {
    const {
      name,
      bind,
      port = 7946,
      label = "",
      keys = [],
      profile = "default",
      onNews,
      application,
    } = options;
    const seen: string[] = [];
    const refused: string[] = [];
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
    const swim = PROFILES[profile];
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
        onJoined: () => {},
        onNotice: (reason, node) => onNews?.(reason, node),
        onRefused: (error) => refused.push(error.message),
        ...application,
      },
    );
    return new OurMember(gossip, seen, refused, news);
  }

  private constructor(gossip: Gossip, seen: string[], refused: string[], news: EventTarget) {
    this.gossip = gossip;
    this.seen = seen;
    this.refused = refused;
    this.#news = news;
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

  /** Waits until exactly these are alive. @returns how long it took, ms. */
  async untilAlive(names: readonly string[], withinMs: number): Promise<number> {
    const from = performance.now();
    const wanted = [...names].sort().join();
    while (this.alive().join() !== wanted) {
      const left = withinMs - (performance.now() - from);
      if (left <= 0) throw new Error(`alive are ${this.alive().join()}, not ${wanted}, after ${withinMs} ms`);
      await this.#nextNews(left);
    }
    return performance.now() - from;
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
