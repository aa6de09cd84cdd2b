import { isDeepStrictEqual } from "node:util";
import { type ApiClient, ApiError, type ApiObject } from "@herald/k8s/api";
import { BGP_SESSION_STATES, type SessionView, sessionView } from "@herald/k8s/bgp-session-state";
import { type OptionalNotice, OptionalReflector } from "@herald/k8s/optional-reflector";
import { metallbPath, objectPath } from "@herald/k8s/paths";
import { WorkQueue } from "@herald/k8s/queue";
import type { Clock, Random } from "@herald/shared/core";
import { type AnnotatedObject, annotatedObject } from "./annotation-watch.ts";
import { FIELD_MANAGER } from "./field-manager.ts";

export interface PeerSummariesOptions {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  /** Names of nodes whose kubelet is not heard, as far as they are known. */
  readonly unready: () => ReadonlySet<string>;
  /** Whether we still lead; asked right before every request. */
  readonly mayWrite: () => boolean;
  /** Some BGPPeer may be different now. */
  readonly onPeers?: () => void;
  readonly notice: (resource: SummedKind, notice: OptionalNotice) => void;
  readonly retried: (retry: { readonly key: string; readonly error: Error; readonly inMs: number }) => void;
}

export type SummedKind = "bgppeers" | typeof BGP_SESSION_STATES.plural;

/** What a BGPPeer says of the sessions with its router. */
export interface PeerSummary {
  readonly sessions: number;
  readonly established: number;
  readonly summary: string;
  readonly troubles: readonly string[];
}

const COALESCE_MS = 1_000;
/** Between two looks: a router that ends is news of every node, and every speaker hears of each write. */
const GAP_MS = 5_000;
const RETRY = { minMs: 1_000, maxMs: 60_000 };
const MAX_TROUBLES = 10;

/**
 * Keeps in the status of every BGPPeer how many nodes have a session with its router, and what is the matter with those
 * that have none. Each speaker writes of its own sessions alone; here they are added up.
 */
export class PeerSummaries {
  readonly #options: PeerSummariesOptions;
  readonly #states: OptionalReflector<SessionView>;
  readonly #peers: OptionalReflector<PeerView>;
  readonly #queue: WorkQueue;
  /** By name; bounded by the BGPPeers. */
  #wanted: ReadonlyMap<string, PeerSummary> = new Map();
  /** What was written last over which view: definitions of others drop it, and it is not there ever after. */
  readonly #written = new Map<string, { readonly over: unknown; readonly wanted: PeerSummary }>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  #cancel: (() => void) | undefined; // while a look is due

  constructor(options: PeerSummariesOptions) {
    const { client, clock, random, namespace, notice, retried, onPeers } = options;
    this.#options = options;
    this.#queue = new WorkQueue({ clock, random, concurrency: 1, retry: RETRY, retried });
    const ports = { client, clock, random, isSame: isDeepStrictEqual, onChange: () => this.changed() };
    this.#states = new OptionalReflector<SessionView>({
      ...ports,
      path: metallbPath(BGP_SESSION_STATES.plural, namespace),
      view: sessionView,
      notice: (news) => notice(BGP_SESSION_STATES.plural, news),
    });
    this.#peers = new OptionalReflector<PeerView>({
      ...ports,
      path: metallbPath("bgppeers", namespace, "v1beta2"),
      view: peerView,
      onChange: () => {
        this.changed();
        onPeers?.();
      },
      notice: (news) => notice("bgppeers", news),
    });
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(lease: AbortSignal, lost: AbortSignal): Promise<void> {
    const writing = this.#queue.run(async (name) => {
      try {
        await this.#write(name, lost);
      } catch (error) {
        if (!lost.aborted) throw error;
      }
    }, lease);
    await Promise.all([this.#states.run(lease), this.#peers.run(lease), writing]);
    this.#cancel?.();
  }

  /** The BGPPeers, as far as they are known. */
  annotated(): readonly AnnotatedObject[] {
    return (this.#peers.values() ?? []).map(({ annotated }) => annotated);
  }

  /** Sessions, peers or nodes may be different now; they are looked at soon. */
  changed(): void {
    const { clock } = this.#options;
    const due = Math.max(clock.now() + COALESCE_MS, this.#lookedAt + GAP_MS);
    this.#cancel ??= clock.at(due, () => this.#look());
  }

  #look(): void {
    this.#cancel = undefined;
    this.#lookedAt = this.#options.clock.now();
    const [states, peers] = [this.#states.values(), this.#peers.values()];
    if (states === undefined || peers === undefined) return;
    const byPeer = Map.groupBy(states, ({ peer }) => peer);
    // One that nobody ever had a session with has nothing to say.
    const summed = peers.filter(({ name, status }) => byPeer.has(name) || "sessions" in status);
    const unready = this.#options.unready();
    this.#wanted = new Map(summed.map(({ name }) => [name, summaryOf(byPeer.get(name) ?? [], unready)]));
    for (const name of this.#written.keys()) if (!this.#wanted.has(name)) this.#written.delete(name);
    for (const name of this.#wanted.keys()) this.#queue.add(name);
  }

  async #write(name: string, signal: AbortSignal): Promise<void> {
    const { client, namespace, mayWrite } = this.#options;
    const wanted = this.#wanted.get(name);
    const over = this.#peers.values()?.find((peer) => peer.name === name);
    if (wanted === undefined || over === undefined || says(over, wanted) || !mayWrite()) return;
    const last = this.#written.get(name);
    if (last?.over === over && isDeepStrictEqual(last.wanted, wanted)) return;
    const path = `${objectPath(metallbPath("bgppeers", namespace, "v1beta2"), name)}/status`;
    try {
      // Why no server-side apply: that refuses fields which the definition does not know, and MetalLB's knows none.
      await client.patch(path, "merge", { status: wanted }, { fieldManager: FIELD_MANAGER, signal });
      this.#written.set(name, { over, wanted });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
}

interface PeerView {
  readonly name: string;
  readonly status: Readonly<Record<string, unknown>>;
  readonly annotated: AnnotatedObject;
}

function peerView({ status, ...object }: ApiObject & { readonly status?: object }): PeerView {
  const annotated = annotatedObject({ apiVersion: "metallb.io/v1beta2", kind: "BGPPeer" }, object);
  return { name: annotated.reference.name, status: { ...status }, annotated };
}

function says({ status }: PeerView, wanted: PeerSummary): boolean {
  return Object.entries(wanted).every(([name, value]) => isDeepStrictEqual(status[name], value));
}

/**
 * What a node says stays when the node is cut off or without power: its word counts while its kubelet is heard.
 *
 * @param states of one peer, a node each.
 */
function summaryOf(states: readonly SessionView[], unready: ReadonlySet<string>): PeerSummary {
  const others = states.filter(({ isEstablished, node }) => !isEstablished || unready.has(node));
  const established = states.length - others.length;
  const troubles = others.map((state) => `${state.node}: ${troubleOf(state, unready.has(state.node))}`);
  return {
    sessions: states.length,
    established,
    summary: `${established}/${states.length} established`,
    troubles: troubles.sort().slice(0, MAX_TROUBLES),
  };
}

function troubleOf({ isEstablished, error }: SessionView, isUnready: boolean): string {
  const word = isEstablished ? "Established" : error === "" ? "no answer yet" : error;
  return isUnready ? `the node is not ready; its last word was ${word}` : word;
}
