import type { RouteCounts } from "@herald/bgp/bmp-message";
import type { BgpEffect, BgpInput, ConnectionId, Stop } from "@herald/bgp/effect";
import { type RouteTable, routeTable } from "@herald/bgp/route";
import { BgpSession } from "@herald/bgp/session";
import type { Log } from "@herald/daemon/log";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import type { Clock, Random } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import type { IpFamily } from "@herald/shared/ip/address";
import { BgpIncoming, type ExpectedPeer } from "./bgp-incoming.ts";
import type { BgpMetrics, SessionLabels, SessionSight } from "./bgp-metrics.ts";
import {
  type BgpIdentity,
  isUsable,
  linkOf,
  peerLabel,
  sessionKey,
  sessionOptions,
  sessionTimers,
  targetOf,
  ttlsOf,
} from "./bgp-peer.ts";
import { namesOfKept } from "./bgp-peer-names.ts";
import type {
  BgpArrival,
  BgpConnection,
  BgpIncomingPort,
  BgpListeners,
  BgpPort,
  BgpTarget,
} from "./bgp-port.ts";
import type { SessionMonitor, StartMonitor } from "./bmp-port.ts";
import { areUpdates, peerEnd, peerUp } from "./bmp-view.ts";
import { NoticeNews } from "./notice-news.ts";
import { PeerDialler, type PeerDiallerPorts, type PeerWay } from "./peer-dialler.ts";
import { type SessionWords, sameRouter } from "./session-words.ts";

export interface BgpPorts extends Pick<PeerDiallerPorts, "routerOn" | "sourceTowards" | "onMoved"> {
  /** The router on an interface is not there, or not any more. */
  readonly onDoubt: (link: string) => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly sockets: BgpPort;
  /** Where routers may connect to us, if they may. */
  readonly incoming?: { readonly port: number; readonly sockets: BgpIncomingPort };
  readonly log: Log;
  readonly metrics: BgpMetrics;
  /** For people, how each session stands. */
  readonly words: SessionWords;
  /** Who else hears of sessions, if anybody does. */
  readonly monitor?: StartMonitor;
}

/** What a peer is to know, beside who it is. */
export interface PeerPlan {
  readonly peer: BgpPeerConfig;
  /** `undefined` until it is known in full: a peer that kept our routes over a restart must not lose them. */
  readonly routes: RouteTable | undefined;
}

const NO_ROUTES = routeTable([]);

/** The sessions of this node: one with each peer that is wanted. */
export class BgpSessions {
  readonly #identity: BgpIdentity;
  readonly #ports: BgpPorts;
  /** By name of the peer; bounded by the configuration. */
  readonly #sessions = new Map<string, PeerSession>();
  readonly #incoming: BgpIncoming | undefined;
  readonly #monitor: SessionMonitor | undefined;
  #draining = false;
  /** Whether peers may still have routes from before this process began: until they were configured first. */
  #isFirst = true;
  /** Whether another process is to take over from this one. */
  #isFollowed = true;
  /** What was said of peers that stand behind others; bounded by the configuration. */
  #saidOfRivals: ReadonlyMap<string, string> = new Map();
  /** How many sessions were begun. */
  #begun = 0;

  constructor(identity: BgpIdentity, ports: BgpPorts) {
    this.#identity = identity;
    this.#ports = ports;
    this.#incoming = incomingOf(ports);
    this.#monitor = ports.monitor?.({
      told: (id) => this.#sessionOf(id)?.told() ?? [].values(),
      families: (id) => this.#sessionOf(id)?.families ?? [],
      count: (id) => this.#sessionOf(id)?.counts ?? { 4: 0, 6: 0 },
    });
    ports.metrics.watch(() => [...this.#sessions.values()].map((session) => session.sight()));
  }

  /**
   * All peers there are to be, and what each is to know. One that is as before keeps its session, whatever it is called.
   *
   * @param rivals peers that are to have no session, and which has the one with their router.
   */
  plan(plans: readonly PeerPlan[], rivals: ReadonlyMap<BgpPeerConfig, BgpPeerConfig> = new Map()): void {
    const before = this.#callers();
    const peers = plans.map(({ peer }) => peer);
    const names = namesOfKept(new Map([...this.#sessions].map(([name, { key }]) => [name, key])), peers);
    this.#endBut(names, peers);
    // Why here: what ended was told under the name that it had.
    this.#ports.words.planned(peers, names, rivals);
    this.#sayRivals(rivals);
    this.#rename(names);
    for (const { peer, routes } of plans) {
      const kept = this.#sessions.get(peer.name);
      kept?.takeOver(peer);
      const session = kept ?? this.#begin(peer);
      if (routes !== undefined) session?.tell(routes);
    }
    if (plans.length > 0) this.#isFirst = false;
    this.#expect(before);
  }

  /** Asks every peer to prefer other ways from now on, or not any more (RFC 8326). */
  drain(draining: boolean): void {
    this.#draining = draining;
    for (const session of this.#sessions.values()) session.feed({ type: "drain", draining });
  }

  /**
   * This process is about to end. Peers that agreed to keep the routes over a restart are left alone if another
   * process is to follow; the others are asked to prefer other ways.
   */
  part(isFollowed: boolean): void {
    this.#isFollowed = isFollowed;
    for (const session of this.#sessions.values()) {
      if (!this.#outlives(session)) session.feed({ type: "drain", draining: true });
    }
  }

  /** Whether some peer has routes of us that it is to lose when we go. */
  get isMissed(): boolean {
    return [...this.#sessions.values()].some((session) => session.has > 0 && !this.#outlives(session));
  }

  /** Takes back whatever is not to outlive this process. */
  withdraw(): void {
    for (const session of this.#sessions.values()) if (!this.#outlives(session)) session.tell(NO_ROUTES);
  }

  /** Says good-bye. */
  stop(text: string): void {
    this.#incoming?.stop();
    for (const [name, session] of this.#sessions) {
      this.#end(name, { type: "stop", how: this.#outlives(session) ? "restart" : "shutdown", text });
    }
    this.#monitor?.stop();
  }

  /** The way to a peer is broken: what there is of a session with it ends now, and is tried again in its time. */
  fail(peer: string, why: string): void {
    this.#sessions.get(peer)?.feed({ type: "peer-down", why });
  }

  /** There is a router on an interface, or another one: peers that are found there need not wait any longer. */
  found(link: string): void {
    for (const session of this.#sessions.values()) if (session.link === link) session.found();
  }

  /** The link is gone that sessions with peers on an interface went over: they end, and are tried again in their time. */
  cut(link: string, why: string): void {
    for (const session of this.#sessions.values()) if (session.link === link) session.cut(why);
  }

  /** Addresses of this node may have come or gone. */
  readdress(): void {
    for (const session of this.#sessions.values()) session.readdress();
  }

  /** The way to a peer; `undefined` where there is no session with it. */
  wayTo(peer: string): PeerWay | undefined {
    return this.#sessions.get(peer)?.way;
  }

  /** How many there are, established or not. */
  get count(): number {
    return this.#sessions.size;
  }

  /** Once for each that is new. */
  #sayRivals(rivals: ReadonlyMap<BgpPeerConfig, BgpPeerConfig>): void {
    const said = this.#saidOfRivals;
    this.#saidOfRivals = new Map([...rivals].map(([peer, { name }]) => [peer.name, sameRouter(name)]));
    for (const [peer, reason] of this.#saidOfRivals) {
      if (said.get(peer) !== reason) this.#ports.log.warn("BGP peer has no session", { peer, reason });
    }
  }

  /** Who may connect to us, by name of the session. */
  #callers(): ReadonlyMap<string, BgpTarget> {
    return new Map([...this.#sessions].flatMap(([name, { target }]) => (target ? [[name, target]] : [])));
  }

  /** @param before whose connections were taken until now. */
  #expect(before: ReadonlyMap<string, BgpTarget>): void {
    const now = this.#callers();
    if (now.size === before.size && [...now].every(([name, target]) => before.get(name) === target)) return;
    const sessions = [...this.#sessions.values()];
    this.#incoming?.expect(sessions.map((session) => session.expected).filter((each) => each !== undefined));
  }

  /** Ends all others than those that are kept. One with a router that is still among the peers begins again soon. */
  #endBut(kept: ReadonlyMap<string, string>, peers: readonly BgpPeerConfig[]): void {
    const routers = new Set(peers.map(routerOf));
    for (const [name, { router }] of this.#sessions) {
      if (kept.has(name)) continue;
      const how = routers.has(router) ? "reset" : "deconfigured";
      this.#end(name, { type: "stop", how, text: "the configuration changed" });
    }
  }

  #rename(names: ReadonlyMap<string, string>): void {
    const sessions = [...this.#sessions];
    this.#sessions.clear();
    for (const [before, session] of sessions) {
      const name = names.get(before) ?? before;
      session.rename(name);
      this.#sessions.set(name, session);
    }
  }

  /** @param id see `PeerSession`. */
  #sessionOf(id: string): PeerSession | undefined {
    return [...this.#sessions.values()].find((session) => session.id === id);
  }

  #outlives(session: PeerSession): boolean {
    return this.#isFollowed && session.keepsRoutes;
  }

  #begin(peer: BgpPeerConfig): PeerSession | undefined {
    if (!isUsable(peer)) return undefined;
    this.#begun += 1;
    const setting = { id: `${this.#begun}`, identity: this.#identity, restarting: this.#isFirst };
    const session = new PeerSession(peer, setting, this.#ports, this.#monitor);
    this.#sessions.set(peer.name, session);
    if (this.#draining) session.feed({ type: "drain", draining: true });
    session.feed({ type: "start" });
    return session;
  }

  #end(name: string, stop: Stop): void {
    const session = this.#sessions.get(name);
    this.#sessions.delete(name);
    session?.end(stop);
  }
}

function incomingOf({ incoming, clock, log, metrics }: BgpPorts): BgpIncoming | undefined {
  if (incoming === undefined) return undefined;
  const { port, sockets } = incoming;
  const onRefused = (reason: string): void => metrics.refused.inc({ reason });
  return new BgpIncoming(port, { clock, sockets, log, onRefused });
}

/** Which router a peer is, by whatever it is spoken to. */
function routerOf(peer: BgpPeerConfig): string {
  return `${peerLabel(peer)} ${peer.vrf ?? ""}`;
}

/** Where a peer is when it connects to us; `undefined` where its address is one of a link: we connect there. */
function targetOfCaller(peer: BgpPeerConfig): BgpTarget | undefined {
  const target = targetOf(peer);
  return target?.interface === undefined ? target : undefined;
}

interface Setting {
  /** Of its own, whatever it will be called. */
  readonly id: string;
  readonly identity: BgpIdentity;
  /** Whether the peer may still have routes from before this process began. */
  readonly restarting: boolean;
}

class PeerSession {
  /** No other session had it, or will have. */
  readonly id: string;
  readonly key: string;
  /** Which router it is with. */
  readonly router: string;
  /** Of a peer that is known by its interface, that. */
  readonly link: string | undefined;
  readonly feed: (input: BgpInput) => void;
  /** Who it is when it connects to us, if it may. */
  target: BgpTarget | undefined;
  #name: string;
  /** As they are in force, to be compared. */
  #timers: string;
  #ttls: string;
  readonly #labels: SessionLabels;
  readonly #dialler: PeerDialler;
  readonly #monitor: SessionMonitor | undefined;
  readonly #ports: BgpPorts;
  #log: Log;
  readonly #core: BgpSession;
  readonly #driven: Driven<BgpInput>;
  /** How many connections of the peer's were taken. */
  #accepted = 0;
  /** Bounded by the session: two at most. */
  readonly #connections = new Map<ConnectionId, BgpConnection>();
  #routes: RouteTable | undefined;
  /** What was said last of why there is no session: once for each new answer. */
  #said = "";
  readonly #noticeNews = new NoticeNews();

  constructor(
    peer: BgpPeerConfig,
    { id, identity, restarting }: Setting,
    ports: BgpPorts,
    monitor: SessionMonitor | undefined,
  ) {
    this.#monitor = monitor;
    this.id = id;
    this.key = sessionKey(peer);
    this.router = routerOf(peer);
    this.#name = peer.name;
    this.#timers = JSON.stringify(sessionTimers(peer));
    this.#ttls = JSON.stringify(ttlsOf(peer));
    this.#labels = { peer: peerLabel(peer), vrf: peer.vrf ?? "default" };
    this.link = linkOf(peer);
    this.#dialler = new PeerDialler(peer, ports);
    this.target = targetOfCaller(peer);
    this.#ports = ports;
    this.#log = this.#logOf(peer.name);
    this.#core = new BgpSession(sessionOptions(peer, identity, restarting), ports.random);
    this.#driven = drive(this.#core, ports.clock, (effect) => this.#perform(effect));
    this.feed = this.#driven.feed;
  }

  /** What it is called from now on. */
  rename(name: string): void {
    if (name === this.#name) return;
    this.#log.info("BGP session has another name", { name });
    this.#name = name;
    this.#log = this.#logOf(name);
  }

  /** What is new of a peer whose session goes on. */
  takeOver(peer: BgpPeerConfig): void {
    this.#dialler.setPeer(peer);
    this.#retime(peer);
    this.#reach(peer);
  }

  #retime(peer: BgpPeerConfig): void {
    const timers = sessionTimers(peer);
    const is = JSON.stringify(timers);
    if (is === this.#timers) return;
    this.#timers = is;
    this.#log.info("BGP session has other timers", { ...timers });
    this.feed({ type: "timers", timers });
  }

  #reach(peer: BgpPeerConfig): void {
    const ttls = ttlsOf(peer);
    const is = JSON.stringify(ttls);
    if (is === this.#ttls) return;
    this.#ttls = is;
    this.target = targetOfCaller(peer);
    this.#log.info("BGP session has another TTL", { ...ttls });
    for (const connection of this.#connections.values()) connection.reach?.(ttls);
  }

  /** How to let the peer in when it connects to us, if it may. */
  get expected(): ExpectedPeer | undefined {
    const { target } = this;
    return target && { name: this.#name, target, accept: (arrival) => this.#accept(arrival, target) };
  }

  /** How many routes the peer has of us. */
  get has(): number {
    const { told } = this.#core.status();
    return told[4] + told[6];
  }

  /** Whether the peer agreed to keep our routes over a restart of this process. */
  get keepsRoutes(): boolean {
    return this.#core.status().negotiated?.gracefulRestart !== undefined;
  }

  tell(routes: RouteTable): void {
    this.#routes = routes;
    this.feed({ type: "routes", routes });
  }

  sight(): SessionSight {
    return { labels: this.#labels, status: this.#core.status(), wanted: this.#routes?.size ?? 0 };
  }

  /** All that the peer was told and still has, as UPDATEs. */
  told(): Iterator<Uint8Array> {
    return this.#core.told();
  }

  /** Of which it is told. */
  get families(): readonly IpFamily[] {
    return this.#core.status().negotiated?.families ?? [];
  }

  /** How many routes it has of us. */
  get counts(): RouteCounts {
    return this.#core.status().told;
  }

  get way(): PeerWay {
    return this.#dialler.way;
  }

  found(): void {
    this.#dialler.found();
    this.feed({ type: "reachable" });
  }

  cut(why: string): void {
    this.#dialler.lost();
    for (const [connection, opened] of this.#connections) {
      opened.close();
      this.#connections.delete(connection);
      this.feed({ type: "closed", connection, why });
    }
  }

  readdress(): void {
    for (const [connection, opened] of this.#connections) {
      const local = opened.local?.();
      if (local !== undefined) this.feed({ type: "addresses", connection, local });
    }
  }

  end(stop: Stop): void {
    this.feed(stop);
    this.#driven.stop();
    for (const connection of this.#connections.values()) connection.close();
    this.#connections.clear();
    this.#ports.metrics.forget(this.#labels);
  }

  #logOf(name: string): Log {
    return this.#ports.log.with({ peer: name, address: this.#labels.peer });
  }

  #perform(effect: BgpEffect): void {
    switch (effect.type) {
      case "connect":
        this.#dial(effect.connection);
        return;
      case "send":
        this.#connections.get(effect.connection)?.send(effect.bytes);
        if (areUpdates(effect.bytes)) this.#monitor?.told(this.id, effect.bytes);
        return;
      case "close":
        this.#connections.get(effect.connection)?.close();
        this.#connections.delete(effect.connection);
        return;
      default:
        this.#report(effect);
    }
  }

  #dial(connection: ConnectionId): void {
    const opened = this.#dialler.dial({
      onConnected: (local) => this.feed({ type: "connected", connection, local }),
      ...this.#listenersOf(connection),
    });
    this.#connections.set(connection, opened);
  }

  #accept(arrival: BgpArrival, target: BgpTarget): void {
    this.#accepted += 1;
    const number = -this.#accepted;
    const { connection, local } = arrival.take(target, this.#listenersOf(number));
    this.#connections.set(number, connection);
    this.feed({ type: "accepted", connection: number, local });
  }

  #listenersOf(connection: ConnectionId): Omit<BgpListeners, "onConnected"> {
    return {
      onBytes: (bytes) => this.feed({ type: "bytes", connection, bytes }),
      onClosed: (why) => {
        this.#connections.delete(connection);
        this.feed({ type: "closed", connection, why });
      },
    };
  }

  #report(effect: Exclude<BgpEffect, { type: "connect" | "send" | "close" }>): void {
    const { metrics } = this.#ports;
    switch (effect.type) {
      case "established": {
        const { peerAsn, peerRouterId, holdTimeSeconds, families, asnOctets } = effect.negotiated;
        const agreed = { peerAsn, peerRouterId, holdTimeSeconds, families, asnOctets };
        this.#log.info("BGP session established", agreed);
        this.#said = "";
        // Why no sooner: whoever connects beside a session may have come to another address, and has no session yet.
        this.#dialler.reached(effect.local);
        this.#ports.words.established(this.#name);
        this.#monitor?.up(this.id, peerUp(effect, this.way.remote, this.#connections.get(effect.connection)));
        return;
      }
      case "down": {
        const { reason, text } = effect.error;
        this.#ports.words.failed(this.#name, reason, text);
        if (effect.established) {
          this.#noticeNews.ended();
          this.#monitor?.down(this.id, peerEnd(effect));
        }
        metrics.downs.inc({ ...this.#labels, reason });
        if (this.link !== undefined) this.#ports.onDoubt(this.link);
        if (reason === "stopped" || reason === "restarting") this.#log.info("BGP session ended", { text });
        else this.#sayDown(reason, text, effect.established);
        return;
      }
      case "notice": {
        const { reason, detail, update } = effect;
        metrics.notices.inc({ ...this.#labels, reason });
        const fields = { reason, detail, ...(update && { update: Buffer.from(update).toString("hex") }) };
        if (this.#noticeNews.isNews(reason, detail)) this.#log.warn("BGP notice", fields);
        else this.#log.debug("BGP notice", fields);
        return;
      }
      case "told": {
        const { announced, withdrawn, updates } = effect;
        this.#log.debug("BGP peer told", { announced, withdrawn, updates });
        return;
      }
      case "state":
        this.#log.debug("BGP state", { from: effect.from, to: effect.to });
        return;
      case "end-of-rib":
        return;
    }
  }

  /** A router that is away is tried many times: the same answer is worth a line once. */
  #sayDown(reason: string, text: string, established: boolean): void {
    const message = established ? "BGP session down" : "BGP session failed";
    const isNews = this.#said !== text;
    this.#said = text;
    if (isNews || established) this.#log.warn(message, { reason, text });
    else this.#log.debug(message, { reason, text });
  }
}
