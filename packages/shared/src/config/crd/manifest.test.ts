import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseAddress } from "../../ip/address.ts";
import { parseRange } from "../../ip/range.ts";
import { parseCommunity } from "../community.ts";
import { parseDuration } from "../duration.ts";
import { CRD_KINDS } from "./kinds.ts";
import { crdManifest, objectSchema, type StructuralSchema } from "./manifest.ts";
import { ADDRESS, COMMUNITY, DURATION, RANGE } from "./text-patterns.ts";

/** Every node of a schema with its path. */
function nodes(schema: StructuralSchema, path: string): readonly (readonly [string, StructuralSchema])[] {
  const { properties = {}, items, additionalProperties } = schema;
  return [
    [path, schema],
    ...Object.entries(properties).flatMap(([name, field]) => nodes(field, `${path}.${name}`)),
    ...(items === undefined ? [] : nodes(items, `${path}[]`)),
    ...(additionalProperties === undefined ? [] : nodes(additionalProperties, `${path}.*`)),
  ];
}

const ALL = CRD_KINDS.flatMap(({ kind, about, versions }) =>
  versions.flatMap((version) => nodes(objectSchema(version, about), `${kind}/${version.name}`)),
);

describe("manifests of the kinds", () => {
  it("describe every field", () => {
    const silent = ALL.filter(
      ([path, { description = "" }]) => description === "" && !path.endsWith(".metadata"),
    );
    assert.deepEqual(
      silent.map(([path]) => path),
      [],
    );
  });

  it("are structural: every part has a type", () => {
    assert.deepEqual(
      ALL.filter(([, { type }]) => type === undefined),
      [],
    );
  });

  it("have MetalLB's kinds, versions and defaults, and one kind of ours", () => {
    const defaults = ALL.filter(([, schema]) => schema.default !== undefined).map(
      ([path, schema]) => `${path} ${schema.default}`,
    );
    assert.deepEqual(
      CRD_KINDS.map(({ plural, versions }) => `${plural} ${versions.map(({ name }) => name)}`),
      [
        "ipaddresspools v1beta1",
        "l2advertisements v1beta1",
        "bgpadvertisements v1beta1",
        "bgppeers v1beta1,v1beta2",
        "bfdprofiles v1beta1",
        "communities v1beta1",
        "servicel2statuses v1beta1",
        "servicebgpstatuses v1beta1",
        "bgpsessionstates v1beta1",
        "configurationstates v1beta1",
      ],
    );
    assert.deepEqual(defaults, [
      "IPAddressPool/v1beta1.spec.autoAssign true",
      "IPAddressPool/v1beta1.spec.avoidBuggyIPs false",
      "BGPAdvertisement/v1beta1.spec.aggregationLength 32",
      "BGPAdvertisement/v1beta1.spec.aggregationLengthV6 128",
      "BGPPeer/v1beta1.spec.peerPort 179",
      "BGPPeer/v1beta1.spec.dualStackAddressFamily false",
      "BGPPeer/v1beta1.spec.disableMP false",
      "BGPPeer/v1beta2.spec.peerPort 179",
      "BGPPeer/v1beta2.spec.dualStackAddressFamily false",
      "BGPPeer/v1beta2.spec.disableMP false",
    ]);
  });

  it("let the old BGPPeer have every field of the new one, so that none is lost on the way", () => {
    const paths = (version: string) =>
      ALL.flatMap(([path]) =>
        path.startsWith(`BGPPeer/${version}`) ? [path.replace(version, "")] : [],
      ).sort();
    assert.deepEqual(paths("v1beta1"), paths("v1beta2"));
  });

  it("bound every list that has rules inside, so that the API server can afford them", () => {
    const hasRules = (schema: StructuralSchema) =>
      nodes(schema, "").some(([, node]) => node["x-kubernetes-validations"] !== undefined);
    const boundless = ALL.filter(
      ([, { items, maxItems }]) => items !== undefined && hasRules(items) && maxItems === undefined,
    );
    assert.deepEqual(
      boundless.map(([path]) => path),
      [],
    );
  });

  it("store one version each", () => {
    for (const kind of CRD_KINDS) {
      assert.equal(kind.versions.filter(({ isStored }) => isStored).length, 1, kind.kind);
      assert.match(JSON.stringify(crdManifest(kind)), /"conversion":\{"strategy":"None","webhook":null\}/);
    }
  });
});

const v4 = fc.oneof(fc.ipV4(), fc.constantFrom("1.2.3.256", "01.2.3.4", "1.2.3", "1.2.3.4.5", "0.0.0.0"));
const v6 = fc.oneof(
  fc.ipV6(),
  fc.constantFrom("::", "fd00::1", "::ffff:1.2.3.4", "::1.2.3.4", "fd00::1%eth0", "1::2::3"),
);
const address = fc.oneof(v4, v6);
const space = fc.constantFrom("", " ", "  ");
const range = fc.oneof(
  fc.tuple(address, fc.integer({ min: 0, max: 130 })).map(([base, length]) => `${base}/${length}`),
  fc
    .tuple(space, address, space, space, address, space)
    .map(([a, b, c, d, e, f]) => `${a}${b}${c}-${d}${e}${f}`),
  address,
);
const number = fc.oneof(
  fc.nat({ max: 70_000 }),
  fc.nat({ max: 5_000_000_000 }),
  fc.constantFrom("007", "", "-1", "65529", "65535", "65536"),
);
const community = fc
  .tuple(fc.constantFrom("", "large:", "small:"), fc.array(number, { minLength: 1, maxLength: 4 }))
  .map(([prefix, numbers]) => `${prefix}${numbers.join(":")}`);
const duration = fc
  .array(
    fc.tuple(
      fc.constantFrom("1", "90", "1.5", ".5", "3.", ".", ""),
      fc.constantFrom("s", "m", "h", "ms", "us", "µs", "ns", "d", ""),
    ),
  )
  .chain((parts) =>
    fc.constantFrom("", "-", "+").map((sign) => sign + parts.map((part) => part.join("")).join("")),
  );

const PATTERNS: readonly {
  readonly name: string;
  readonly pattern: string;
  readonly texts: fc.Arbitrary<string>;
  readonly isRead: (text: string) => boolean;
  /** Whether what matches is read, too. */
  readonly isExact: (text: string) => boolean;
}[] = [
  {
    name: "addresses",
    pattern: ADDRESS,
    texts: address,
    isRead: (text) => parseAddress(text) !== undefined,
    isExact: (text) => !text.includes(":"),
  },
  {
    name: "ranges",
    pattern: RANGE,
    texts: range,
    isRead: (text) => "range" in parseRange(text),
    isExact: (text) => text.includes(".") && text.includes("/") && !text.includes(":"),
  },
  {
    name: "communities",
    pattern: COMMUNITY,
    texts: community,
    isRead: (text) => "community" in parseCommunity(text),
    isExact: (text) => !text.startsWith("large:"),
  },
  {
    name: "durations",
    pattern: DURATION,
    texts: duration,
    isRead: (text) => "milliseconds" in parseDuration(text),
    isExact: () => true,
  },
];

describe("patterns for the API server", () => {
  for (const { name, pattern, texts, isRead, isExact } of PATTERNS) {
    it(`take the ${name} that we read, and no others where they can be exact`, () => {
      const matcher = new RegExp(`^${pattern}$`);
      fc.assert(
        fc.property(texts, (text) => {
          if (isRead(text)) assert.match(text, matcher);
          else if (isExact(text)) assert.doesNotMatch(text, matcher);
        }),
        { numRuns: 1_000 },
      );
    });
  }

  it("have no backslash, which CEL would want doubled", () => {
    assert.deepEqual(
      PATTERNS.filter(({ pattern }) => pattern.includes("\\")),
      [],
    );
  });
});
