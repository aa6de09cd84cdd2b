import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import fc from "fast-check";
import { type Digest, Election, rank } from "./election.ts";

const sha256: Digest = (text) => createHash("sha256").update(text).digest();
const address = (text: string): IpAddress => {
  const parsed = parseAddress(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
};

describe("rank", () => {
  // Computed with MetalLB's own code.
  const vectors = [
    { ip: "10.0.0.1", order: ["node-b", "node-a", "node-c"] },
    { ip: "10.0.0.2", order: ["node-b", "node-c", "node-a"] },
    {
      ip: "10.20.30.1",
      order: ["node-b", "edge-b", "worker-a", "node-a", "iris2", "edge-a", "worker-b", "iris1"],
    },
  ];
  for (const { ip, order } of vectors) {
    it(`ranks as MetalLB does for ${ip}`, () => {
      assert.deepEqual(rank(address(ip), [...order].sort(), sha256), order);
    });
  }

  const digests = [
    { text: "node-b#10.0.0.1", begins: "2acae88581fd8b47" },
    { text: "node-a#10.0.0.1", begins: "dd41591fe8f31f9f" },
    { text: "node-c#10.0.0.1", begins: "f949561f9d43a768" },
    { text: "iris1#10.20.30.1", begins: "e42ad61a4159fa2d" },
  ];
  for (const { text, begins } of digests) {
    it(`hashes ${text} as MetalLB does`, () => {
      const seen: string[] = [];
      const [node = "", ip = ""] = text.split("#");
      rank(address(ip), [node], (asked) => {
        seen.push(`${asked} ${Buffer.from(sha256(asked)).toString("hex", 0, 8)}`);
        return sha256(asked);
      });
      assert.deepEqual(seen, [`${text} ${begins}`]);
    });
  }

  it("has no owner without candidates", () => assert.deepEqual(rank(address("10.0.0.1"), [], sha256), []));
});

const ip = fc.ipV4().map(address);
const nodes = fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/), { minLength: 1, maxLength: 8 });

describe("Election", () => {
  it("chooses the first of the ranking, also with digests it keeps", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(ip, nodes), { maxLength: 6 }), (elections) => {
        const election = new Election(sha256);
        for (const [subject, candidates] of [...elections, ...elections]) {
          assert.equal(election.ownerOf(subject, candidates), rank(subject, candidates, sha256)[0]);
        }
      }),
    );
  });

  it("chooses right while nodes and addresses are forgotten and come back", () => {
    const gone = fc.record({ nodes: fc.subarray(["a", "b", "c", "d"]), address: ip });
    const round = fc.record({
      subject: fc.constantFrom("10.0.0.1", "10.0.0.2").map(address),
      candidates: nodes,
      gone,
    });
    fc.assert(
      fc.property(fc.array(round, { maxLength: 20, size: "max" }), (rounds) => {
        const election = new Election(sha256);
        for (const { subject, candidates, gone } of rounds) {
          assert.equal(election.ownerOf(subject, candidates), rank(subject, candidates, sha256)[0]);
          for (const node of [...gone.nodes, ...candidates.slice(1)]) election.forgetNode(node);
          election.forgetAddress(gone.address);
        }
      }),
    );
  });

  it("does not depend on the order of the candidates", () => {
    fc.assert(
      fc.property(ip, nodes, (subject, candidates) => {
        const election = new Election(sha256);
        assert.equal(
          election.ownerOf(subject, candidates),
          election.ownerOf(subject, candidates.toReversed()),
        );
      }),
    );
  });

  it("leaves the address where it is when a loser goes", () => {
    fc.assert(
      fc.property(ip, nodes, (subject, candidates) => {
        const [owner, ...losers] = rank(subject, candidates, sha256);
        for (const loser of losers) {
          const rest = candidates.filter((node) => node !== loser);
          assert.equal(new Election(sha256).ownerOf(subject, rest), owner);
        }
      }),
    );
  });

  it("moves the address to nobody but the node that comes", () => {
    fc.assert(
      fc.property(ip, nodes, fc.constant("newcomer-node"), (subject, candidates, newcomer) => {
        const election = new Election(sha256);
        const before = election.ownerOf(subject, candidates);
        assert.ok([before, newcomer].includes(election.ownerOf(subject, [...candidates, newcomer])));
      }),
    );
  });

  it("decides by the whole digest when the beginnings are equal", () => {
    const almostEqual: Digest = (text) =>
      Uint8Array.from([1, 2, 3, 4, 5, 6, 7, text.startsWith("b") ? 0 : 9]);
    const subject = address("10.0.0.1");
    assert.deepEqual(
      [
        ["a", "b"],
        ["b", "a"],
      ].map((order) => new Election(almostEqual).ownerOf(subject, order)),
      ["b", "b"],
    );
  });

  it("asks for each digest once until it is told to forget", () => {
    const asked: string[] = [];
    const election = new Election((text) => {
      asked.push(text);
      return sha256(text);
    });
    const [one, two] = [address("10.0.0.1"), address("10.0.0.2")];
    const both = (): void => {
      for (const subject of [one, two]) election.ownerOf(subject, ["a", "b"]);
    };
    both();
    both();
    assert.deepEqual(asked.splice(0), ["a#10.0.0.1", "b#10.0.0.1", "a#10.0.0.2", "b#10.0.0.2"]);
    election.forgetAddress(one);
    both();
    assert.deepEqual(asked.splice(0), ["a#10.0.0.1", "b#10.0.0.1"]);
    election.forgetNode("a");
    both();
    assert.deepEqual(asked, ["a#10.0.0.1", "a#10.0.0.2"]);
  });

  it("spreads 1,000 addresses over three nodes about evenly", () => {
    const election = new Election(sha256);
    const counts = new Map<string | undefined, number>();
    for (let index = 0; index < 1_000; index += 1) {
      const owner = election.ownerOf(address(`10.1.${index >> 8}.${index & 255}`), ["a", "b", "c"]);
      counts.set(owner, (counts.get(owner) ?? 0) + 1);
    }
    assert.equal(counts.size, 3);
    assert.deepEqual(
      [...counts.values()].filter((count) => count < 280 || count > 390),
      [],
    );
  });
});
