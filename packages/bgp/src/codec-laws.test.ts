import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { decodeAsPath, encodeAsPath, mergeAsPaths, shortAsn, withoutConfederations } from "./as-path.ts";
import { sortedCommunities } from "./community.ts";
import { decodeNlri, encodeNlri, readNlriField } from "./nlri.ts";
import { decodeOpen, encodeOpen } from "./open.ts";
import { formatPrefix, parsePrefix } from "./prefix.ts";
import { NLRI, OPEN, PREFIX, UPDATE } from "./testdata/arbitraries.ts";
import { decodeUpdate, encodeUpdate } from "./update.ts";

describe("the codec", () => {
  it("reads every OPEN that it wrote", () => {
    fc.assert(fc.property(OPEN, (open) => assert.deepEqual(decodeOpen(encodeOpen(open)), open)));
  });

  it("reads every UPDATE that it wrote", () => {
    fc.assert(
      fc.property(UPDATE, ({ update, context }) => {
        const decoded = decodeUpdate(encodeUpdate(update, context.asnOctets), context);
        assert.deepEqual(decoded, { update, errors: [], treatAsWithdraw: false, ignored: [] });
      }),
    );
  });

  it("tells a speaker of two octets the whole path (RFC 6793)", () => {
    fc.assert(
      fc.property(UPDATE, ({ update, context }) => {
        const decoded = decodeUpdate(encodeUpdate(update, 2), { ...context, asnOctets: 2 });
        assert.deepEqual(flat(decoded.update.attributes.asPath), flat(update.attributes.asPath));
        assert.deepEqual(decoded.update.attributes.aggregator, update.attributes.aggregator);
      }),
    );
  });

  it("reads all prefixes that it wrote, with path ids and without", () => {
    for (const family of [4, 6] as const) {
      for (const pathIds of [true, false]) {
        fc.assert(
          fc.property(NLRI(family, pathIds), (all) => {
            const { octets, count } = encodeNlri(family, all);
            const field = readNlriField(family, pathIds, octets, "nlri");
            assert.deepEqual([decodeNlri(field), field.count, count], [all, all.length, all.length]);
          }),
        );
      }
    }
  });

  it("writes prefixes as text that it reads", () => {
    fc.assert(
      fc.property(PREFIX(4), (prefix) => assert.deepEqual(parsePrefix(formatPrefix(prefix)), prefix)),
    );
  });

  it("sorts communities by number, each once", () => {
    assert.deepEqual(sortedCommunities(["64512:20", "9:1", "64512:3", "64512:20"]), [
      "9:1",
      "64512:3",
      "64512:20",
    ]);
    assert.deepEqual(sortedCommunities(["10:2:1", "10:2:0", "9:9:9"]), ["9:9:9", "10:2:0", "10:2:1"]);
  });
});

type Path = Parameters<typeof encodeAsPath>[0];

/** Where one sequence ends and the next begins does not matter. */
function flat(path: Path = []): readonly string[] {
  return path.flatMap(({ type, asns }) => (type === "sequence" ? asns.map(String) : [`{${asns.join(",")}}`]));
}

describe("AS_TRANS", () => {
  it("is undone by what goes beside it, whoever put more in front", () => {
    const asns = fc.array(fc.integer({ min: 1, max: 0xffff_ffff }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(asns, fc.array(fc.integer({ min: 1, max: 60_000 }), { maxLength: 3 }), (own, later) => {
        const path: Path = [{ type: "sequence", asns: own }];
        const seen: Path = [{ type: "sequence", asns: [...later, ...own.map(shortAsn)] }];
        const as4 = decodeAsPath(encodeAsPath(withoutConfederations(path), 4), 4, "as4-path");
        assert.deepEqual(flat(mergeAsPaths(seen, as4)), [...later, ...own].map(String));
      }),
    );
  });
});
