import type { Clock, Instant, Random } from "@herald/shared/core";
import { happens } from "./random.ts";

export interface DatagramNetOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Probability that a datagram is lost, 0 to 1; on a stream it costs a retransmission instead. */
  readonly loss: number;
  /** Probability that a datagram arrives twice. */
  readonly duplication: number;
  /** Shortest and longest way, ms; datagrams overtake each other when they differ. */
  readonly delayMs: readonly [shortest: number, longest: number];
  /** Whether what one address sends gets to another now, beside partitions and cuts. Yes when left out. */
  readonly connects?: (from: string, to: string) => boolean;
}

/** Who is plugged in. */
export interface DatagramHost<Data> {
  datagram(from: string, data: Data): void;
  /** Somebody opened a stream and said this. `answer` at most once; `undefined` closes without a word. */
  request(from: string, data: Data, answer: (data: Data | undefined) => void): void;
}

export type RequestOutcome<Data> =
  | { readonly type: "answer"; readonly data: Data }
  | { readonly type: "refused" }
  | { readonly type: "closed" };

export interface DatagramPort<Data> {
  /** Stands still while the host is paused; what was due meanwhile runs when it goes on. */
  readonly clock: Clock;
  send(to: string, data: Data): void;
  /** A stream with one message each way. No outcome at all when the other end is out of reach. */
  request(to: string, data: Data, outcome: (outcome: RequestOutcome<Data>) => void): void;
  /** The machine is gone without a trace, or only its process: then streams are refused. */
  unplug(what: "machine" | "process"): void;
}

/** First retransmission of a stream's segment, ms; Linux's minimum. */
const RETRANSMIT_MS = 200;

/** Packets that came in during a pause are read after the timers that fell due in it, as an event loop does. */
const READ_AFTER_TIMERS_MS = 0.01;

/** UDP and TCP between hosts in memory: loses, doubles, delays and reorders by seed. */
export class DatagramNet<Data> {
  readonly #options: DatagramNetOptions;
  readonly #hosts = new Map<string, DatagramHost<Data>>();
  /** Machines that are up without the process: they refuse. */
  readonly #empty = new Set<string>();
  /** The side each address is on; all on one while there is no partition. */
  #sides: ReadonlyMap<string, number> = new Map();
  /** One-way cuts, as `from>to`. */
  readonly #cuts = new Set<string>();
  readonly #pausedUntil = new Map<string, Instant>();
  #loss: number;
  /** Datagrams put on the wire, by sender. */
  readonly sent = new Map<string, number>();
  constructor(options: DatagramNetOptions) {
    this.#options = options;
    this.#loss = options.loss;
  }

  plugIn(address: string, host: DatagramHost<Data>): DatagramPort<Data> {
    this.#hosts.set(address, host);
    this.#empty.delete(address);
    const isPluggedIn = () => this.#hosts.get(address) === host;
    return {
      clock: this.#clockOf(address, isPluggedIn),
      send: (to, data) => {
        if (isPluggedIn()) this.#send(address, to, data);
      },
      request: (to, data, outcome) => {
        if (!isPluggedIn()) return;
        this.#request(address, to, data, (result) => {
          if (isPluggedIn()) outcome(result);
        });
      },
      unplug: (what) => {
        if (!isPluggedIn()) return;
        this.#hosts.delete(address);
        if (what === "process") this.#empty.add(address);
      },
    };
  }

  setLoss(loss: number): void {
    this.#loss = loss;
  }

  /** Only members of the same group reach each other; an address in no group is on a side with the others in none. */
  partition(groups: readonly (readonly string[])[]): void {
    this.#sides = new Map(groups.flatMap((group, side) => group.map((address) => [address, side] as const)));
  }

  /** Loses everything on its way from one to the other, and nothing on its way back. */
  cut(from: string, to: string): void {
    this.#cuts.add(`${from}>${to}`);
  }

  /** Ends all partitions and cuts. */
  heal(): void {
    this.#sides = new Map();
    this.#cuts.clear();
  }

  /** Stops a host as a long garbage collection does: it reads nothing, says nothing, its timers come late. */
  pause(address: string, durationMs: number): void {
    this.#pausedUntil.set(address, this.#options.clock.now() + durationMs);
  }

  #send(from: string, to: string, data: Data): void {
    const { random, duplication } = this.#options;
    this.sent.set(from, (this.sent.get(from) ?? 0) + 1);
    if (!this.#isConnected(from, to)) return;
    const copies = happens(random, this.#loss) ? 0 : happens(random, duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      this.#arrive(to, this.#delay(), () => this.#hosts.get(to)?.datagram(from, data));
    }
  }

  #request(from: string, to: string, data: Data, outcome: (outcome: RequestOutcome<Data>) => void): void {
    const back = (result: RequestOutcome<Data>) => {
      if (this.#isConnected(to, from)) this.#arrive(from, this.#streamDelay(), () => outcome(result));
    };
    const opening = this.#streamDelay() + this.#streamDelay(); // the handshake, there and back
    this.#arrive(to, opening + this.#streamDelay(), () => {
      if (!this.#isConnected(from, to) || !this.#isConnected(to, from)) return;
      const host = this.#hosts.get(to);
      if (host === undefined) {
        if (this.#empty.has(to)) back({ type: "refused" });
        return;
      }
      host.request(from, data, (answer) =>
        back(answer === undefined ? { type: "closed" } : { type: "answer", data: answer }),
      );
    });
  }

  #arrive(at: string, delayMs: number, deliver: () => void): void {
    const { clock } = this.#options;
    clock.at(clock.now() + delayMs, () => {
      const resumes = this.#pausedUntil.get(at) ?? 0;
      if (resumes < clock.now()) deliver();
      else this.#arrive(at, resumes - clock.now() + READ_AFTER_TIMERS_MS, deliver);
    });
  }

  #clockOf(address: string, isPluggedIn: () => boolean): Clock {
    const { clock } = this.#options;
    const at = (due: Instant, callback: () => void): (() => void) => {
      let cancelled = false;
      const fire = () => {
        const resumes = this.#pausedUntil.get(address) ?? 0;
        if (cancelled || !isPluggedIn()) return;
        if (resumes <= clock.now()) callback();
        else clock.at(resumes, fire);
      };
      const cancel = clock.at(due, fire);
      return () => {
        cancelled = true;
        cancel();
      };
    };
    return { now: () => clock.now(), at };
  }

  #isConnected(from: string, to: string): boolean {
    if (this.#options.connects?.(from, to) === false) return false;
    if (this.#sides.size > 0 && this.#sides.get(from) !== this.#sides.get(to)) return false;
    return this.#cuts.size === 0 || !this.#cuts.has(`${from}>${to}`);
  }

  #delay(): number {
    const [shortest, longest] = this.#options.delayMs;
    return shortest + this.#options.random.next() * (longest - shortest);
  }

  /** One leg of a stream: what is lost is sent again, each time after twice the wait. */
  #streamDelay(): number {
    let delay = this.#delay();
    if (this.#loss >= 1) return Number.MAX_SAFE_INTEGER;
    for (let wait = RETRANSMIT_MS; happens(this.#options.random, this.#loss); wait *= 2) delay += wait;
    return delay;
  }
}
