import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { Clock, Random } from "@herald/shared/core";
import type { V1Lease } from "@kubernetes/client-node";
import { type ApiClient, ApiError, type Raw } from "./api.ts";
import { elapse } from "./elapse.ts";
import { FakeApi } from "./fake.ts";
import { LeaderElector, microTime } from "./lease.ts";
import { whenAborted } from "./when-aborted.ts";

type LeaseClient = Pick<ApiClient, "get" | "create" | "patch">;
const PATH = "/apis/coordination.k8s.io/v1/namespaces/metallb-system/leases/herald-controller";
const NOTE = "example.com/note";

interface Candidate {
  readonly elector: LeaderElector;
  readonly run: Promise<void>;
  readonly stop: AbortController;
  /** Is `lead` running with a signal that has not aborted? */
  readonly leads: () => boolean;
}

function candidate(
  identity: string,
  client: LeaseClient,
  clock: Clock,
  lead: (signal: AbortSignal, note: string | undefined) => Promise<void> = whenAborted,
  text?: () => string | undefined,
): Candidate {
  const elector = new LeaderElector({
    client,
    namespace: "metallb-system",
    name: "herald-controller",
    identity,
    clock,
    random: new SeededRandom(identity.charCodeAt(0)),
    epochMs: () => 1_700_000_000_123 + clock.now(),
    ...(text && { note: { annotation: NOTE, text } }),
  });
  let signal: AbortSignal | undefined;
  const stop = new AbortController();
  const run = elector.run(async (given, note) => {
    signal = given;
    await lead(given, note);
    signal = undefined;
  }, stop.signal);
  return { elector, run, stop, leads: () => signal !== undefined && !signal.aborted };
}

const leaders = (all: readonly Candidate[]): number => all.filter(({ leads }) => leads()).length;

describe("leader elector", () => {
  it("writes the Lease as client-go does", async () => {
    const clock = new VirtualClock();
    const api = new FakeApi({ clock });
    const only = candidate("pod-1_a1b2", api, clock);
    await elapse(clock, 3000);
    const { spec } = api.peek<V1Lease>(PATH) as Raw<V1Lease>;
    assert.deepEqual(spec, {
      holderIdentity: "pod-1_a1b2",
      leaseDurationSeconds: 15,
      acquireTime: "2023-11-14T22:13:20.123000Z",
      renewTime: "2023-11-14T22:13:22.123000Z",
      leaseTransitions: 0,
    });
    only.stop.abort();
    await elapse(clock, 0);
    await only.run;
    const { spec: released } = api.peek<V1Lease>(PATH) as Raw<V1Lease>;
    assert.deepEqual([released?.holderIdentity, released?.leaseDurationSeconds], ["", 1]);
  });

  it("writes times with six digits", () => {
    assert.equal(microTime(0), "1970-01-01T00:00:00.000000Z");
  });

  it("hands over within a retry period when the leader stops gracefully", async () => {
    const clock = new VirtualClock();
    const api = new FakeApi({ clock });
    const first = candidate("a", api, clock);
    await elapse(clock, 100);
    const second = candidate("b", api, clock);
    await elapse(clock, 10_000);
    assert.deepEqual([first.leads(), second.leads()], [true, false]);
    first.stop.abort();
    await elapse(clock, 2400);
    await first.run;
    assert.deepEqual([first.leads(), second.leads()], [false, true]);
    assert.equal(api.peek<V1Lease>(PATH)?.spec?.leaseTransitions, 1);
  });

  it("takes over fifteen seconds after a leader has died", async () => {
    const clock = new VirtualClock();
    const api = new FakeApi({ clock });
    const dead = { dead: false };
    candidate("a", mortal(api, dead), clock);
    await elapse(clock, 100);
    const second = candidate("b", api, clock);
    await elapse(clock, 5000);
    dead.dead = true;
    await elapse(clock, 13_000);
    assert.equal(second.leads(), false);
    await elapse(clock, 7000);
    assert.equal(second.leads(), true);
  });

  it("stops leading before anybody else begins when it is cut off from the API server", async () => {
    const clock = new VirtualClock();
    const api = new FakeApi({ clock });
    const cut = { dead: false };
    const first = candidate("a", mortal(api, cut), clock);
    await elapse(clock, 100);
    const second = candidate("b", api, clock);
    await elapse(clock, 5000);
    cut.dead = true;
    for (let ms = 0; ms < 30_000; ms += 50) {
      await elapse(clock, 50);
      assert.ok(leaders([first, second]) <= 1);
    }
    assert.deepEqual([first.leads(), second.leads()], [false, true]);
  });

  it("hands a note from leader to leader, by a renewal or the release, and takes it away", async () => {
    const clock = new VirtualClock();
    const api = new FakeApi({ clock });
    const found: (string | undefined)[] = [];
    const lead = async (signal: AbortSignal, note: string | undefined): Promise<void> => {
      found.push(note);
      await whenAborted(signal);
    };
    const written = (): unknown => api.peek<V1Lease>(PATH)?.metadata?.annotations;
    let text: string | undefined = "first";
    const one = candidate("a", api, clock, lead, () => text);
    await elapse(clock, 1000);
    assert.equal(written(), undefined); // asked for while leading, no sooner
    await elapse(clock, 2000);
    assert.deepEqual(written(), { [NOTE]: "first" });
    text = "last";
    one.stop.abort();
    await elapse(clock, 0);
    await one.run;
    assert.deepEqual(written(), { [NOTE]: "last" });
    const two = candidate("b", api, clock, lead, () => text);
    await elapse(clock, 1000);
    assert.deepEqual([found, written()], [[undefined, "last"], { [NOTE]: "last" }]);
    text = undefined;
    await elapse(clock, 2000);
    assert.deepEqual(written(), {});
    two.stop.abort();
    await elapse(clock, 0);
    await two.run;
  });

  it("leaves the note alone where it is stopped while it becomes the leader", async () => {
    const clock = new VirtualClock();
    const api = new FakeApi({ clock });
    const annotations = { [NOTE]: "from the one before" };
    api.put(PATH, {
      metadata: { namespace: "metallb-system", name: "herald-controller", annotations },
      spec: {},
    });
    api.setDelay(100);
    const one = candidate("a", api, clock, whenAborted, () => undefined);
    await elapse(clock, 150);
    one.stop.abort();
    await elapse(clock, 1000);
    await one.run;
    const { metadata, spec } = api.peek<V1Lease>(PATH) as Raw<V1Lease>;
    assert.deepEqual([spec?.leaseTransitions, spec?.holderIdentity], [1, ""]);
    assert.deepEqual(metadata?.annotations, annotations);
  });

  it("says its note again only where it changed, and leaves others' annotations alone", async () => {
    const clock = new VirtualClock();
    const api = new FakeApi({ clock });
    api.put(PATH, {
      metadata: { namespace: "metallb-system", name: "herald-controller", annotations: { other: "x" } },
      spec: {},
    });
    const said: unknown[] = [];
    const client: LeaseClient = {
      get: (...given) => api.get(...given),
      create: (...given) => api.create(...given),
      patch: (path, type, body, options) => {
        said.push((body as V1Lease).metadata?.annotations);
        return api.patch(path, type, body, options);
      },
    };
    candidate("a", client, clock, whenAborted, () => "same");
    await elapse(clock, 8500);
    assert.deepEqual(said, [undefined, { [NOTE]: "same" }, undefined, undefined, undefined]);
    assert.deepEqual(api.peek<V1Lease>(PATH)?.metadata?.annotations, { other: "x", [NOTE]: "same" });
  });

  it("rejects with what the work throws", async () => {
    const clock = new VirtualClock();
    const { run } = candidate("a", new FakeApi({ clock }), clock, () =>
      Promise.reject(new TypeError("our bug")),
    );
    await assert.rejects(run, { message: "our bug" });
  });

  it("is silent about the reason of its own signal", async () => {
    const clock = new VirtualClock();
    const only = candidate("a", new FakeApi({ clock }), clock, async (signal) => {
      await whenAborted(signal);
      signal.throwIfAborted();
    });
    await elapse(clock, 100);
    only.stop.abort();
    await elapse(clock, 100);
    await only.run;
  });

  for (let seed = 1; seed <= 12; seed += 1) {
    it(`never has two leaders among three in half an hour of faults and skewed clocks (seed ${seed})`, async () => {
      const random = new SeededRandom(seed);
      const clock = new VirtualClock();
      const api = new FakeApi({ clock });
      const all = ["a", "b", "c"].map((identity) =>
        candidate(identity, flaky(api, clock, random), skewed(clock, random)),
      );
      let led = 0;
      for (let ms = 0; ms < 1_800_000; ms += 250) {
        await elapse(clock, 250);
        const now = leaders(all);
        assert.ok(now <= 1, `${now} leaders at ${clock.now()} ms`);
        assert.ok(all.filter(({ elector }) => elector.leading).length <= 1);
        led += now;
      }
      assert.ok(led > 1000, `somebody led in only ${led} of 7200 samples`);
    });
  }
});

/** Requests of the dead never get an answer. */
function mortal(api: LeaseClient, life: { readonly dead: boolean }): LeaseClient {
  const through = <T>(request: () => Promise<T>): Promise<T> =>
    life.dead ? Promise.reject(new ApiError(0, "Unreachable", "cut off")) : request();
  return {
    get: (...given) => through(() => api.get(...given)),
    create: (...given) => through(() => api.create(...given)),
    patch: (...given) => through(() => api.patch(...given)),
  };
}

/** A clock of its own: another beginning, and up to a tenth too fast or too slow. */
function skewed(clock: Clock, random: Random): Clock {
  const offset = random.next() * 1e9;
  const rate = 0.9 + random.next() / 5;
  return {
    now: () => offset + clock.now() * rate,
    at: (due, callback) => clock.at((due - offset) / rate, callback),
  };
}

/**
 * A network with moods: for a while all is well, then requests or answers are lost or come seconds late. What was sent
 * arrives even when the sender has given up waiting.
 */
function flaky(api: LeaseClient, clock: Clock, random: Random): LeaseClient {
  let badUntil = 0;
  let goodUntil = 0;
  const isBad = (): boolean => {
    if (clock.now() >= badUntil && clock.now() >= goodUntil) {
      goodUntil = clock.now() + random.next() * 60_000;
      badUntil = goodUntil + random.next() * 40_000;
    }
    return clock.now() >= goodUntil;
  };
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => clock.at(clock.now() + ms, resolve));
  const lost = (): ApiError => new ApiError(0, "Unreachable", "lost");
  const through = async <T>(request: () => Promise<T>): Promise<T> => {
    const bad = isBad();
    await sleep(random.next() * (bad ? 12_000 : 100));
    if (bad && random.next() < 0.4) throw lost();
    const answer = await request();
    await sleep(random.next() * (bad ? 12_000 : 100));
    if (bad && random.next() < 0.4) throw lost();
    return answer;
  };
  // Why no signals below: the server does not hear that nobody waits any more.
  return {
    get: (path, options) =>
      orAborted(
        through(() => api.get(path)),
        options?.signal,
      ),
    create: (path, body, options) =>
      orAborted(
        through(() => api.create(path, body)),
        options?.signal,
      ),
    patch: (path, type, body, options) =>
      orAborted(
        through(() => api.patch(path, type, body)),
        options?.signal,
      ),
  };
}

function orAborted<T>(answer: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
  return Promise.race([answer, aborted]);
}
