import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseHex } from "@herald/lab/hex";
import type { Treatment } from "./attribute-kinds.ts";
import {
  AS_PATH,
  body,
  external,
  internal,
  LOCAL_PREF,
  NEXT_HOP,
  NLRI,
  ORIGIN,
  oldSpeaker,
} from "./testdata/update-body.ts";
import { decodeUpdate, type UpdateContext } from "./update.ts";

// What RFC 7606 makes of each error, row by row. Everything in `attributes` is beside what a good UPDATE has.

interface Row {
  readonly section: string;
  readonly name: string;
  readonly context?: UpdateContext;
  /** In place of the attribute of the same code, or added. */
  readonly attributes: readonly string[];
  readonly treatment: Treatment;
  readonly text: string;
}

const rows: readonly Row[] = [
  {
    section: "3(c)",
    name: "ORIGIN with the flag Optional",
    attributes: ["c0 01 01 00"],
    treatment: "treat-as-withdraw",
    text: "ORIGIN has flags 0xc0",
  },
  {
    section: "3(c)",
    name: "COMMUNITIES without the flag Transitive",
    attributes: ["80 08 04 fc000064"],
    treatment: "treat-as-withdraw",
    text: "COMMUNITIES has flags 0x80",
  },
  {
    section: "3(e), RFC 4271, 6.3",
    name: "a well-known attribute that nobody knows",
    attributes: ["40 63 01 00"],
    treatment: "treat-as-withdraw",
    text: "well-known attribute 99 that is unknown",
  },
  {
    section: "3(g)",
    name: "MULTI_EXIT_DISC twice",
    attributes: ["80 04 04 00000001", "80 04 04 00000002"],
    treatment: "attribute-discard",
    text: "attribute 4 again",
  },
  {
    section: "3(g)",
    name: "an unknown attribute twice",
    attributes: ["c0 63 00", "c0 63 00"],
    treatment: "attribute-discard",
    text: "attribute 99 again",
  },
  {
    section: "4",
    name: "an attribute that ends outside",
    attributes: ["80 04 05 00000001"],
    treatment: "treat-as-withdraw",
    text: "attributes end inside attribute 4",
  },
  {
    section: "4",
    name: "two octets of an attribute",
    attributes: ["80 04"],
    treatment: "treat-as-withdraw",
    text: "attributes end in the head of one",
  },
  {
    section: "4",
    name: "three octets of an attribute with a long length",
    attributes: ["90 04 00"],
    treatment: "treat-as-withdraw",
    text: "attributes end in the head of one",
  },
  {
    section: "7.1",
    name: "ORIGIN of two octets",
    attributes: ["40 01 02 0000"],
    treatment: "treat-as-withdraw",
    text: "ORIGIN: origin: invalid (2 octets, want 1)",
  },
  {
    section: "7.1",
    name: "ORIGIN that nobody defined",
    attributes: ["40 01 01 03"],
    treatment: "treat-as-withdraw",
    text: "ORIGIN: origin: invalid (3)",
  },
  {
    section: "7.2",
    name: "AS_PATH with an unknown segment",
    attributes: ["40 02 06 05 01 00000001"],
    treatment: "treat-as-withdraw",
    text: "AS_PATH: as-path.type: invalid",
  },
  {
    section: "7.2",
    name: "AS_PATH with an empty segment",
    attributes: ["40 02 02 02 00"],
    treatment: "treat-as-withdraw",
    text: "AS_PATH: as-path.count: invalid (0)",
  },
  {
    section: "7.2",
    name: "AS_PATH whose segment ends outside",
    attributes: ["40 02 06 02 02 00000001"],
    treatment: "treat-as-withdraw",
    text: "AS_PATH: as-path.asns: truncated (need 8, have 4)",
  },
  {
    section: "7.2, RFC 5065",
    name: "AS_PATH with a confederation from outside of it",
    context: external,
    attributes: ["40 02 06 03 01 00000001"],
    treatment: "treat-as-withdraw",
    text: "AS_PATH: as-path.type: invalid (a confederation's)",
  },
  {
    section: "7.3",
    name: "NEXT_HOP of five octets",
    attributes: ["40 03 05 c000020100"],
    treatment: "treat-as-withdraw",
    text: "NEXT_HOP: next-hop: invalid (5 octets, want 4)",
  },
  {
    section: "7.4",
    name: "MULTI_EXIT_DISC of three octets",
    attributes: ["80 04 03 000001"],
    treatment: "treat-as-withdraw",
    text: "MULTI_EXIT_DISC: med: invalid (3 octets, want 4)",
  },
  {
    section: "7.5",
    name: "LOCAL_PREF of three octets",
    attributes: ["40 05 03 000064"],
    treatment: "treat-as-withdraw",
    text: "LOCAL_PREF: local-pref: invalid (3 octets, want 4)",
  },
  {
    section: "7.5",
    name: "LOCAL_PREF from another AS, of whatever length",
    context: external,
    attributes: ["40 05 03 000064"],
    treatment: "attribute-discard",
    text: "LOCAL_PREF from another AS",
  },
  {
    section: "7.6",
    name: "ATOMIC_AGGREGATE with something in it",
    attributes: ["40 06 01 00"],
    treatment: "attribute-discard",
    text: "ATOMIC_AGGREGATE: atomic-aggregate: invalid (1 octets, want 0)",
  },
  {
    section: "7.7",
    name: "AGGREGATOR with an ASN of two octets where four are spoken",
    attributes: ["c0 07 06 fc00 c0000201"],
    treatment: "attribute-discard",
    text: "AGGREGATOR: aggregator: invalid (6 octets, want 8)",
  },
  {
    section: "7.7",
    name: "AGGREGATOR with an ASN of four octets where two are spoken",
    context: oldSpeaker,
    attributes: ["c0 07 08 0000fc00 c0000201"],
    treatment: "attribute-discard",
    text: "AGGREGATOR: aggregator: invalid (8 octets, want 6)",
  },
  {
    section: "7.8",
    name: "COMMUNITIES of six octets",
    attributes: ["c0 08 06 fc000064fc00"],
    treatment: "treat-as-withdraw",
    text: "COMMUNITIES: communities: invalid (6 octets, want a multiple of 4)",
  },
  {
    section: "7.8",
    name: "COMMUNITIES without any",
    attributes: ["c0 08 00"],
    treatment: "treat-as-withdraw",
    text: "COMMUNITIES: communities: invalid (0 octets, want a multiple of 4)",
  },
  {
    section: "7.9",
    name: "ORIGINATOR_ID of two octets",
    attributes: ["80 09 02 c000"],
    treatment: "treat-as-withdraw",
    text: "ORIGINATOR_ID: originator-id: invalid (2 octets, want 4)",
  },
  {
    section: "7.9",
    name: "ORIGINATOR_ID from another AS",
    context: external,
    attributes: ["80 09 04 c0000201"],
    treatment: "attribute-discard",
    text: "ORIGINATOR_ID from another AS",
  },
  {
    section: "7.10",
    name: "CLUSTER_LIST of five octets",
    attributes: ["80 0a 05 c000020100"],
    treatment: "treat-as-withdraw",
    text: "CLUSTER_LIST: cluster-list: invalid (5 octets, want a multiple of 4)",
  },
  {
    section: "7.10",
    name: "CLUSTER_LIST without any",
    attributes: ["80 0a 00"],
    treatment: "treat-as-withdraw",
    text: "CLUSTER_LIST: cluster-list: invalid (0 octets, want a multiple of 4)",
  },
  {
    section: "7.10",
    name: "CLUSTER_LIST from another AS",
    context: external,
    attributes: ["80 0a 04 c0000201"],
    treatment: "attribute-discard",
    text: "CLUSTER_LIST from another AS",
  },
  {
    section: "7.14",
    name: "EXTENDED_COMMUNITIES of four octets",
    attributes: ["c0 10 04 00000000"],
    treatment: "treat-as-withdraw",
    text: "EXTENDED_COMMUNITIES: extended-communities: invalid (4 octets, want a multiple of 8)",
  },
  {
    section: "7.14",
    name: "EXTENDED_COMMUNITIES without any",
    attributes: ["c0 10 00"],
    treatment: "treat-as-withdraw",
    text: "EXTENDED_COMMUNITIES: extended-communities: invalid (0 octets, want a multiple of 8)",
  },
  {
    section: "RFC 8092, 6",
    name: "LARGE_COMMUNITIES of eight octets",
    attributes: ["c0 20 08 0000000000000000"],
    treatment: "treat-as-withdraw",
    text: "LARGE_COMMUNITIES: large-communities: invalid (8 octets, want a multiple of 12)",
  },
  {
    section: "RFC 8092, 6",
    name: "LARGE_COMMUNITIES without any",
    attributes: ["c0 20 00"],
    treatment: "treat-as-withdraw",
    text: "LARGE_COMMUNITIES: large-communities: invalid (0 octets, want a multiple of 12)",
  },
  {
    section: "RFC 6793, 6",
    name: "AS4_PATH that ends outside",
    context: oldSpeaker,
    attributes: ["c0 11 04 02 01 0000"],
    treatment: "attribute-discard",
    text: "AS4_PATH: as4-path.asns: truncated (need 4, have 2)",
  },
  {
    section: "RFC 6793, 4.1",
    name: "AS4_PATH where ASNs have four octets anyway",
    attributes: ["c0 11 06 02 01 0000fc00"],
    treatment: "attribute-discard",
    text: "AS4_PATH beside ASNs of four octets",
  },
  {
    section: "RFC 6793, 6",
    name: "AS4_AGGREGATOR of six octets",
    context: oldSpeaker,
    attributes: ["c0 12 06 fc00 c0000201"],
    treatment: "attribute-discard",
    text: "AS4_AGGREGATOR: as4-aggregator: invalid (6 octets, want 8)",
  },
  {
    section: "RFC 9234, 5",
    name: "ONLY_TO_CUSTOMER of two octets",
    attributes: ["c0 23 02 fc00"],
    treatment: "treat-as-withdraw",
    text: "ONLY_TO_CUSTOMER: only-to-customer: invalid (2 octets, want 4)",
  },
  {
    section: "RFC 4760, 7",
    name: "MP_REACH_NLRI of a family that nobody asked for",
    attributes: ["80 0e 05 0001 80 00 00"],
    treatment: "attribute-discard",
    text: "routes of AFI 1 SAFI 128",
  },
];

describe("RFC 7606: an UPDATE with routes and", () => {
  for (const { section, name, context = internal, attributes, treatment, text } of rows) {
    it(`${name}: ${treatment} (${section})`, () => {
      const codes = attributes.map((attribute) => parseHex(attribute)[1]);
      const local = context.external ? [] : [LOCAL_PREF];
      const good = [ORIGIN, AS_PATH, NEXT_HOP, ...local].filter((one) => !codes.includes(parseHex(one)[1]));
      const decoded = decodeUpdate(body([...good, ...attributes], NLRI), context);
      assert.deepEqual(
        decoded.errors.map((error) => [error.treatment, error.text]),
        [[treatment, text]],
      );
      assert.equal(decoded.treatAsWithdraw, treatment === "treat-as-withdraw");
      assert.equal(decoded.update.announced.count, 1);
    });
  }

  const missing = [
    { name: "ORIGIN", attributes: [AS_PATH, NEXT_HOP, LOCAL_PREF] },
    { name: "AS_PATH", attributes: [ORIGIN, NEXT_HOP, LOCAL_PREF] },
    { name: "NEXT_HOP", attributes: [ORIGIN, AS_PATH, LOCAL_PREF] },
    { name: "LOCAL_PREF", attributes: [ORIGIN, AS_PATH, NEXT_HOP] },
  ];
  for (const { name, attributes } of missing) {
    it(`no ${name}: treat-as-withdraw (3(d))`, () => {
      const { errors, treatAsWithdraw } = decodeUpdate(body(attributes, NLRI), internal);
      assert.deepEqual([errors.map(({ text }) => text), treatAsWithdraw], [[`${name} is missing`], true]);
    });
  }

  it("two errors: the stronger counts (3(h))", () => {
    const attributes = [ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF, "40 06 01 00", "c0 08 00"];
    const { errors, treatAsWithdraw } = decodeUpdate(body(attributes, NLRI), internal);
    assert.deepEqual(
      [errors.map(({ treatment }) => treatment), treatAsWithdraw],
      [["attribute-discard", "treat-as-withdraw"], true],
    );
  });

  it("the first of two counts, not the second (3(g))", () => {
    const attributes = [ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF, "80 04 04 00000001", "80 04 04 00000002"];
    assert.equal(decodeUpdate(body(attributes, NLRI), internal).update.attributes.med, 1);
  });
});
