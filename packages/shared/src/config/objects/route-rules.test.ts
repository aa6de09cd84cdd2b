import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readRouteRules } from "./route-rules.ts";
import { mistakesIn, object } from "./samples.ts";

const [MED, PREPEND, BANDWIDTH] = [
  "herald.io/med",
  "herald.io/as-path-prepend",
  "herald.io/link-bandwidth",
] as const;
const NOTHING = { med: undefined, prepend: 0, bandwidthPerEndpoint: false };

describe("annotations of a BGPAdvertisement", () => {
  it("say nothing where there are none of ours", () => {
    assert.deepEqual(readRouteRules({ "example.org/med": "7" }), { rules: undefined, mistakes: [] });
  });

  for (const [annotation, text, said] of [
    [MED, "0", { med: 0 }],
    [MED, " 4294967295 ", { med: 4_294_967_295 }],
    [MED, "", {}],
    [PREPEND, "1", { prepend: 1 }],
    [PREPEND, "10", { prepend: 10 }],
    [BANDWIDTH, "per-endpoint", { bandwidthPerEndpoint: true }],
  ] as const) {
    it(`take ${annotation} "${text}"`, () => {
      assert.deepEqual(readRouteRules({ [annotation]: text }), {
        rules: { ...NOTHING, ...said },
        mistakes: [],
      });
    });
  }

  for (const [annotation, text, wanted] of [
    [MED, "4294967296", "a whole number from 0 to 4294967295"],
    [MED, "-1", "a whole number from 0 to 4294967295"],
    [MED, "1.5", "a whole number from 0 to 4294967295"],
    [PREPEND, "0", "a whole number from 1 to 10"],
    [PREPEND, "11", "a whole number from 1 to 10"],
    [BANDWIDTH, "per-node", '"per-endpoint"'],
  ] as const) {
    it(`refuse ${annotation} "${text}"`, () => {
      assert.deepEqual(readRouteRules({ [annotation]: text }), {
        rules: NOTHING,
        mistakes: [{ annotation, message: `"${text}" is not ${wanted}` }],
      });
    });
  }

  it("are told of by their place", () => {
    const { metadata, ...rest } = object("far", {});
    const annotations = { [MED]: "low", [PREPEND]: "12" };
    assert.deepEqual(
      mistakesIn({ bgpAdvertisements: [{ ...rest, metadata: { ...metadata, annotations } }] }),
      [
        'BGPAdvertisement far: metadata.annotations["herald.io/med"]: "low" is not a whole number from 0 to 4294967295',
        'BGPAdvertisement far: metadata.annotations["herald.io/as-path-prepend"]: "12" is not a whole number from 1 to 10',
      ],
    );
  });
});
