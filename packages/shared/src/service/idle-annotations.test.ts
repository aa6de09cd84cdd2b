import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { idleAnnotations } from "./idle-annotations.ts";

function told(kind: string, ...names: readonly string[]): readonly string[] {
  const annotations = Object.fromEntries(names.map((name) => [name, "x"]));
  return idleAnnotations(kind, annotations).map(({ annotation, message }) => `${annotation}: ${message}`);
}

const CASES: readonly {
  readonly name: string;
  readonly kind: string;
  readonly has: readonly string[];
  readonly told: readonly string[];
}[] = [
  {
    name: "a misspelt one with the nearest name",
    kind: "IPAddressPool",
    has: ["herald.io/exlude"],
    told: ['herald.io/exlude: not known, does nothing, did you mean "herald.io/exclude"?'],
  },
  {
    name: "one in capitals",
    kind: "IPAddressPool",
    has: ["herald.io/Quota-Per-Namespace"],
    told: [
      'herald.io/Quota-Per-Namespace: not known, does nothing, did you mean "herald.io/quota-per-namespace"?',
    ],
  },
  {
    name: "a long one",
    kind: "IPAddressPool",
    has: ["herald.io/allow-sharing-accross-namespace"],
    told: [
      'herald.io/allow-sharing-accross-namespace: not known, does nothing, did you mean "herald.io/allow-sharing-across-namespaces"?',
    ],
  },
  {
    name: "one that is near to none",
    kind: "Service",
    has: ["herald.io/team"],
    told: ["herald.io/team: not known, does nothing"],
  },
  {
    name: "one of another kind",
    kind: "IPAddressPool",
    has: ["herald.io/med"],
    told: ["herald.io/med: does nothing on an IPAddressPool, it is for a BGPAdvertisement"],
  },
  {
    name: "one of two other kinds",
    kind: "BGPPeer",
    has: ["herald.io/sticky"],
    told: ["herald.io/sticky: does nothing on a BGPPeer, it is for an IPAddressPool or a Service"],
  },
  {
    name: "each on a kind that knows none",
    kind: "L2Advertisement",
    has: ["herald.io/l2-spread", "herald.io/spread"],
    told: [
      "herald.io/l2-spread: does nothing on an L2Advertisement, it is for a Service",
      "herald.io/spread: not known, does nothing",
    ],
  },
  {
    name: "nothing of those that are known, nor of others'",
    kind: "IPAddressPool",
    has: [
      "herald.io/sticky",
      "herald.io/reserve",
      "example.com/herald.io",
      "metallb.io/exlude",
      "herald.iox/a",
    ],
    told: [],
  },
];

describe("of annotations that do nothing", () => {
  for (const { name, kind, has, told: want } of CASES) {
    it(`${want.length === 0 ? "is said" : "is named"} ${name}`, () =>
      assert.deepEqual(told(kind, ...has), want));
  }

  it("are named 20 of very many", () => {
    const names = Array.from({ length: 5000 }, (_, index) => `herald.io/x${index}`);
    assert.equal(told("Service", ...names).length, 20);
  });
});
