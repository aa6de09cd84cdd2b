import { pathKey } from "@herald/bfd/effect";
import type { Log } from "@herald/daemon/log";
import type { EventRecord } from "@herald/k8s/events";
import type { BfdProfileConfig, BgpPeerConfig } from "@herald/shared/config/config";
import type { IpAddress } from "@herald/shared/ip/address";
import type { BfdLink } from "./bfd-link.ts";
import type { BfdMetrics } from "./bfd-metrics.ts";
import type { FromBfd } from "./bfd-protocol.ts";
import { type BfdWish, bfdWishes } from "./bfd-wishes.ts";
import type { PeerWay } from "./peer-dialler.ts";

export interface BfdWatchPorts {
  readonly link: BfdLink;
  readonly log: Log;
  readonly metrics: BfdMetrics;
  readonly recordEvent: (record: EventRecord) => void;
  /** A clock that all threads of this process share, ms. */
  readonly sharedMs: () => number;
  /** Whether an address is on a segment of this node. */
  readonly isNear: (address: IpAddress) => boolean;
  /** The way to a BGP peer, by name; `undefined` where there is no session with it. */
  readonly wayTo: (peer: string) => PeerWay | undefined;
  /** The way to a BGP peer is broken. */
  readonly onFailed: (peer: string, text: string) => void;
  /** Of each BGP peer that is watched, whether it is heard: once for each change. */
  readonly onWatched: (hears: ReadonlyMap<string, boolean>) => void;
}

type News = Exclude<FromBfd, { type: "parted" }>;

/** Which BGP peers are watched by BFD, and what is made of its news. */
export class BfdWatch {
  readonly #node: string;
  readonly #ports: BfdWatchPorts;
  /** By session, what is wanted now; bounded by the configuration. */
  #wishes: ReadonlyMap<string, BfdWish> = new Map();
  #asked = "[]";
  /** Sessions that are up; bounded by those that are wanted. */
  readonly #up = new Set<string>();

  constructor(node: string, ports: BfdWatchPorts) {
    this.#node = node;
    this.#ports = ports;
  }

  /** The peers there are now; each that names a profile is watched. */
  plan(peers: readonly BgpPeerConfig[], profiles: readonly BfdProfileConfig[]): void {
    const wishes = bfdWishes(peers, profiles, this.#ports.isNear, this.#ports.wayTo);
    const before = this.#wishes;
    this.#wishes = new Map(wishes.map((wish) => [wish.key, wish]));
    // Why now: of a session that never comes up nothing else says between which addresses it was to be.
    for (const { key, peers: names } of wishes) {
      if (!before.has(key)) this.#ports.log.info("BFD watches a router", { session: key, peers: names });
    }
    for (const session of this.#up) if (!this.#wishes.has(session)) this.#up.delete(session);
    this.#tellWhoIsHeard();
    const wanted = wishes.map(({ session }) => session);
    const asked = JSON.stringify(wanted);
    if (asked === this.#asked) return;
    this.#asked = asked;
    this.#ports.metrics.want(wanted.map(({ path }) => ({ key: pathKey(path), path })));
    this.#ports.link.want(wanted);
  }

  /** To be told whatever the thread says. What is to end ends before this returns. */
  hear(news: News): void {
    const { log, metrics } = this.#ports;
    switch (news.type) {
      case "state":
        if (news.to === "up") this.#up.add(news.session);
        else this.#up.delete(news.session);
        this.#tellWhoIsHeard();
        if (news.to === "up") this.#cameUp(news.session);
        else log.debug("BFD state", { session: news.session, from: news.from, to: news.to });
        return;
      case "down":
        this.#wentDown(news);
        return;
      case "report":
        metrics.take(news);
        return;
      case "trouble":
        log.warn("BFD has trouble with a socket", { socket: news.what, reason: news.message });
        return;
      case "priority":
        this.#sayPriority(news);
        return;
    }
  }

  /** Shuts all sessions down: the peers are told, so that they do not take the end of this process for a failure. */
  async part(withinMs: number): Promise<void> {
    await this.#ports.link.part(withinMs);
  }

  #tellWhoIsHeard(): void {
    const hears = [...this.#wishes].flatMap(([session, { peers }]) =>
      peers.map((peer) => [peer, this.#up.has(session)] as const),
    );
    this.#ports.onWatched(new Map(hears));
  }

  #cameUp(session: string): void {
    const peers = this.#wishes.get(session)?.peers ?? [];
    this.#ports.log.info("BFD session up", { session, peers });
  }

  #wentDown({ session, reason, text, failed, atMs }: Extract<News, { type: "down" }>): void {
    const { log, metrics, onFailed, sharedMs } = this.#ports;
    const peers = this.#wishes.get(session)?.peers ?? [];
    if (failed) for (const peer of peers) onFailed(peer, text);
    metrics.down(session, reason);
    const toldAfterMs = Math.round((sharedMs() - atMs) * 100) / 100;
    const fields = { session, peers, reason, text, toldAfterMs };
    if (!failed) log.info("BFD session ended", fields);
    else {
      log.warn("BFD session down", fields);
      this.#record(session, peers, text);
    }
  }

  /** On the Node: it is the way from there that broke, and a peer of a ConfigMap is no object. */
  #record(session: string, peers: readonly string[], text: string): void {
    const address = this.#wishes.get(session)?.session.path.remote ?? session;
    this.#ports.recordEvent({
      // A Node's Events have its name as uid, as the kubelet's: `kubectl describe node` asks for that.
      regarding: { apiVersion: "v1", kind: "Node", namespace: "", name: this.#node, uid: this.#node },
      type: "Warning",
      reason: "BFDSessionDown",
      message: `BFD with ${address} (BGP peer ${peers.join(", ")}) is down: ${text}`,
    });
  }

  #sayPriority({ priority }: Extract<News, { type: "priority" }>): void {
    const { log } = this.#ports;
    if (priority.level !== "ordinary") log.info("BFD thread has priority", { priority: priority.level });
    else
      log.warn("BFD thread has ordinary priority: a busy node may make sessions flap", {
        reason: priority.reason,
        remedy: "the capability SYS_NICE (docs/bfd.md), or longer intervals",
      });
  }
}
