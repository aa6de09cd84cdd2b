import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import type { IpAddress } from "@herald/shared/ip/address";
import fc from "fast-check";
import { ClaimBook, type ClaimEffect, type ClaimInput } from "./claim-book.ts";
import { decodeBook, decodeClaimMessage, decodeDigest } from "./claim-codec.ts";
import type { Claim } from "./claim-messages.ts";

const NAMES = ["a", "b", "c", "d"] as const;
type Name = (typeof NAMES)[number];
const ADDRESSES = ["192.0.2.1", "192.0.2.2", "192.0.2.3", "fd00::1"] as IpAddress[];

type Step =
  | { type: "claim" | "unclaim"; name: Name; address: IpAddress }
  /** The clock may have been set back meanwhile. */
  | { type: "restart"; name: Name; backMs: number }
  | { type: "ack"; asker: Name; node: Name }
  | { type: "exchange"; asker: Name; node: Name }
  /** Who takes whom for alive. */
  | { type: "members"; name: Name; others: readonly Name[] }
  | { type: "pass"; ms: number };

const name = fc.constantFrom(...NAMES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constantFrom("claim" as const, "unclaim" as const),
      name,
      address: fc.constantFrom(...ADDRESSES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("restart" as const), name, backMs: fc.constantFrom(0, 5_000) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("ack" as const), asker: name, node: name }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("exchange" as const), asker: name, node: name }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("members" as const), name, others: fc.subarray([...NAMES]) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ type: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 400 }) }),
  },
);

interface Machine {
  readonly name: Name;
  book: ClaimBook;
  digest: Uint8Array | undefined;
  /** What a correct book would say of it. */
  readonly claims: Map<IpAddress, number>;
}

/** Books on a network that loses, doubles and reorders. */
class World {
  now = 0;
  loss = 0.3;
  readonly #random: SeededRandom;
  readonly machines: ReadonlyMap<Name, Machine>;
  #inFlight: { readonly due: number; readonly to: Name; readonly payload: Uint8Array }[] = [];
  /** What every speaker claimed at each of its standings. */
  readonly #history = new Map<string, string>();
  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.machines = new Map(
      NAMES.map((each) => [
        each,
        { name: each, book: this.#book(each, 0), digest: undefined, claims: new Map() },
      ]),
    );
    for (const each of NAMES) this.setMembers(each, NAMES);
  }

  of(each: Name): Machine {
    return this.machines.get(each) as Machine;
  }

  play(s: Step): void {
    switch (s.type) {
      case "claim":
        this.claim(s.name, s.address);
        break;
      case "unclaim":
        this.of(s.name).claims.delete(s.address);
        this.feed(s.name, { type: "unclaim", address: s.address });
        break;
      case "restart":
        this.restart(s.name, s.backMs);
        break;
      case "ack":
        if (!this.#happens(this.loss)) this.ack(s.asker, s.node);
        break;
      case "exchange":
        this.exchange(s.asker, s.node);
        break;
      case "members":
        this.setMembers(s.name, s.others);
        break;
      case "pass":
        this.pass(s.ms);
        break;
    }
    this.check();
  }

  claim(each: Name, address: IpAddress): void {
    const { book, claims } = this.of(each);
    const before = Math.max(0, ...book.claimantsOf(address).values());
    const own = book.epochOf(address);
    this.feed(each, { type: "claim", address, wallMs: 1_000_000 + this.now });
    const epoch = book.epochOf(address) ?? 0;
    assert.ok(own === epoch || epoch > before, `${each} claims ${address} with ${epoch} after ${before}`);
    claims.set(address, epoch);
  }

  restart(each: Name, backMs: number): void {
    const machine = this.of(each);
    // No process starts sooner. Two lives of one millisecond nobody can tell apart, and one that is put right after the clock was
    // set back goes on a few milliseconds after the life it is told of.
    do this.pass(50);
    while (this.#hasLived(each, this.#lifeAt(backMs)));
    machine.book = this.#book(each, backMs);
    machine.digest = undefined;
    machine.claims.clear();
    this.setMembers(each, NAMES);
  }

  setMembers(each: Name, others: readonly Name[]): void {
    for (const name of NAMES) {
      if (name !== each) this.feed(each, { type: "member", name, isAlive: others.includes(name) });
    }
  }

  ack(asker: Name, node: Name): void {
    const { digest } = this.of(node);
    if (digest === undefined || asker === node) return;
    this.feed(asker, { type: "acked", node, standing: decodeDigest(digest) });
  }

  exchange(asker: Name, node: Name): void {
    if (asker === node) return;
    this.feed(asker, { type: "state", pages: decodeBook(this.of(node).book.book()) });
  }

  feed(each: Name, input: ClaimInput): void {
    this.#perform(each, this.of(each).book.handle(input, this.now));
  }

  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end; this.now += 1) {
      for (const { name: each, book } of this.machines.values()) {
        const due = book.nextWake();
        if (due !== undefined && due <= this.now) this.#perform(each, book.wake(this.now));
      }
      const arrived = this.#inFlight.filter(({ due }) => due <= this.now);
      this.#inFlight = this.#inFlight.filter(({ due }) => due > this.now);
      for (const { to, payload } of arrived)
        this.feed(to, { type: "told", message: decodeClaimMessage(payload) });
    }
  }

  /** Everybody hears of everybody, and nothing is lost. */
  settle(): void {
    this.loss = 0;
    for (const each of NAMES) this.setMembers(each, NAMES);
    for (let round = 0; round < 12; round += 1) {
      for (const asker of NAMES) for (const node of NAMES) this.ack(asker, node);
      this.pass(150);
      this.check();
    }
  }

  /** No book says of a standing anything but what its speaker claimed then. */
  check(): void {
    for (const { name: each, book } of this.machines.values()) {
      const pages = decodeBook(book.book());
      const own = pages.find(({ speaker }) => speaker === each);
      if (own !== undefined) this.#history.set(`${each} ${own.life} ${own.version}`, textOf(own.claims));
    }
    for (const { book } of this.machines.values()) {
      for (const { speaker, life, version, claims } of decodeBook(book.book())) {
        const standing = `${speaker} ${life} ${version}`;
        const told = this.#history.get(standing);
        if (told !== undefined) assert.equal(textOf(claims), told, standing);
      }
    }
  }

  #lifeAt(backMs: number): number {
    return 1_000_000 + this.now - backMs;
  }

  #hasLived(each: Name, life: number): boolean {
    return [...this.#history.keys()].some((standing) => standing.startsWith(`${each} ${life} `));
  }

  #book(each: Name, backMs: number): ClaimBook {
    return new ClaimBook({
      self: each,
      life: this.#lifeAt(backMs),
      payloadOctets: 60, // parts of two or three
      bookOctets: 2_000,
      askAfterMs: 20,
      askAgainMs: 60,
    });
  }

  #perform(from: Name, effects: readonly ClaimEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "digest") this.of(from).digest = effect.payload;
      if (effect.type === "tell") this.#send(effect.node as Name, effect.payload);
      if (effect.type !== "broadcast") continue;
      for (const to of NAMES) if (to !== from) this.#send(to, effect.payload);
    }
  }

  #send(to: Name, payload: Uint8Array): void {
    if (this.#happens(this.loss)) return;
    this.#inFlight.push({ due: this.now + 1 + Math.floor(this.#random.next() * 30), to, payload });
    if (this.#happens(0.2)) this.#send(to, payload);
  }

  #happens(probability: number): boolean {
    return this.#random.next() < probability;
  }
}

function textOf(claims: readonly Claim[]): string {
  return claims
    .map(({ address, epoch }) => `${address} ${epoch}`)
    .sort()
    .join();
}

const histories = { numRuns: 400 };
const history = fc.array(step, { maxLength: 60, size: "max" });

describe("books of claims, whatever happens", () => {
  it("all come to say the same, which is what is claimed", () => {
    fc.assert(
      fc.property(fc.nat(), history, (seed, steps) => {
        const world = new World(seed);
        for (const s of steps) world.play(s);
        world.settle();
        const truth = ADDRESSES.map((address) =>
          NAMES.flatMap((each) => {
            const epoch = world.of(each).claims.get(address);
            return epoch === undefined ? [] : [`${each} ${epoch}`];
          }),
        );
        for (const each of NAMES) {
          const { book } = world.of(each);
          const said = ADDRESSES.map((address) =>
            [...book.claimantsOf(address)].map(([speaker, epoch]) => `${speaker} ${epoch}`).sort(),
          );
          assert.deepEqual(said, truth, each);
          assert.ok(book.knows(NAMES.filter((other) => other !== each)));
        }
      }),
      histories,
    );
  });

  it("say of no speaker at no time what it did not claim at that version", () => {
    fc.assert(
      fc.property(fc.nat(), history, (seed, steps) => {
        const world = new World(seed);
        for (const s of steps) world.play(s); // looked at after each step
      }),
      histories,
    );
  });
});
