import type { DownReason } from "@herald/bgp/reasons";
import type { SessionStanding } from "@herald/k8s/bgp-session-state";
import type { EventRecord } from "@herald/k8s/events";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import { isUsable, peerLabel } from "./bgp-peer.ts";
import type { SessionWord } from "./kubernetes-protocol.ts";

export interface SessionWordsPorts {
  /** Milliseconds since 1970. */
  readonly epochMs: () => number;
  readonly saySession: (word: SessionWord) => void;
  readonly recordEvent: (record: EventRecord) => void;
}

/** The router and this side have met, and do not agree: that says more than the silence that follows. */
const VERDICTS: ReadonlySet<DownReason> = new Set(["notification", "open-refused", "protocol-error"]);
/** What ends so ends by our own will, and is no trouble. */
const IN_ORDER: ReadonlySet<DownReason> = new Set(["stopped", "restarting", "collision"]);

const NO_PASSWORD = "its password is not known yet; the ConfigurationState of this node says why";
/** TCP-MD5 (RFC 2385 §4.1): a segment that is not signed as it should be is dropped, and nobody is told. */
const SILENCE = "a password that is wrong, or set on one side only, looks the same";

/** Says how the session with each router stands: only what a person would call news, and each piece once. */
export class SessionWords {
  readonly #node: string;
  readonly #ports: SessionWordsPorts;
  /** By name of the peer; bounded by the configuration. */
  readonly #known = new Map<string, Known>();

  constructor(node: string, ports: SessionWordsPorts) {
    this.#node = node;
    this.#ports = ports;
  }

  /**
   * All peers there are to be, before anything is heard of their sessions.
   *
   * @param names by the name that a session had, the one that it has now.
   * @param rivals peers that are to have no session, and which has the one with their router.
   */
  planned(
    peers: readonly BgpPeerConfig[],
    names: ReadonlyMap<string, string> = new Map(),
    rivals: ReadonlyMap<BgpPeerConfig, BgpPeerConfig> = new Map(),
  ): void {
    const all = [...peers, ...rivals.keys()];
    this.#carryOver(new Set(all.map(({ name }) => name)), names);
    for (const peer of all) {
      const [address, vrf] = [peerLabel(peer), peer.vrf ?? "default"];
      const known = this.#known.get(peer.name) ?? this.#begin(address, vrf);
      this.#known.set(peer.name, known);
      known.standing = { ...known.standing, address, vrf };
      this.#hinder(known, obstacleTo(peer, rivals.get(peer)));
      this.#say(peer.name);
    }
  }

  established(peer: string): void {
    const known = this.#known.get(peer);
    if (known === undefined) return;
    this.#become(known, "Established");
    known.verdict = "";
    known.isReported = false;
    this.#say(peer);
  }

  /** A session ended, or an attempt to get one came to nothing. */
  failed(peer: string, reason: DownReason, text: string): void {
    const known = this.#known.get(peer);
    if (known === undefined) return;
    this.#become(known, "Down");
    if (!IN_ORDER.has(reason)) this.#complain(known, peer, reason, text);
    this.#say(peer);
  }

  /** @param hears what BFD makes of each peer it watches: whether it hears the router. */
  watched(hears: ReadonlyMap<string, boolean>): void {
    for (const [peer, known] of this.#known) {
      const isUp = hears.get(peer);
      known.standing = { ...known.standing, bfd: isUp === undefined ? "N/A" : isUp ? "Up" : "Down" };
      this.#say(peer);
    }
  }

  #carryOver(wanted: ReadonlySet<string>, names: ReadonlyMap<string, string>): void {
    const taken = new Set(names.values());
    const before = [...this.#known];
    this.#known.clear();
    for (const [peer, known] of before) {
      if (!wanted.has(peer)) this.#ports.saySession({ type: "gone", peer });
      // Without a session of its own it keeps its name, unless another session has that now.
      const name = names.get(peer) ?? (taken.has(peer) ? undefined : peer);
      if (name === undefined || !wanted.has(name)) continue;
      if (name !== peer) known.said = "";
      this.#known.set(name, known);
    }
  }

  #begin(address: string, vrf: string): Known {
    const sinceMs = this.#ports.epochMs();
    const standing = { address, vrf, bgp: "Down", bfd: "N/A", sinceMs, error: undefined } as const;
    return { standing, obstacle: "", verdict: "", isReported: false, said: "" };
  }

  /** A session that ends for want of what it takes ends by our own will: nothing else says why there is none. */
  #hinder(known: Known, obstacle: string): void {
    if (obstacle !== "" && known.obstacle !== obstacle) {
      known.standing = { ...known.standing, error: { text: obstacle, atMs: this.#ports.epochMs() } };
    }
    known.obstacle = obstacle;
  }

  #become(known: Known, bgp: SessionStanding["bgp"]): void {
    if (known.standing.bgp === bgp) return;
    known.standing = { ...known.standing, bgp, sinceMs: this.#ports.epochMs() };
  }

  #complain(known: Known, peer: string, reason: DownReason, text: string): void {
    if (VERDICTS.has(reason)) known.verdict = text;
    const words = inWords(reason, text, known.verdict);
    const { error, sinceMs } = known.standing;
    // Why the time: what it was an earlier time, too, went wrong anew.
    if (error?.text !== words || error.atMs < sinceMs) {
      known.standing = { ...known.standing, error: { text: words, atMs: this.#ports.epochMs() } };
    }
    if (reason === "peer-down")
      known.isReported = true; // BFD has an Event of its own
    else this.#report(known, peer, words);
  }

  /** On the Node, for those who have no BGPSessionStates: once for each time that the router is away. */
  #report(known: Known, peer: string, text: string): void {
    if (known.isReported) return;
    known.isReported = true;
    this.#ports.recordEvent({
      // A Node's Events have its name as uid, as the kubelet's: `kubectl describe node` asks for that.
      regarding: { apiVersion: "v1", kind: "Node", namespace: "", name: this.#node, uid: this.#node },
      type: "Warning",
      reason: "BGPSessionDown",
      message: `no BGP session with ${known.standing.address} (BGP peer ${peer}): ${text}`,
    });
  }

  #say(peer: string): void {
    const known = this.#known.get(peer);
    if (known === undefined) return;
    const text = JSON.stringify(known.standing);
    if (known.said === text) return;
    known.said = text;
    this.#ports.saySession({ type: "here", peer, standing: known.standing });
  }
}

interface Known {
  standing: SessionStanding;
  /** Why there can be no session; "": there can. */
  obstacle: string;
  /** What was agreed or not when both met last; empty since there was a session. */
  verdict: string;
  /** Whether there is an Event for the time since there was a session. */
  isReported: boolean;
  /** The standing that was said last, as text. */
  said: string;
}

function obstacleTo(peer: BgpPeerConfig, rival: BgpPeerConfig | undefined): string {
  if (rival !== undefined) return sameRouter(rival.name);
  return isUsable(peer) ? "" : NO_PASSWORD;
}

/** @param peer that has the session. */
export function sameRouter(peer: string): string {
  return `BGP peer ${peer} has the session with this router: it takes one from each address`;
}

function inWords(reason: DownReason, text: string, verdict: string): string {
  const words =
    reason === "connect-failed" && text.startsWith("no connection within") ? `${text}; ${SILENCE}` : text;
  return verdict === "" || verdict === text ? words : `${words} (before that: ${verdict})`;
}
