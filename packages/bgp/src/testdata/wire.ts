import type { VirtualClock } from "@herald/lab/virtual-clock";
import type { Random } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import type { BgpEffect, BgpInput } from "../effect.ts";
import type { LocalAddresses } from "../export.ts";
import type { SessionOptions } from "../options.ts";
import { BgpSession } from "../session.ts";
import { tell } from "./bench.ts";

/** One end of a TCP connection. */
interface End {
  readonly speaker: Speaker;
  readonly id: number;
  /** When the last octet sent from here arrives: none overtakes another. */
  arrival: number;
  open: boolean;
}

/** Two speakers, and TCP between them: in order, without loss, as slow as `delayMs`, cut into pieces of any size. */
export class Wire {
  readonly clock: VirtualClock;
  readonly #random: Random;
  readonly #pipes: [End, End][] = [];
  /** Nothing arrives while it is unplugged, and nobody notices. */
  plugged = true;
  constructor(clock: VirtualClock, random: Random) {
    this.clock = clock;
    this.#random = random;
  }

  connect(from: Speaker, to: Speaker, id: number): void {
    this.#later(() => {
      if (!this.plugged || !to.listening) {
        if (this.plugged) from.feed({ type: "closed", connection: id, why: "ECONNREFUSED" });
        return;
      }
      to.accepts -= 1;
      const pipe: [End, End] = [
        { speaker: from, id, arrival: 0, open: true },
        { speaker: to, id: to.accepts, arrival: 0, open: true },
      ];
      this.#pipes.push(pipe);
      // Whoever accepts may speak at once, but is not heard before the other one knows of the connection.
      this.#inOrder(pipe[1], () => {
        if (pipe[0].open) from.feed({ type: "connected", connection: id, local: from.local });
      });
      to.feed({ type: "accepted", connection: to.accepts, local: to.local });
    });
  }

  send(from: Speaker, id: number, bytes: Uint8Array): void {
    const [here, there] = this.#ends(from, id);
    if (here === undefined || there === undefined) return;
    for (let at = 0; at < bytes.length; ) {
      const end = at + 1 + Math.floor(this.#random.next() * 200);
      const piece = bytes.slice(at, end);
      this.#inOrder(here, () => {
        if (there.open && this.plugged) there.speaker.feed({ type: "bytes", connection: there.id, bytes: piece });
      });
      at = end;
    }
  }

  /** What was sent before still arrives. */
  close(from: Speaker, id: number): void {
    const [here, there] = this.#ends(from, id);
    if (here === undefined || there === undefined) return;
    here.open = false;
    this.#inOrder(here, () => {
      if (!there.open || !this.plugged) return;
      there.open = false;
      there.speaker.feed({ type: "closed", connection: there.id, why: "" });
    });
  }

  /** Resets every connection, whatever is under way on it. @returns how many there were. */
  cut(): number {
    const open = this.#pipes.filter(([one, other]) => one.open && other.open);
    for (const pipe of open) {
      for (const end of pipe) end.open = false;
      for (const { speaker, id } of pipe) speaker.feed({ type: "closed", connection: id, why: "ECONNRESET" });
    }
    return open.length;
  }

  #ends(from: Speaker, id: number): readonly [End, End] | readonly [] {
    for (const [one, other] of this.#pipes) {
      if (one.speaker === from && one.id === id && one.open) return [one, other];
      if (other.speaker === from && other.id === id && other.open) return [other, one];
    }
    return [];
  }

  #later(run: () => void): void {
    this.clock.at(this.clock.now() + this.#delay(), run);
  }

  #inOrder(end: End, run: () => void): void {
    end.arrival = Math.max(end.arrival, this.clock.now() + this.#delay());
    this.clock.at(end.arrival, run);
  }

  #delay(): number {
    return 0.1 + this.#random.next() * 2;
  }
}

/** A session on a wire. */
export class Speaker {
  readonly session: BgpSession;
  readonly local: LocalAddresses;
  /** All effects in words, with their time. */
  readonly log: string[] = [];
  listening = true;
  /** Number of the last connection that was accepted. */
  accepts = 0;
  readonly #driven: Driven<BgpInput>;
  constructor(
    wire: Wire,
    options: SessionOptions,
    local: LocalAddresses,
    random: Random,
    peer: () => Speaker,
    onEffect: (effect: BgpEffect) => void = () => {},
  ) {
    this.local = local;
    this.session = new BgpSession(options, random);
    this.#driven = drive(this.session, wire.clock, (effect) => {
      this.log.push(`${wire.clock.now().toFixed(1)} ${tell(effect)}`);
      onEffect(effect);
      if (effect.type === "connect") wire.connect(this, peer(), effect.connection);
      if (effect.type === "send") wire.send(this, effect.connection, effect.bytes);
      if (effect.type === "close") wire.close(this, effect.connection);
    });
  }

  feed(input: BgpInput): void {
    this.#driven.feed(input);
  }
}
