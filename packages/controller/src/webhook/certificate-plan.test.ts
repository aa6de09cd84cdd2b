import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  BACKDATED_MS,
  type CertificateState,
  type CertificateStep,
  type EpochMs,
  livesOf,
  nextStep,
} from "./certificate-plan.ts";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const LIVES = livesOf(90 * DAY);
const NOW = Date.UTC(2026, 0, 1);

const authority = (id: string, issuedAt: EpochMs) => ({
  ...{ id, validFrom: issuedAt - BACKDATED_MS, validTo: issuedAt + LIVES.authorityMs },
});
const serving = (by: string, issuedAt: EpochMs) => ({
  ...{ id: "s", validFrom: issuedAt - BACKDATED_MS, validTo: issuedAt + LIVES.servingMs, authority: by },
});

const CASES: readonly {
  readonly name: string;
  readonly state: CertificateState;
  readonly step: CertificateStep;
}[] = [
  {
    name: "starts over with nothing",
    state: { authorities: [], serving: undefined, publishedAt: NOW },
    step: { type: "start-over" },
  },
  {
    name: "starts over when the authority has expired",
    state: {
      authorities: [authority("a", NOW - LIVES.authorityMs)],
      serving: serving("a", NOW),
      publishedAt: NOW,
    },
    step: { type: "start-over" },
  },
  {
    name: "starts over when there is nothing to serve and the authority is old",
    state: { authorities: [authority("a", NOW - 241 * DAY)], serving: undefined, publishedAt: NOW },
    step: { type: "start-over" },
  },
  {
    name: "renews at once when there is nothing to serve",
    state: { authorities: [authority("a", NOW)], serving: undefined, publishedAt: undefined },
    step: { type: "renew" },
  },
  {
    name: "renews at once what has expired, believed or not",
    state: {
      authorities: [authority("a", NOW)],
      serving: serving("old", NOW - 90 * DAY),
      publishedAt: undefined,
    },
    step: { type: "renew" },
  },
  {
    name: "waits for two thirds of the certificate's life",
    state: { authorities: [authority("a", NOW)], serving: serving("a", NOW), publishedAt: NOW },
    step: { type: "wait", until: NOW + 60 * DAY },
  },
  {
    name: "renews at two thirds of the certificate's life",
    state: {
      authorities: [authority("a", NOW - 60 * DAY)],
      serving: serving("a", NOW - 60 * DAY),
      publishedAt: NOW,
    },
    step: { type: "renew" },
  },
  {
    name: "waits for two thirds of the authority's life when that is sooner",
    state: { authorities: [authority("a", NOW - 239 * DAY)], serving: serving("a", NOW), publishedAt: NOW },
    step: { type: "wait", until: NOW + DAY },
  },
  {
    name: "adds an authority at two thirds of the life of the newest",
    state: { authorities: [authority("a", NOW - 240 * DAY)], serving: serving("a", NOW), publishedAt: NOW },
    step: { type: "add-authority" },
  },
  {
    name: "serves by the old authority until the new one has settled",
    state: {
      authorities: [authority("b", NOW - HOUR), authority("a", NOW - 240 * DAY)],
      serving: serving("a", NOW),
      publishedAt: NOW - HOUR / 2,
    },
    step: { type: "wait", until: NOW + HOUR / 2 },
  },
  {
    name: "serves by the new authority once it has settled",
    state: {
      authorities: [authority("b", NOW - HOUR), authority("a", NOW - 240 * DAY)],
      serving: serving("a", NOW),
      publishedAt: NOW - HOUR,
    },
    step: { type: "renew" },
  },
  {
    name: "serves by the old authority for as long as nobody was told of the new one",
    state: {
      authorities: [authority("b", NOW - HOUR), authority("a", NOW - 240 * DAY)],
      serving: serving("a", NOW),
      publishedAt: undefined,
    },
    step: { type: "wait", until: NOW + 90 * DAY },
  },
  {
    name: "leaves alone what another made whose clock is an hour ahead",
    state: { authorities: [authority("a", NOW + HOUR)], serving: serving("a", NOW + HOUR), publishedAt: NOW },
    step: { type: "wait", until: NOW + HOUR + 60 * DAY },
  },
  {
    name: "starts over when the authority is from a time that is not yet",
    state: {
      authorities: [authority("a", NOW + HOUR + 1)],
      serving: serving("a", NOW),
      publishedAt: NOW,
    },
    step: { type: "start-over" },
  },
  {
    name: "renews at once a certificate from a time that is not yet",
    state: {
      authorities: [authority("a", NOW)],
      serving: serving("a", NOW + HOUR + 1),
      publishedAt: NOW,
    },
    step: { type: "renew" },
  },
];

describe("the plan of certificates", () => {
  for (const { name, state, step } of CASES) {
    it(name, () => assert.deepEqual(nextStep(state, LIVES, NOW), step));
  }

  it("settles within a sixth of a short life", () => {
    assert.deepEqual(livesOf(9_000), { servingMs: 9_000, authorityMs: 36_000, settleMs: 1_500 });
  });
});

interface Replica {
  /** Its clock is ahead by so much. */
  readonly skewMs: number;
  /** It acts so often. */
  readonly everyMs: number;
  readonly downFrom: number;
  readonly downForMs: number;
}

const skew = fc.integer({ min: -BACKDATED_MS / 2, max: BACKDATED_MS / 2 });

const replica: fc.Arbitrary<Replica> = fc.record(
  {
    skewMs: skew,
    everyMs: fc.integer({ min: HOUR / 4, max: 2 * HOUR }),
    downFrom: fc.nat({ max: 900 * DAY }),
    downForMs: fc.nat({ max: 29 * DAY }),
  },
  { noNullPrototype: true },
);

interface Caller {
  readonly skewMs: number;
  /** From when an authority is there until it is published, as while the API server is away. */
  readonly publishedAfterMs: number;
  /** And from then until this caller has heard of it. */
  readonly heardAfterMs: number;
}

const caller: fc.Arbitrary<Caller> = fc.record(
  { skewMs: skew, publishedAfterMs: fc.nat({ max: DAY }), heardAfterMs: fc.nat({ max: HOUR / 2 }) },
  { noNullPrototype: true },
);

/** The Secret that replicas share, and what a caller makes of it. */
class Story {
  state: CertificateState = { authorities: [], serving: undefined, publishedAt: undefined };
  #serial = 0;
  #servedFrom = Infinity;
  readonly #caller: Caller;
  readonly #published = new Map<string, EpochMs>(); // by authority

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  act({ skewMs }: Replica, now: EpochMs): void {
    const own = now + skewMs;
    const authorities = this.state.authorities.filter(({ validTo }) => validTo > own);
    const publishedAt = this.#published.get(authorities[0]?.id ?? "") ?? Infinity;
    const alive = {
      ...this.state,
      authorities,
      publishedAt: publishedAt > now ? undefined : publishedAt + skewMs,
    };
    const { type } = nextStep(alive, LIVES, own);
    if (type === "wait") return;
    const [newest] = type === "renew" ? authorities : [this.#addAuthority(now, own)];
    if (newest === undefined) return;
    const known = type === "start-over" ? [] : authorities;
    this.state = { ...alive, authorities: type === "renew" ? known : [newest, ...known] };
    if (type === "add-authority") return;
    this.state = { ...this.state, serving: serving(newest.id, own) };
    this.#servedFrom = own - BACKDATED_MS;
  }

  #addAuthority(now: EpochMs, own: EpochMs): CertificateState["authorities"][number] {
    this.#serial += 1;
    const added = authority(`${this.#serial}`, own);
    this.#published.set(added.id, now + this.#caller.publishedAfterMs);
    return added;
  }

  complaint(now: EpochMs): string {
    const { serving: shown } = this.state;
    const { skewMs, heardAfterMs } = this.#caller;
    if (shown === undefined || shown.validTo <= now + skewMs) return "expired";
    if (this.#servedFrom > now + skewMs) return "not good yet";
    const heardAt = (this.#published.get(shown.authority) ?? Infinity) + heardAfterMs;
    return heardAt > now ? "not believed" : "";
  }
}

/** Plays replicas for some years. @returns what the caller had to complain of, after the first day and a half. */
function complaintsIn(replicas: readonly Replica[], who: Caller): readonly string[] {
  const story = new Story(who);
  const complaints = new Set<string>();
  for (let passed = 0; passed < 900 * DAY; passed += HOUR / 4) {
    for (const each of replicas) {
      const isDown = passed > each.downFrom && passed < each.downFrom + each.downForMs;
      if (!isDown && passed % each.everyMs < HOUR / 4) story.act(each, NOW + passed);
    }
    const complaint = passed < 1.5 * DAY ? "" : story.complaint(NOW + passed);
    if (complaint !== "") complaints.add(`${complaint} after ${Math.floor(passed / DAY)} days`);
  }
  return [...complaints];
}

describe("certificates of replicas whose clocks differ by up to an hour", () => {
  it("are good and believed at every moment of years, though each replica is down for a month", () => {
    fc.assert(
      fc.property(fc.array(replica, { minLength: 1, maxLength: 3 }), caller, (replicas, who) => {
        assert.deepEqual(complaintsIn(replicas, who), []);
      }),
      { numRuns: 30 },
    );
  });
});
