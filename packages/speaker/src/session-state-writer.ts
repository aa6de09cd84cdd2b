import type { ApiClient, ApiError } from "@herald/k8s/api";
import {
  BGP_SESSION_STATES,
  removeSessionState,
  sessionStateName,
  sweepSessionStates,
  writeSessionState,
} from "@herald/k8s/bgp-session-state";
import { LackingFields } from "@herald/k8s/lacking-fields";
import { WorkQueue } from "@herald/k8s/queue";
import type { ServedKinds } from "@herald/k8s/served-kinds";
import { lookAgainMs, type StatusObjectPorts } from "@herald/k8s/status-object";
import { whenAborted } from "@herald/k8s/when-aborted";
import type { Clock, Instant, Random } from "@herald/shared/core";
import { FIELD_MANAGER } from "./field-manager.ts";
import type { SessionWord } from "./kubernetes-protocol.ts";
import type { OwnPod } from "./own-pod.ts";

const CONCURRENCY = 2;
const RETRY = { minMs: 1_000, maxMs: 60_000 };
/** For what comes with a piece of news, ms; half of it by chance: a router that ends has a session with every node. */
const SETTLE_MS = 1_000;
/** Between two writes on one session, ms: at first, and for one that keeps coming and going. */
const GAP_MS = { min: 2_000, max: 60_000 };
/** No peer has that name: names of objects have no blanks, and those of a ConfigMap neither. */
const LEFTOVERS = "left over";
const LOOK = "there still?";

interface Written {
  readonly word: SessionWord;
  readonly at: Instant;
  readonly gapMs: number;
}

export interface SessionStateWriterPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly namespace: string;
  readonly node: string;
  /** What it writes belongs to. */
  readonly pod: OwnPod;
  readonly served: ServedKinds;
  /** It could not be written, and will be tried again. */
  readonly failed: (peer: string, error: ApiError) => void;
}

/**
 * Keeps a BGPSessionState for each router that this node has a session with, or should have, once the API server serves
 * that kind. A session that comes and goes is written of ever less often, the newest always in the end.
 */
export class SessionStateWriter {
  readonly #ports: SessionStateWriterPorts;
  readonly #queue: WorkQueue;
  readonly #lacking: LackingFields;
  /** By peer, not written yet; bounded by the peers there are or were. */
  readonly #words = new Map<string, SessionWord>();
  /** By peer, those that were written; bounded by the peers. */
  readonly #written = new Map<string, Written>();
  #isRunning = false;

  constructor(ports: SessionStateWriterPorts) {
    const { clock, random, failed } = ports;
    this.#ports = ports;
    this.#lacking = new LackingFields({ clock, found: (error) => failed(BGP_SESSION_STATES.kind, error) });
    this.#queue = new WorkQueue({
      clock,
      random,
      concurrency: CONCURRENCY,
      retry: RETRY,
      retried: ({ key, error }) => failed(key, error),
    });
  }

  /** Takes the place of an earlier word on the session. */
  put(word: SessionWord): void {
    const { peer, type } = word;
    // Until there is the kind, nothing is written that could go.
    if (this.#isRunning || type === "here") this.#words.set(peer, word);
    else this.#words.delete(peer);
    if (this.#isRunning) this.#schedule(peer);
  }

  /** All that is to be said has been put by now: what the speaker said before it was started anew goes. */
  settled(): void {
    this.#queue.add(LEFTOVERS);
  }

  /** Resolves only when aborted, rejects only for a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    const { served } = this.#ports;
    await Promise.race([served.whenServed(BGP_SESSION_STATES.plural), whenAborted(signal)]);
    this.#isRunning = true;
    for (const peer of this.#words.keys()) this.#schedule(peer);
    this.#lookLater();
    await this.#queue.run(async (key) => {
      if (key === LEFTOVERS) await this.#sweep(signal);
      else if (key === LOOK) this.#look();
      else await this.#write(key, signal);
    }, signal);
  }

  #lookLater(): void {
    this.#queue.addAfter(LOOK, lookAgainMs(this.#ports.random));
  }

  /** Says all again, for somebody may have deleted or edited it: what is there is not written. */
  #look(): void {
    for (const [peer, { word }] of this.#written) if (!this.#words.has(peer)) this.put(word);
    this.#lookLater();
  }

  #schedule(peer: string): void {
    const settleMs = SETTLE_MS * (0.5 + this.#ports.random.next() / 2);
    this.#queue.addAfter(peer, Math.max(settleMs, this.#restMs(peer)));
  }

  /** Until this session may be written of again. */
  #restMs(peer: string): number {
    const last = this.#written.get(peer);
    return last === undefined ? 0 : last.at + last.gapMs - this.#ports.clock.now();
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const { node } = this.#ports;
    const known = (): ReadonlySet<string> =>
      new Set(
        [...this.#words.keys(), ...this.#written.keys()].map((peer) => sessionStateName({ node, peer })),
      );
    await sweepSessionStates(this.#object(signal), node, (name) => known().has(name));
  }

  async #write(peer: string, signal: AbortSignal): Promise<void> {
    const word = this.#words.get(peer);
    if (word === undefined) return;
    if (this.#restMs(peer) > 0) return this.#schedule(peer); // it was put while the last was being written
    const { node, pod } = this.#ports;
    const ports = this.#object(signal);
    if (word.type === "here") {
      const outcome = await writeSessionState(ports, { node, peer }, word.standing, await pod.find(signal));
      const last = this.#written.get(peer);
      const pace = outcome === "written" || last === undefined ? this.#paceAfter(last) : last;
      this.#written.set(peer, { ...pace, word });
    } else {
      await removeSessionState(ports, { node, peer });
      this.#written.delete(peer);
    }
    if (this.#words.get(peer) === word) this.#words.delete(peer);
    else this.#schedule(peer);
  }

  /** Twice as long as before the last write, unless all was quiet since. */
  #paceAfter(last: Written | undefined): Pick<Written, "at" | "gapMs"> {
    const at = this.#ports.clock.now();
    const isQuiet = last === undefined || at - last.at > 2 * GAP_MS.max;
    return { at, gapMs: isQuiet ? GAP_MS.min : Math.min(2 * last.gapMs, GAP_MS.max) };
  }

  #object(signal: AbortSignal): StatusObjectPorts {
    const { client, namespace } = this.#ports;
    return { client, namespace, fieldManager: FIELD_MANAGER, lacking: this.#lacking, signal };
  }
}
