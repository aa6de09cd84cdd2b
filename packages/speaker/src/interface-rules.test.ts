import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseMac } from "@herald/wire/mac";
import {
  DEFAULT_EXCLUDED_INTERFACES,
  type FitInterface,
  judgeLink,
  type Link,
  mostUsedFirst,
} from "./interface-rules.ts";

const mac = parseMac("02:00:00:00:00:01");
const eth0: Link = {
  name: "eth0",
  index: 2,
  mac,
  up: true,
  broadcast: true,
  noArp: false,
  hasMaster: false,
  operational: true,
};

const cases: readonly { name: string; link: Partial<Link>; verdict: unknown }[] = [
  { name: "an Ethernet that is up", link: {}, verdict: { name: "eth0", index: 2, mac, operational: true } },
  {
    name: "one whose cable is out: it may come back",
    link: { operational: false },
    verdict: { name: "eth0", index: 2, mac, operational: false },
  },
  {
    name: "a bridge with a name of its own",
    link: { name: "br0" },
    verdict: { name: "br0", index: 2, mac, operational: true },
  },
  { name: "one that is switched off", link: { up: false }, verdict: "down" },
  { name: "one without broadcast", link: { broadcast: false }, verdict: "no-broadcast" },
  { name: "one without ARP", link: { noArp: true }, verdict: "no-arp" },
  { name: "one that is no Ethernet", link: { mac: undefined }, verdict: "no-ethernet-address" },
  { name: "a member of a bridge, bond or VRF", link: { hasMaster: true }, verdict: "has-master" },
  { name: "loopback", link: { name: "lo" }, verdict: "excluded" },
  { name: "a container's end of a pair", link: { name: "veth12ab", up: false }, verdict: "excluded" },
  {
    name: "a name that only ends like an excluded one",
    link: { name: "myveth0" },
    verdict: { name: "myveth0", index: 2, mac, operational: true },
  },
];

describe("interfaces to announce on", () => {
  const excluded = DEFAULT_EXCLUDED_INTERFACES.map((pattern) => new RegExp(pattern));
  for (const { name, link, verdict } of cases) {
    it(`judges ${name}`, () => assert.deepEqual(judgeLink({ ...eth0, ...link }, excluded), verdict));
  }

  it("puts those first that frames can pass, and of these the oldest", () => {
    const some: readonly (readonly [number, boolean])[] = [
      [2, false],
      [10, true],
      [3, true],
      [1, false],
    ];
    const fits = some.map(([index, operational]) => ({ ...eth0, index, operational }) as FitInterface);
    assert.deepEqual(
      mostUsedFirst(fits).map(({ index }) => index),
      [3, 10, 1, 2],
    );
  });
});
