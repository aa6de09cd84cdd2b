import { type BfdEffect, pathKey, type WantedSession } from "@herald/bfd/effect";
import { BFD_DROP_REASONS, type BfdDropReason } from "@herald/bfd/reasons";
import { BfdSessions } from "@herald/bfd/sessions";
import type { Clock, Random } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import { familyOf } from "@herald/shared/ip/address";
import type { BfdPlace, BfdPort, LeastTtl, OpenBfdPort } from "./bfd-port.ts";
import type { FromBfd, ToBfd } from "./bfd-protocol.ts";

export interface BfdRunnerPorts {
  readonly clock: Clock;
  /** Good dice: discriminators are drawn with them. */
  readonly random: Random;
  readonly open: OpenBfdPort;
  readonly post: (message: FromBfd) => void;
  /** A clock that all threads of a process share, ms. */
  readonly sharedMs: () => number;
}

/** How often it is told how sessions stand, and ports are tried that could not be opened, ms. */
const REPORT_MS = 1_000;

/** All BFD sessions of this node on real sockets: what the BFD thread does. */
export class BfdRunner {
  readonly #ports: BfdRunnerPorts;
  readonly #core: BfdSessions;
  readonly #driven: Driven<Parameters<BfdSessions["handle"]>[0]>;
  readonly #sockets: BfdPort;
  /** What is wanted or was until just now, by `pathKey`; bounded as the sessions are. */
  readonly #known = new Map<string, WantedSession>();
  readonly #drops: Record<BfdDropReason, number>;
  /** What was said last of each socket; bounded by ports and sessions. */
  readonly #troubles = new Map<string, string>();
  #latestMs = 0;
  #isParting = false;
  #hasNews = false;
  #disarm: (() => void) | undefined;

  constructor(ports: BfdRunnerPorts) {
    this.#ports = ports;
    this.#core = new BfdSessions(ports.random);
    const reasons = Object.keys(BFD_DROP_REASONS).map((reason) => [reason, 0]);
    this.#drops = Object.fromEntries(reasons) as Record<BfdDropReason, number>;
    this.#sockets = ports.open({
      onDatagram: (datagram) => this.#settle(() => this.#driven.feed({ type: "datagram", datagram })),
      onTrouble: (what, message) => this.#complain(what, message),
    });
    this.#driven = drive(this.#core, this.#watched(ports.clock), (effect) => this.#perform(effect));
  }

  obey(message: ToBfd): void {
    const wanted = message.type === "part" ? [] : message.wanted;
    this.#isParting = message.type === "part";
    for (const session of wanted) this.#known.set(pathKey(session.path), session);
    this.#hasNews = true;
    this.#sockets.listen(this.#places()); // before the peers can answer
    this.#settle(() => this.#driven.feed({ type: "sessions", wanted }));
  }

  stop(): void {
    this.#driven.stop();
    this.#disarm?.();
    this.#sockets.close();
  }

  /** A clock that notes how late it rings, or would have: after a pause what came in is dealt with first. */
  #watched(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      at: (due, callback) => {
        const note = (): void => {
          this.#latestMs = Math.max(this.#latestMs, clock.now() - due);
        };
        let hasRung = false;
        const cancel = clock.at(due, () => {
          hasRung = true;
          note();
          this.#settle(callback);
        });
        return () => {
          if (!hasRung) note();
          cancel();
        };
      },
    };
  }

  /** Lets something happen, and tells of it if it changed how a session stands. */
  #settle(happen: () => void): void {
    happen();
    if (!this.#hasNews) return;
    this.#hasNews = false;
    this.#report();
    if (this.#isParting && this.#core.statuses().size === 0) this.#ports.post({ type: "parted" });
  }

  #perform(effect: BfdEffect): void {
    switch (effect.type) {
      case "send":
        this.#sockets.send(effect.session, effect.path, effect.bytes);
        return;
      case "state":
        this.#hasNews = true;
        this.#ports.post(effect);
        return;
      case "down":
        this.#ports.post({ ...effect, atMs: this.#ports.sharedMs() });
        return;
      case "ended":
        this.#hasNews = true;
        this.#sockets.end(effect.session);
        return;
      case "drop":
        this.#drops[effect.reason] += 1;
        return;
    }
  }

  #report(): void {
    const { clock, post } = this.#ports;
    const statuses = this.#core.statuses();
    for (const key of this.#known.keys()) if (!statuses.has(key)) this.#known.delete(key);
    this.#sockets.listen(this.#places());
    post({ type: "report", statuses, drops: this.#drops, latestMs: this.#latestMs });
    this.#latestMs = 0;
    this.#disarm?.();
    this.#disarm = statuses.size === 0 ? undefined : clock.at(clock.now() + REPORT_MS, () => this.#report());
  }

  #places(): readonly BfdPlace[] {
    const places = new Map<string, { place: BfdPlace; leastTtls: LeastTtl[] }>();
    for (const { path, options } of this.#known.values()) {
      const family = familyOf(path.remote);
      const { hops, interface: device, local } = path;
      const key = `${hops} ${family} ${device} ${local}`;
      const leastTtls = places.get(key)?.leastTtls ?? [];
      if (hops === "multi") leastTtls.push({ from: path.remote, ttl: options.minimumTtl });
      places.set(key, { place: { hops, family, device, local, leastTtls }, leastTtls });
    }
    return [...places.values()].map(({ place }) => place);
  }

  /** The same answer is worth a word once. */
  #complain(what: string, message: string): void {
    if (this.#troubles.get(what) === message) return;
    this.#troubles.set(what, message);
    this.#ports.post({ type: "trouble", what, message });
  }
}
