import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fromBigint, type IpFamily } from "../ip/address.ts";
import type { IpRange } from "../ip/range.ts";
import { NO_RULES, type PoolRules, rangesToGiveOut, readPoolRules } from "./pool-rules.ts";
import { samplePool } from "./samples.ts";

function rulesOf(annotations: Readonly<Record<string, string>>): Partial<PoolRules> {
  const { rules, mistakes } = readPoolRules(annotations);
  assert.deepEqual(mistakes, []);
  return rules;
}

/** What is left of a pool, as text. */
function left(addresses: readonly string[], exclude: string): readonly string[] {
  const { rules } = readPoolRules({ "herald.io/exclude": exclude });
  return rangesToGiveOut(samplePool("p", addresses).ranges, rules).map(({ family, first, last }) =>
    [first, last].map((value) => fromBigint(family, value)).join("-"),
  );
}

describe("annotations of a pool", () => {
  it("are none when there are none, or none of ours", () => {
    assert.deepEqual(rulesOf({}), NO_RULES);
    assert.deepEqual(rulesOf({ "example.com/quota": "7", "herald.io/quota-per-namespace": " " }), NO_RULES);
  });

  it("say what is reserved, how many a namespace may have, and how long addresses wait", () => {
    assert.deepEqual(
      rulesOf({
        "herald.io/reserve": "192.0.2.10=shop/web, 2001:DB8::1 = bank/api",
        "herald.io/quota-per-namespace": "3",
        "herald.io/disabled-for-new-services": "true",
        "herald.io/allow-sharing-across-namespaces": "true",
        "herald.io/sticky": "1h30m",
      }),
      {
        ...NO_RULES,
        reserved: [
          { address: "192.0.2.10", service: "shop/web" },
          { address: "2001:db8::1", service: "bank/api" },
        ],
        quotaPerNamespace: 3,
        closed: true,
        sharingAcrossNamespaces: true,
        stickyMs: 5_400_000,
      },
    );
  });

  const mistakes = [
    [
      "exclude",
      "10.0.0.0/8, gatway",
      '"gatway" is no address, CIDR or range, nor network, broadcast, gateway',
    ],
    ["reserve", "10.0.0.1", '"10.0.0.1" is no reservation, want for example "192.0.2.10=shop/web"'],
    ["reserve", "x=shop/web", '"x=shop/web" is no reservation, want for example "192.0.2.10=shop/web"'],
    ["quota-per-namespace", "-1", '"-1" is no quota, want a whole number of 0 or more'],
    ["disabled-for-new-services", "yes", '"yes" is neither "true" nor "false"'],
    ["sticky", "10", '"10" has no unit, want "10s" for seconds'],
    ["sticky", "9999h", '"9999h" is out of bounds, want 0 to 720h'],
  ] as const;
  for (const [name, text, message] of mistakes) {
    it(`are refused with ${name}: ${text}`, () => {
      const annotation = `herald.io/${name}`;
      assert.deepEqual(readPoolRules({ [annotation]: text }), {
        rules: NO_RULES,
        mistakes: [{ annotation, message }],
      });
    });
  }
});

describe("what a pool excludes", () => {
  it("is cut out of its ranges, which stay in their order", () => {
    assert.deepEqual(
      left(["10.0.1.0/24", "10.0.0.0-10.0.0.9"], "10.0.0.4, 10.0.1.128/25, 10.0.0.8-10.0.2.1"),
      ["10.0.0.0-10.0.0.3", "10.0.0.5-10.0.0.7"],
    );
  });

  it("may be all of it, or nothing of it", () => {
    assert.deepEqual(left(["10.0.0.0/30"], "10.0.0.0/8"), []);
    assert.deepEqual(left(["10.0.0.0/30"], "10.0.0.4, fd00::/8"), ["10.0.0.0-10.0.0.3"]);
  });

  it("are the network, broadcast and gateway addresses of its CIDRs", () => {
    const addresses = ["10.0.0.0/29", "10.0.1.1-10.0.1.6", "10.0.2.0/31", "fd00::/126"];
    const rest = ["10.0.1.1-10.0.1.6", "10.0.2.0-10.0.2.1"];
    assert.deepEqual(left(addresses, "network"), ["10.0.0.1-10.0.0.7", ...rest, "fd00::1-fd00::3"]);
    assert.deepEqual(left(addresses, "broadcast"), ["10.0.0.0-10.0.0.6", ...rest, "fd00::-fd00::3"]);
    assert.deepEqual(left(addresses, "network, gateway, broadcast"), [
      "10.0.0.2-10.0.0.6",
      ...rest,
      "fd00::2-fd00::3",
    ]);
  });

  it("is no address of what is left, and all other addresses are", () => {
    const range = fc
      .record(
        { family: fc.constantFrom<IpFamily>(4, 6), first: fc.nat({ max: 40 }), size: fc.nat({ max: 9 }) },
        { noNullPrototype: true },
      )
      .map(({ family, first, size }) => ({
        family,
        first: BigInt(first),
        last: BigInt(first + size),
        text: "",
      }));
    const addressesOf = ({ family, first, last }: IpRange): readonly string[] =>
      Array.from({ length: Number(last - first) + 1 }, (_, index) => `${family} ${first + BigInt(index)}`);
    fc.assert(
      fc.property(
        fc.array(range, { maxLength: 4 }),
        fc.array(range, { maxLength: 8 }),
        (ranges, excluded) => {
          const out = new Set(excluded.flatMap(addressesOf));
          assert.deepEqual(
            rangesToGiveOut(ranges, { ...NO_RULES, excluded }).flatMap(addressesOf),
            ranges.flatMap(addressesOf).filter((address) => !out.has(address)),
          );
        },
      ),
    );
  });
});
