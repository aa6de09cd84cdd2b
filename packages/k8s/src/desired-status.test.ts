import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import { NO_SPEAKER_YET } from "@herald/shared/service/no-speaker-yet";
import type { ConditionView, IngressView, ServiceView } from "@herald/shared/service/view";
import { type DesiredStatus, leftoverPatch, statusToApply } from "./desired-status.ts";
import { serviceView } from "./service.ts";

const POOL = "metallb.io/ip-allocated-from-pool";
const THEN = "2026-01-01T00:00:00Z";
const NOW = "2026-07-01T00:00:00Z";
const [ALLOCATED, ANNOUNCED] = ["herald.io/Allocated", "herald.io/Announced"];

const desired = (addresses: readonly string[], pool?: string, allocated?: DesiredStatus["allocated"]) => ({
  addresses: addresses as readonly IpAddress[],
  pool,
  ...(allocated !== undefined && { allocated }),
});

interface Found {
  readonly ingress?: readonly IngressView[];
  readonly pool?: string;
  readonly allocated?: ConditionView;
  readonly announced?: ConditionView;
}

function found({ ingress = [], pool, ...conditions }: Found = {}): ServiceView {
  const annotations = pool === undefined ? {} : { annotations: { [POOL]: pool } };
  const metadata = { namespace: "shop", name: "web", uid: "u1", resourceVersion: "7", ...annotations };
  return { ...serviceView({ metadata }), ingress, ...conditions };
}

const shows = (...ips: readonly string[]): readonly IngressView[] => ips.map((ip) => ({ ip }));
const identity = { uid: "u1", resourceVersion: "7" };

/** What is applied: all of it, each time. */
function applied(pool: string | undefined, ingress: readonly object[], ...conditions: readonly object[]) {
  const annotations = pool === undefined ? {} : { annotations: { [POOL]: pool } };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "shop", name: "web", ...identity, ...annotations },
    status: { loadBalancer: { ingress }, ...(conditions.length > 0 && { conditions }) },
  };
}

const toApply = (from: ServiceView, to: DesiredStatus): object | undefined =>
  statusToApply(from, to, Date.UTC(2026, 6, 1));

const since = (word: Omit<ConditionView, "since">): ConditionView => ({ ...word, since: THEN });
const full = { status: "False", reason: "PoolExhausted", message: "full" };
const good = { status: "True", reason: "Allocated", message: "here" };
const stated = (type: string | undefined, word: object, lastTransitionTime = THEN): object => ({
  type,
  ...word,
  lastTransitionTime,
});
const unspoken = stated(ANNOUNCED, NO_SPEAKER_YET, NOW);
const spoken = since({ status: "True", reason: "Announced", message: 'from node "a"' });

const cases: readonly {
  readonly name: string;
  readonly from: ServiceView;
  readonly to: DesiredStatus;
  readonly body: object | undefined;
}[] = [
  {
    name: "is nothing when only what the API server adds differs",
    from: found({ ingress: [{ ip: "192.0.2.1", ipMode: "Proxy" }], pool: "a" }),
    to: desired(["192.0.2.1"], "a"),
    body: undefined,
  },
  {
    name: "is nothing when there is nothing to clear",
    from: found(),
    to: desired([], undefined, "none"),
    body: undefined,
  },
  {
    name: "is nothing when the condition says so already, or nothing is wanted of it",
    from: found({ allocated: since(full) }),
    to: desired([], undefined, full),
    body: undefined,
  },
  {
    name: "is nothing for what speakers have to say",
    from: found({ ingress: shows("192.0.2.1"), pool: "a", allocated: since(good) }),
    to: desired(["192.0.2.1"], "a", good),
    body: undefined,
  },
  {
    name: "has addresses, pool and conditions together",
    from: found(),
    to: desired(["192.0.2.1", "fd00::1"], "a", good),
    body: applied("a", shows("192.0.2.1", "fd00::1"), stated(ALLOCATED, good, NOW), unspoken),
  },
  {
    name: "names what is to stay when the pool alone is corrected, also what others have said of the address",
    from: found({
      ingress: [{ ip: "192.0.2.1", ipMode: "Proxy" }],
      pool: "a",
      allocated: since(good),
      announced: spoken,
    }),
    to: desired(["192.0.2.1"], "b"),
    body: applied("b", [{ ip: "192.0.2.1", ipMode: "Proxy" }], stated(ALLOCATED, good)),
  },
  {
    name: "has the new order",
    from: found({ ingress: shows("fd00::1", "192.0.2.1"), pool: "a", announced: spoken }),
    to: desired(["192.0.2.1", "fd00::1"], "a"),
    body: applied("a", shows("192.0.2.1", "fd00::1")),
  },
  {
    name: "has no hostname that somebody else wrote",
    from: found({ ingress: [{ ip: "192.0.2.1", hostname: "h.example" }], pool: "a", announced: spoken }),
    to: desired(["192.0.2.1"], "a"),
    body: applied("a", shows("192.0.2.1")),
  },
  {
    name: "clears by a list of none, which goes over what another manager wrote",
    from: found({ ingress: shows("192.0.2.1"), pool: "a", allocated: since(good), announced: spoken }),
    to: desired([], undefined, "none"),
    body: applied(undefined, []),
  },
  {
    name: "keeps the time of a condition while only its words change",
    from: found({ allocated: since(full) }),
    to: desired([], undefined, { ...full, message: "still full" }),
    body: applied(undefined, [], stated(ALLOCATED, { ...full, message: "still full" })),
  },
  {
    name: "has the time from which a condition is so",
    from: found({ allocated: since(full) }),
    to: desired([], undefined, { ...good }),
    body: applied(undefined, [], stated(ALLOCATED, good, NOW)),
  },
  {
    name: "says on that no speaker has spoken yet, since when it was so",
    from: found({ ingress: shows("192.0.2.1"), pool: "a", announced: since(NO_SPEAKER_YET) }),
    to: desired(["192.0.2.2"], "a"),
    body: applied("a", shows("192.0.2.2"), stated(ANNOUNCED, NO_SPEAKER_YET)),
  },
  {
    name: "says no more that no speaker has spoken yet where there is nothing to announce",
    from: found({ ingress: shows("192.0.2.1"), pool: "a", announced: since(NO_SPEAKER_YET) }),
    to: desired([], undefined, full),
    body: applied(undefined, [], stated(ALLOCATED, full, NOW)),
  },
];

describe("what is applied to a status", () => {
  for (const { name, from, to, body } of cases) it(name, () => assert.deepEqual(toApply(from, to), body));
});

describe("what is left after that and ought to be gone", () => {
  const gone = { conditions: [{ $patch: "delete", type: ALLOCATED }] };
  const annotations = { [POOL]: null };

  it("is nothing where all is as wanted", () => {
    const here = found({ pool: "a", allocated: since(good) });
    assert.deepEqual(
      [leftoverPatch(here, desired([], "a", good)), leftoverPatch(found(), desired([], undefined, "none"))],
      [undefined, undefined],
    );
  });

  it("is the pool or the condition that another manager wrote, too", () => {
    const both = found({ pool: "a", allocated: since(good) });
    assert.deepEqual(leftoverPatch(both, desired([], undefined, "none")), {
      metadata: { ...identity, annotations },
      status: gone,
    });
    assert.deepEqual(leftoverPatch(both, desired([], undefined, full)), {
      metadata: { ...identity, annotations },
    });
    assert.deepEqual(leftoverPatch(both, desired([], "a", "none")), { metadata: identity, status: gone });
  });
});
