import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import fc from "fast-check";
import { EMPTY_HASH, type Hash64, hashOctets, hashPair, hashText, keyOf } from "./spread-hash.ts";
import { SpreadNodes } from "./spread-nodes.ts";

const octets = (text: string): Uint8Array => toOctets(parseAddress(text) as IpAddress);
/** As an announcer makes it: the address, and then the client. */
const clientHash = (address: string, client: string): Hash64 =>
  hashOctets(octets(client), hashOctets(octets(address)));
const nodesNamed = (count: number): string[] => Array.from({ length: count }, (_, n) => `node-${n + 1}`);
const neighbours = (count: number): Hash64[] =>
  Array.from({ length: count }, (_, n) => clientHash("192.168.1.100", `192.168.${2 + (n >> 8)}.${n & 255}`));
const neighbours6 = (count: number): Hash64[] =>
  Array.from({ length: count }, (_, n) => clientHash("2001:db8::100", `2001:db8::5:${n.toString(16)}`));

function tally(names: Iterable<string | undefined>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name ?? "nobody", (counts.get(name ?? "nobody") ?? 0) + 1);
  return counts;
}

describe("The hash of the spread", () => {
  // Nodes of different versions must agree: these values may never change. Made by a second implementation, in Python.
  const golden = [
    { of: "nothing", hash: hashOctets(new Uint8Array()), key: 687281195039786, pair: 4013550002 },
    { of: "node-1", hash: hashText("node-1"), key: 1310296940694829, pair: 3352477384 },
    {
      of: "worker-a.example.com",
      hash: hashText("worker-a.example.com"),
      key: 3956205870220048,
      pair: 1673230560,
    },
    { of: "192.0.2.100", hash: hashOctets(octets("192.0.2.100")), key: 2717239539491444, pair: 4163975481 },
    {
      of: "192.0.2.100, 192.0.2.7",
      hash: clientHash("192.0.2.100", "192.0.2.7"),
      key: 8875593054356466,
      pair: 1645240329,
    },
    {
      of: "2001:db8::1, fe80::1",
      hash: clientHash("2001:db8::1", "fe80::1"),
      key: 1331503485159448,
      pair: 2696341316,
    },
  ];
  for (const { of, hash, key, pair } of golden) {
    it(`makes of ${of} what it always made`, () => {
      assert.deepEqual([keyOf(hash), hashPair(hash, EMPTY_HASH)], [key, pair]);
    });
  }

  it("makes something else of every part of a text and of zeros behind it", () => {
    const texts = ["", "\0", "\0\0", "a", "a\0", "ab", "abcd", "abcde", "bcde"];
    assert.equal(new Set(texts.map((text) => keyOf(hashText(text)))).size, texts.length);
  });
});

describe("SpreadNodes", () => {
  it("chooses for these clients whom it always chose", () => {
    const nodes = new SpreadNodes(["node-1", "node-2", "node-3"]);
    const chosen = Array.from({ length: 8 }, (_, n) =>
      nodes.chosenFor(clientHash("192.168.1.100", `192.168.1.${n + 1}`)),
    );
    assert.deepEqual(chosen, [
      "node-1",
      "node-2",
      "node-1",
      "node-2",
      "node-3",
      "node-1",
      "node-1",
      "node-2",
    ]);
  });

  it("chooses nobody where there is nobody", () => {
    assert.equal(new SpreadNodes([]).chosenFor(EMPTY_HASH), undefined);
  });

  for (const [family, clients] of [
    [4, neighbours(6_000)],
    [6, neighbours6(6_000)],
  ] as const) {
    for (const count of [2, 3, 5, 10, 50]) {
      it(`gives each of ${count} nodes its part of 6,000 IPv${family} neighbours, by four deviations at most`, () => {
        const nodes = new SpreadNodes(nodesNamed(count));
        const counts = tally(clients.map((client) => nodes.chosenFor(client)));
        const share = 1 / count;
        const deviation = Math.sqrt(clients.length * share * (1 - share));
        for (const name of nodes.names) {
          const off = Math.abs((counts.get(name) ?? 0) - clients.length * share);
          assert.ok(off <= 4 * deviation, `${name} is off by ${off}, a deviation is ${deviation}`);
        }
      });
    }
  }

  it("spreads the clients of a lost node evenly over the others", () => {
    const all = new SpreadNodes(nodesNamed(5));
    const left = all.within(new SpreadNodes(nodesNamed(4)));
    const moved = neighbours(10_000).filter((client) => all.chosenFor(client) === "node-5");
    const counts = tally(moved.map((client) => left.chosenFor(client)));
    const deviation = Math.sqrt(moved.length * 0.25 * 0.75);
    for (const name of left.names) {
      assert.ok(Math.abs((counts.get(name) ?? 0) - moved.length / 4) <= 4 * deviation, name);
    }
  });

  it("spreads two addresses differently over the same nodes", () => {
    const nodes = new SpreadNodes(["node-1", "node-2"]);
    const same = Array.from({ length: 1_000 }, (_, n) => `192.168.${n >> 8}.${n & 255}`).filter(
      (client) =>
        nodes.chosenFor(clientHash("192.168.9.100", client)) ===
        nodes.chosenFor(clientHash("192.168.9.101", client)),
    );
    assert.ok(same.length > 430 && same.length < 570, `${same.length} of 1,000`);
  });

  const names = fc.uniqueArray(fc.stringMatching(/^[a-z0-9.-]{1,20}$/), { minLength: 1, maxLength: 20 });
  const client = fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => hashOctets(bytes));

  it("chooses one of the nodes, the same in whatever order they are told", () => {
    fc.assert(
      fc.property(names, client, (list, hash) => {
        const chosen = new SpreadNodes(list).chosenFor(hash);
        assert.ok(chosen !== undefined && list.includes(chosen));
        assert.equal(new SpreadNodes([...list].reverse()).chosenFor(hash), chosen);
      }),
    );
  });

  it("moves only the clients of a node that goes, and only to a node that comes", () => {
    fc.assert(
      fc.property(names, fc.array(client, { maxLength: 50 }), fc.nat(), (list, clients, pick) => {
        const gone = list[pick % list.length] as string;
        const all = new SpreadNodes(list);
        const rest = all.within(new SpreadNodes(list.filter((name) => name !== gone)));
        for (const hash of clients) {
          const before = all.chosenFor(hash);
          if (before !== gone) assert.equal(rest.chosenFor(hash), before);
        }
      }),
    );
  });
});
