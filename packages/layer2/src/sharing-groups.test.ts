import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import fc from "fast-check";
import { SharingGroups } from "./sharing-groups.ts";

const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
};
const groupsOf = (services: Record<string, readonly string[]>): SharingGroups<string> => {
  const groups = new SharingGroups<string>();
  for (const [key, texts] of Object.entries(services)) groups.set(key, texts.map(address));
  return groups;
};

describe("SharingGroups", () => {
  const cases = [
    { name: "a Service alone", services: { a: ["10.0.0.9", "fd00::1"] }, group: ["a"], stands: "10.0.0.9" },
    {
      name: "a Service alone whose first address is IPv6",
      services: { a: ["fd00::1", "10.0.0.9"] },
      group: ["a"],
      stands: "fd00::1",
    },
    {
      name: "two with one address",
      services: { a: ["10.0.0.9"], b: ["10.0.0.9"] },
      group: ["a", "b"],
      stands: "10.0.0.9",
    },
    {
      name: "a dual-stack one and one of IPv6 alone",
      services: { a: ["10.0.0.9", "fd00::1"], b: ["fd00::1"] },
      group: ["a", "b"],
      stands: "10.0.0.9",
    },
    {
      name: "a chain of sharers",
      services: {
        a: ["10.0.0.9", "fd00::1"],
        b: ["fd00::1"],
        c: ["10.0.0.9", "fd00::2"],
        d: ["fd00::2"],
        e: ["10.0.0.8"],
      },
      group: ["a", "b", "c", "d"],
      stands: "10.0.0.9",
    },
    {
      name: "the lowest by number, not by text",
      services: { a: ["10.0.0.10", "fd00::1"], b: ["10.0.0.9", "fd00::1"] },
      group: ["a", "b"],
      stands: "10.0.0.9",
    },
    {
      name: "IPv4 before IPv6, whatever the numbers",
      services: { a: ["10.0.0.9", "::5"], b: ["::5"] },
      group: ["a", "b"],
      stands: "10.0.0.9",
    },
    { name: "a Service without an address", services: {}, group: ["a"], stands: undefined },
  ];
  for (const { name, services, group, stands } of cases) {
    it(`finds who belongs together: ${name}`, () => {
      const groups = groupsOf(services);
      assert.deepEqual([...groups.groupOf("a")].sort(), group);
      assert.equal(groups.representative(groups.groupOf("a")), stands);
    });
  }

  it("says which addresses nobody uses any more", () => {
    const groups = groupsOf({ a: ["10.0.0.1", "fd00::1"], b: ["fd00::1"] });
    assert.deepEqual(
      [groups.set("a", []), groups.set("b", []), groups.set("b", [])],
      [["10.0.0.1"], ["fd00::1"], []],
    );
  });

  it("keeps an address that a Service goes on using in use", () => {
    const groups = groupsOf({ a: ["10.0.0.1"] });
    assert.deepEqual(groups.set("a", [address("10.0.0.1"), address("fd00::1")]), []);
    assert.deepEqual([...groups.groupOf("a")], ["a"]);
  });

  it("gives every member the same group and the same representative, whatever happened before", () => {
    const key = fc.constantFrom("a", "b", "c", "d", "e");
    const addresses = fc.uniqueArray(fc.constantFrom("10.0.0.1", "10.0.0.2", "fd00::1", "fd00::2"), {
      maxLength: 2,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(key, addresses), { maxLength: 30, size: "max" }), (history) => {
        const groups = new SharingGroups<string>();
        const last = new Map<string, readonly string[]>();
        for (const [service, texts] of history) {
          groups.set(service, texts.map(address));
          last.set(service, texts);
        }
        const fresh = groupsOf(Object.fromEntries(last));
        for (const member of last.keys()) {
          const group = [...groups.groupOf(member)].sort();
          assert.deepEqual(group, [...fresh.groupOf(member)].sort());
          for (const other of group) {
            assert.deepEqual([...groups.groupOf(other)].sort(), group);
            assert.equal(
              groups.representative(groups.groupOf(other)),
              fresh.representative(fresh.groupOf(member)),
            );
          }
        }
      }),
    );
  });
});
