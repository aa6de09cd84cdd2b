import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { idleReservations } from "./idle-reservations.ts";
import { readPoolRules } from "./pool-rules.ts";
import { samplePool } from "./samples.ts";

function told(reserve: string, exclude = "", avoidBuggyIps = false): readonly string[] {
  const { rules } = readPoolRules({ "herald.io/reserve": reserve, "herald.io/exclude": exclude });
  const pool = samplePool("p", ["192.0.2.0/28", "2001:db8::/120"], { rules, avoidBuggyIps });
  return idleReservations(pool).map(({ annotation, message }) => `${annotation}: ${message}`);
}

const NEVER = "nobody is given it";

describe("of a reservation", () => {
  for (const { name, reserve, exclude, avoid, says } of [
    { name: "of addresses of the pool nothing is said", reserve: "192.0.2.3=a/b, 2001:db8::1=a/c", says: [] },
    {
      name: "of an address of no range that is said",
      reserve: "192.0.2.3=a/b, 192.0.20.3=a/c",
      says: [`herald.io/reserve: 192.0.20.3 is not in the pool, ${NEVER}`],
    },
    {
      name: "of an excluded address that is said",
      reserve: "192.0.2.3=a/b, 2001:db8::5=a/b",
      exclude: "192.0.2.2-192.0.2.4, 2001:db8::4/126",
      says: [
        `herald.io/reserve: 192.0.2.3 is excluded by herald.io/exclude, ${NEVER}`,
        `herald.io/reserve: 2001:db8::5 is excluded by herald.io/exclude, ${NEVER}`,
      ],
    },
    {
      name: "of an address that the pool avoids that is said",
      reserve: "192.0.2.0=a/b, 2001:db8::=a/b",
      avoid: true,
      says: [`herald.io/reserve: 192.0.2.0 is avoided by avoidBuggyIPs, ${NEVER}`],
    },
    {
      name: "for two Services each address is named once",
      reserve: "192.0.20.3=a/b, 192.0.20.3=a/c",
      says: [`herald.io/reserve: 192.0.20.3 is not in the pool, ${NEVER}`],
    },
  ]) {
    it(name, () => assert.deepEqual(told(reserve, exclude, avoid), says));
  }

  it("of very many addresses outside 20 are named", () => {
    const many = Array.from({ length: 250 }, (_, index) => `198.51.100.${index}=a/b`);
    assert.equal(told(many.join()).length, 20);
  });
});
