import type { Core, Instant, Random } from "@herald/shared/core";
import { DecodeError } from "@herald/wire/bytes";
import { type Authentication, Authenticator, type Digests } from "./authentication.ts";
import { type BfdDatagram, type BfdEffect, type BfdInput, pathKey, type WantedSession } from "./effect.ts";
import { BFD_TTL } from "./iana.ts";
import type { BfdOptions, BfdPath } from "./options.ts";
import { type ControlPacket, decodePacket, packetOctets, type RefusedField } from "./packet.ts";
import type { BfdDropReason } from "./reasons.ts";
import { BfdSession } from "./session.ts";
import type { SessionEffect } from "./session-effect.ts";
import type { SessionStatus } from "./status.ts";

/** How long one that is not wanted any more waits for the peer to confirm that it knows, ms: a few packets of a session down. */
const FAREWELL_MS = 3_000;

interface Entry {
  readonly key: string;
  readonly path: BfdPath;
  readonly discriminator: number;
  readonly session: BfdSession;
  options: BfdOptions;
  /** The session's `nextWake`, as of what last happened to it. */
  due: Instant | undefined;
  /** Set once it is not wanted any more: when it goes at the latest. */
  endsAt: Instant | undefined;
}

/**
 * All sessions of a node. Finds out whose a packet is, by its discriminator, and by who sent it while there is none (RFC 5880
 * §6.3, RFC 5881 §3, RFC 5883 §4). What comes from the network never makes a session.
 */
export class BfdSessions implements Core<BfdInput, BfdEffect> {
  readonly #random: Random;
  readonly #digests: Digests | undefined;
  /** By `pathKey`; bounded by what is wanted, and what was until just now. */
  readonly #entries = new Map<string, Entry>();
  /** The same by bfd.LocalDiscr. */
  readonly #byDiscriminator = new Map<number, Entry>();
  /** The same by hops and remote address; in each list those that say more of their path come first. */
  readonly #byRemote = new Map<string, Entry[]>();

  /**
   * @param random good dice: who can foretell discriminators needs not see our packets to forge the peer's.
   * @param digests needed for keys of any kind but `password`.
   */
  constructor(random: Random, digests?: Digests) {
    this.#random = random;
    this.#digests = digests;
  }

  handle(input: BfdInput, now: Instant): readonly BfdEffect[] {
    switch (input.type) {
      case "sessions":
        return this.#want(input.wanted, now);
      case "datagram":
        return this.#receive(input.datagram, now);
    }
  }

  /** Looks at each: some tens of sessions are expected here, and hundreds cost little. */
  wake(now: Instant): readonly BfdEffect[] {
    const effects: BfdEffect[] = [];
    for (const entry of this.#entries.values()) {
      if (entry.due !== undefined && entry.due <= now) effects.push(...named(entry, entry.session.wake(now)));
      if (entry.endsAt !== undefined && entry.endsAt <= now) effects.push(this.#remove(entry));
    }
    return effects;
  }

  nextWake(): Instant | undefined {
    let earliest = Number.POSITIVE_INFINITY;
    for (const { due, endsAt } of this.#entries.values()) {
      earliest = Math.min(earliest, due ?? earliest, endsAt ?? earliest);
    }
    return earliest === Number.POSITIVE_INFINITY ? undefined : earliest;
  }

  /** By `pathKey`, those that are saying farewell included. */
  statuses(): ReadonlyMap<string, SessionStatus> {
    return new Map([...this.#entries].map(([key, { session }]) => [key, session.status()]));
  }

  /** @returns `undefined` when there is none. */
  status(key: string): SessionStatus | undefined {
    return this.#entries.get(key)?.session.status();
  }

  #want(wanted: readonly WantedSession[], now: Instant): readonly BfdEffect[] {
    const effects: BfdEffect[] = [];
    const byKey = new Map<string, WantedSession>();
    for (const one of wanted) {
      const key = pathKey(one.path);
      if (!byKey.has(key)) byKey.set(key, one);
    }
    for (const entry of this.#entries.values()) {
      if (!byKey.has(entry.key) && entry.endsAt === undefined) effects.push(...this.#dismiss(entry, now));
    }
    for (const [key, one] of byKey) effects.push(...this.#provide(key, one, now));
    return effects;
  }

  /** Makes a session what is wanted of it. */
  #provide(key: string, wanted: WantedSession, now: Instant): readonly BfdEffect[] {
    const effects: BfdEffect[] = [];
    let entry = this.#entries.get(key);
    // Why not the one that says farewell: it would go on telling the peer that the new one is shut down.
    if (entry !== undefined && (entry.endsAt !== undefined || !hasSameKey(entry.options, wanted.options))) {
      effects.push(this.#remove(entry));
      entry = undefined;
    }
    if (entry === undefined) {
      entry = this.#add(key, wanted, now);
      if (!wanted.disabled) effects.push(...named(entry, entry.session.wake(now)));
    } else if (!isSame(entry.options, wanted.options)) {
      entry.options = wanted.options;
      effects.push(
        ...named(entry, entry.session.handle({ type: "configure", options: wanted.options }, now)),
      );
    }
    const type = wanted.disabled ? "disable" : "enable";
    return [...effects, ...named(entry, entry.session.handle({ type }, now))];
  }

  #add(key: string, { path, options }: WantedSession, now: Instant): Entry {
    const discriminator = this.#drawDiscriminator();
    const authenticator = this.#authenticatorOf(options.authentication);
    const session = new BfdSession(discriminator, options, authenticator, this.#random, now);
    const entry: Entry = { key, path, discriminator, session, options, due: now, endsAt: undefined };
    this.#entries.set(key, entry);
    this.#byDiscriminator.set(discriminator, entry);
    const list = [...(this.#byRemote.get(remoteKey(path.hops, path.remote)) ?? []), entry];
    this.#byRemote.set(
      remoteKey(path.hops, path.remote),
      list.sort((a, b) => preciseness(b.path) - preciseness(a.path)),
    );
    return entry;
  }

  #authenticatorOf(authentication: Authentication | undefined): Authenticator | undefined {
    if (authentication === undefined) return undefined;
    return new Authenticator(authentication, this.#digests ?? NO_DIGESTS, this.#random);
  }

  /** Tells the peer before it goes, if there is one to tell. */
  #dismiss(entry: Entry, now: Instant): readonly BfdEffect[] {
    const effects = named(entry, entry.session.handle({ type: "disable" }, now));
    if (!entry.session.owesFarewell()) return [...effects, this.#remove(entry)];
    entry.endsAt = now + FAREWELL_MS;
    return effects;
  }

  #remove(entry: Entry): BfdEffect {
    this.#entries.delete(entry.key);
    this.#byDiscriminator.delete(entry.discriminator);
    const key = remoteKey(entry.path.hops, entry.path.remote);
    const others = (this.#byRemote.get(key) ?? []).filter((other) => other !== entry);
    if (others.length > 0) this.#byRemote.set(key, others);
    else this.#byRemote.delete(key);
    return { type: "ended", session: entry.key };
  }

  /** RFC 5880 §6.8.6, in its order; before it GTSM (RFC 5881 §5), whatever the authentication. */
  #receive(datagram: BfdDatagram, now: Instant): readonly BfdEffect[] {
    if (datagram.hops === "single" && (datagram.ttl ?? BFD_TTL) !== BFD_TTL) {
      return [dropped(undefined, "ttl", `${datagram.from}: ${datagram.ttl}`)];
    }
    let packet: ControlPacket;
    try {
      packet = decodePacket(datagram.bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return [
        dropped(undefined, REFUSALS[error.field as RefusedField], `${datagram.from}: ${error.message}`),
      ];
    }
    const entry =
      packet.yourDiscriminator === 0
        ? this.#ofFirst(datagram, packet)
        : (this.#byDiscriminator.get(packet.yourDiscriminator) ?? "unknown-session");
    if (typeof entry === "string") return [dropped(undefined, entry, datagram.from)];
    const refusal = refusalOf(entry, datagram);
    if (refusal !== undefined) return [dropped(entry.key, refusal, datagram.from)];
    const bytes = packetOctets(datagram.bytes);
    const effects = named(entry, entry.session.handle({ type: "packet", packet, bytes }, now));
    if (entry.endsAt === undefined || entry.session.owesFarewell()) return effects;
    return [...effects, this.#remove(entry)];
  }

  /** The sender does not know our discriminator yet. */
  #ofFirst(datagram: BfdDatagram, packet: ControlPacket): Entry | BfdDropReason {
    if (packet.state === "init" || packet.state === "up") return "state-unproven";
    const candidates = this.#byRemote.get(remoteKey(datagram.hops, datagram.from));
    return candidates?.find(({ path }) => isOn(path, datagram)) ?? "unknown-peer";
  }

  #drawDiscriminator(): number {
    for (;;) {
      const drawn = Math.floor(this.#random.next() * 2 ** 32);
      if (drawn !== 0 && !this.#byDiscriminator.has(drawn)) return drawn;
    }
  }
}

/** What a field that `decodePacket` refuses is counted under. */
const REFUSALS: Readonly<Record<RefusedField, BfdDropReason>> = {
  bfd: "truncated",
  "bfd.version": "version",
  "bfd.length": "length",
  "bfd.detect-mult": "detect-multiplier",
  "bfd.multipoint": "multipoint",
  "bfd.my-discriminator": "discriminator",
  "bfd.auth-len": "invalid-authentication",
};

const NO_DIGESTS: Digests = { md5: missing, sha1: missing };

function missing(): never {
  throw new RangeError("a session has a key to hash with, and no hash functions were given");
}

/** Why a packet that names a session is not of it. The sender's address is none: it may have several (RFC 5880 §6.3). */
function refusalOf({ path, options }: Entry, datagram: BfdDatagram): BfdDropReason | undefined {
  if (path.hops !== datagram.hops || !isOn(path, datagram)) return "wrong-path";
  return path.hops === "multi" && (datagram.ttl ?? BFD_TTL) < options.minimumTtl ? "ttl" : undefined;
}

/** A router may watch several addresses of ours, each in a session of its own. */
function isOn(path: BfdPath, { to, interface: name }: BfdDatagram): boolean {
  const isToUs = path.local === undefined || path.local === to;
  return isToUs && (path.interface === undefined || name === undefined || path.interface === name);
}

function remoteKey(hops: BfdPath["hops"], remote: string): string {
  return `${hops} ${remote}`;
}

function preciseness(path: BfdPath): number {
  return (path.interface === undefined ? 0 : 2) + (path.local === undefined ? 0 : 1);
}

/** What came of something that happened to it. */
function named(entry: Entry, effects: readonly SessionEffect[]): readonly BfdEffect[] {
  const { key, path } = entry;
  entry.due = entry.session.nextWake();
  return effects.map((effect) => {
    switch (effect.type) {
      case "send":
        return { type: "send", session: key, path, bytes: effect.bytes };
      case "drop":
        return dropped(key, effect.reason, path.remote);
      default:
        return { ...effect, session: key };
    }
  });
}

function dropped(session: string | undefined, reason: BfdDropReason, detail: string): BfdEffect {
  return { type: "drop", session, reason, detail };
}

function isSame(a: BfdOptions, b: BfdOptions): boolean {
  return (
    a.transmitMs === b.transmitMs &&
    a.receiveMs === b.receiveMs &&
    a.detectMultiplier === b.detectMultiplier &&
    a.passive === b.passive &&
    a.echoReceiveMs === b.echoReceiveMs &&
    a.minimumTtl === b.minimumTtl
  );
}

function hasSameKey({ authentication: a }: BfdOptions, { authentication: b }: BfdOptions): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.kind === b.kind && a.keyId === b.keyId && a.key.join() === b.key.join();
}
