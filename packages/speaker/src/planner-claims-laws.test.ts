import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { describe, it } from "node:test";
import { Election } from "@herald/layer2/election";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import fc from "fast-check";
import { Planner } from "./planner.ts";
import { config, fit, on, service } from "./planner-fixture.ts";

const FAIL_BACK_MS = 60_000;
const NODES = ["iris1", "iris2", "iris3", "iris4"];
/** Two that share an address, so that three belong together, and two alone. */
const SERVICES: Readonly<Record<string, readonly string[]>> = {
  a: ["10.20.30.1"],
  b: ["10.20.30.1", "fd00::1"],
  c: ["10.20.30.2", "fd00::1"],
  d: ["10.20.30.3"],
  e: ["10.20.30.4", "fd00::4"],
};
const ADDRESSES = [...new Set(Object.values(SERVICES).flat())] as IpAddress[];
const digest = (text: string): Uint8Array => hash("sha256", text, "buffer");

type Step =
  | { type: "alive"; nodes: readonly string[] }
  | { type: "pass"; ms: number }
  | { type: "ask"; node: string }
  | { type: "metallb"; present: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("alive" as const), nodes: fc.subarray(NODES, { minLength: 1 }) }),
  fc.record({ type: fc.constant("pass" as const), ms: fc.integer({ min: 1, max: 40_000 }) }),
  fc.record({ type: fc.constant("ask" as const), node: fc.constantFrom(...NODES) }),
  fc.record({ type: fc.constant("metallb" as const), present: fc.boolean() }),
);
const history = fc.array(step, { maxLength: 25, size: "max" });

/** Planners that see the same at once; what they decide to announce they claim in the same breath. */
class Council {
  now = 0;
  alive: readonly string[] = NODES;
  mixed = false;
  readonly #claims = new Map<IpAddress, Map<string, number>>();
  readonly #planners: ReadonlyMap<string, Planner>;
  readonly #asked = new Map<string, string>();
  #epoch = 1;
  constructor() {
    this.#planners = new Map(NODES.map((self) => [self, this.#planner(self)]));
    this.#look();
    this.settle();
  }

  play(s: Step): void {
    switch (s.type) {
      case "pass":
        this.now += s.ms;
        break;
      case "ask":
        this.#asked.set(s.node, `${this.#asked.get(s.node) ?? ""}+`);
        break;
      case "metallb":
        this.mixed = s.present;
        break;
      case "alive":
        this.alive = s.nodes;
        for (const claims of this.#claims.values()) {
          for (const name of [...claims.keys()]) if (!s.nodes.includes(name)) claims.delete(name);
        }
    }
    this.#look();
  }

  /** Everybody decides in turn until all have seen what the others claim. */
  settle(): void {
    for (let round = 0; round < 2; round += 1) for (const name of NODES) this.#decide(name);
  }

  /** Who announces each address, as they decide now. */
  announcers(): readonly (readonly string[])[] {
    return ADDRESSES.map((address) =>
      this.alive.filter((name) =>
        Object.entries(SERVICES).some(([key, ips]) => ips.includes(address) && this.#announces(name, key)),
      ),
    );
  }

  #planner(self: string): Planner {
    const planner = new Planner({
      self,
      options: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
      ownership: { failBackMs: FAIL_BACK_MS, vacantMs: 1_000 },
      claims: { claimantsOf: (address) => this.#claims.get(address) ?? new Map(), setUse: () => {} },
      digest,
      now: () => this.now,
    });
    planner.configure(config);
    for (const [key, ips] of Object.entries(SERVICES)) {
      const view = service(key, ips);
      planner.setService(view);
      planner.setEndpoints(view.key, on(...NODES));
    }
    return planner;
  }

  #look(): void {
    const nodes = NODES.map((name) => {
      const failBack = this.#asked.get(name) ?? "";
      return [name, { ...fit, speakerReady: this.alive.includes(name), failBack }] as const;
    });
    for (const planner of this.#planners.values()) {
      planner.setClaiming(!this.mixed);
      planner.setNodes(new Map(nodes));
      planner.wake(this.now);
      for (const address of ADDRESSES) planner.claimChanged(address);
    }
  }

  #announces(name: string, key: string): boolean {
    return this.#planners.get(name)?.decide(`default/${key}` as ServiceKey).type === "announce";
  }

  #decide(name: string): void {
    for (const [key, ips] of Object.entries(SERVICES)) {
      const announces = this.#announces(name, key);
      for (const ip of ips as IpAddress[]) {
        if (announces) this.#claim(name, ip);
        else this.#claims.get(ip)?.delete(name);
        for (const planner of this.#planners.values()) planner.claimChanged(ip);
      }
    }
  }

  #claim(name: string, ip: IpAddress): void {
    const claims = this.#claims.get(ip) ?? new Map<string, number>();
    this.#claims.set(ip, claims);
    if (claims.has(name) && claims.get(name) === Math.max(...claims.values())) return;
    this.#epoch += 1;
    claims.set(name, this.#epoch);
  }
}

function ownersByHash(nodes: readonly string[]): readonly (readonly string[])[] {
  const election = new Election(digest);
  const first = (address: string): readonly string[] => [election.ownerOf(address as IpAddress, nodes) ?? ""];
  // a, b and c belong together, and 10.20.30.1 stands for them
  return ADDRESSES.map((address) => {
    if (["10.20.30.1", "10.20.30.2", "fd00::1"].includes(address)) return first("10.20.30.1");
    return first(address === "fd00::4" ? "10.20.30.4" : address);
  });
}

const runs = { numRuns: 60 };

describe("planners that claim, whatever happens", () => {
  it("come to one that announces each address, and all of those that belong together", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const council = new Council();
        for (const s of steps) {
          council.play(s);
          council.settle();
          const announcers = council.announcers();
          assert.ok(announcers.every(({ length }) => length === 1));
          const [first, second, third] = ["10.20.30.1", "10.20.30.2", "fd00::1"].map(
            (ip) => announcers[ADDRESSES.indexOf(ip as IpAddress)],
          );
          assert.deepEqual([second, third], [first, first]);
        }
      }),
      runs,
    );
  });

  it("move nothing from a holder that can hold it, before its time", () => {
    fc.assert(
      fc.property(history, fc.subarray(NODES, { minLength: 1 }), (steps, back) => {
        const council = new Council();
        for (const s of steps) {
          council.play(s);
          council.settle();
        }
        council.play({ type: "metallb", present: false });
        council.play({ type: "pass", ms: FAIL_BACK_MS });
        council.settle();
        council.play({ type: "pass", ms: FAIL_BACK_MS });
        council.settle(); // everything is back
        const before = council.announcers();
        council.play({ type: "alive", nodes: [...new Set([...council.alive, ...back])] });
        council.settle();
        council.play({ type: "pass", ms: FAIL_BACK_MS - 1 });
        council.settle();
        assert.deepEqual(council.announcers(), before);
        council.play({ type: "pass", ms: 1 });
        council.settle();
        assert.deepEqual(council.announcers(), ownersByHash(council.alive));
      }),
      runs,
    );
  });

  it("replace a holder that is gone by one of the rest at once, and move nothing else", () => {
    fc.assert(
      fc.property(history, fc.constantFrom(...NODES), (steps, gone) => {
        const council = new Council();
        for (const s of steps) {
          council.play(s);
          council.settle();
        }
        council.play({ type: "metallb", present: false });
        council.settle();
        const before = council.announcers();
        const rest = council.alive.filter((name) => name !== gone);
        fc.pre(rest.length > 0);
        council.play({ type: "alive", nodes: rest });
        const after = council.announcers(); // nobody has claimed anything since
        assert.ok(after.every(({ length }) => length === 1));
        for (const [index, [holder = ""]] of before.entries()) {
          if (holder !== gone) assert.deepEqual(after[index], [holder]);
        }
      }),
      runs,
    );
  });

  it("go by the hash alone while a speaker of MetalLB is there", () => {
    fc.assert(
      fc.property(history, (steps) => {
        const council = new Council();
        council.play({ type: "metallb", present: true });
        for (const s of steps.filter(({ type }) => type !== "metallb")) {
          council.play(s);
          assert.deepEqual(council.announcers(), ownersByHash(council.alive));
          council.settle();
        }
      }),
      runs,
    );
  });
});
