import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import fc from "fast-check";
import { type Asker, CLIENTS_MAX, type Client, type Spread, SpreadClients } from "./spread-clients.ts";
import { hashOctets } from "./spread-hash.ts";
import { SpreadNodes } from "./spread-nodes.ts";

const address = (text: string): IpAddress => parseAddress(text) as IpAddress;
const VIP = address("192.0.2.100");
const OTHER = address("192.0.2.101");
const asker = (last: number): Asker => ({
  octets: Uint8Array.of(10, 0, last >> 8, last & 255),
  mac: Uint8Array.of(2, 0, 0, 0, last >> 8, last & 255),
  interface: "eth0",
});
const over = (self: string, nodes: readonly string[], vip = VIP): Spread => ({
  self,
  nodes: new SpreadNodes(nodes),
  hash: hashOctets(toOctets(vip)),
});
const ABC = ["a", "b", "c"];
const ownAddresses = (clients: readonly Client[]): string[] => clients.map(({ octets }) => octets.join("."));

describe("SpreadClients", () => {
  it("forgets the client it has not heard for longest once there are too many", () => {
    const clients = new SpreadClients(2);
    for (const last of [1, 2, 1, 3]) clients.hear(VIP, over("a", ["a", "gone"]), asker(last));
    const known = [...clients.of(VIP, "a", "eth0"), ...clients.of(VIP, "gone", "eth0")];
    assert.deepEqual(ownAddresses(known).sort(), ["10.0.0.1", "10.0.0.3"]);
  });

  it("never keeps more than it may", () => {
    const clients = new SpreadClients();
    for (let last = 0; last < CLIENTS_MAX + 100; last += 1) clients.hear(VIP, over("a", ABC), asker(last));
    assert.equal(clients.size, CLIENTS_MAX);
  });

  it("keeps nothing of a probe, which comes from no address", () => {
    const clients = new SpreadClients();
    const probe = { ...asker(1), octets: new Uint8Array(4) };
    const chosen = new Set(ABC.map((self) => clients.hear(VIP, over(self, ABC), probe)));
    assert.deepEqual([chosen.size, clients.size], [1, 0]);
  });

  it("keeps where a client was last, octets of its own", () => {
    const clients = new SpreadClients();
    const frame = Uint8Array.of(10, 0, 0, 1, 2, 0, 0, 0, 0, 9);
    const on = (name: string): Asker => ({
      octets: frame.subarray(0, 4),
      mac: frame.subarray(4),
      interface: name,
    });
    const at = clients.hear(VIP, over("a", ABC), on("eth0")) as string;
    clients.hear(VIP, over("a", ABC), on("eth1"));
    frame.fill(0);
    assert.deepEqual([...clients.of(VIP, at, "eth0")], []);
    const [known] = clients.of(VIP, at, "eth1");
    assert.deepEqual(known?.octets, Uint8Array.of(10, 0, 0, 1));
    assert.deepEqual(known?.mac, Uint8Array.of(2, 0, 0, 0, 0, 9));
  });

  it("forgets the clients of an address that is no longer held, and no others", () => {
    const clients = new SpreadClients();
    clients.hear(VIP, over("a", ABC), asker(1));
    clients.hear(OTHER, over("a", ABC, OTHER), asker(1));
    clients.forget(VIP);
    assert.equal(clients.size, 1);
    assert.deepEqual(
      ABC.flatMap((node) => [...clients.of(OTHER, node, "eth0")]).map((client) => client.address),
      [OTHER],
    );
  });
});

/** What a cluster does in a step: a node comes or goes, or a client asks everybody. */
type Step = { readonly node: string } | { readonly client: number };
const NAMES = ["a", "b", "c", "d", "e"];
const step: fc.Arbitrary<Step> = fc.oneof(fc.record({ node: fc.constantFrom(...NAMES) }), {
  weight: 3,
  arbitrary: fc.record({ client: fc.nat(11) }),
});

interface World {
  /** Of each node that is up. */
  readonly tables: Map<string, SpreadClients>;
  /** Where each client's cache leads. */
  readonly caches: Map<number, string>;
}

/** Every node tells all others of its clients that some have not heard of. */
function introduceAll(tables: World["tables"]): void {
  const nodes = [...tables.keys()];
  for (const [name, table] of tables) {
    for (const { octets } of table.introduce(VIP, over(name, nodes))) {
      for (const other of nodes.filter((each) => each !== name)) {
        tables.get(other)?.learn(VIP, over(other, nodes), asker(octets[3] as number), name);
      }
    }
  }
}

function play(
  steps: readonly Step[],
  check: (world: World, before: World, step: Step) => void,
  introduce: (tables: World["tables"]) => void = () => {},
): void {
  const tables = new Map([...NAMES.slice(0, 3)].map((name) => [name, new SpreadClients()]));
  const caches = new Map<number, string>();
  const told = (name: string): readonly Client[] => {
    const nodes = [...tables.keys()];
    return tables.get(name)?.move(VIP, over(name, nodes)) ?? [];
  };
  for (const each of steps) {
    const before: World = { tables: new Map(tables), caches: new Map(caches) };
    if ("client" in each) {
      const nodes = [...tables.keys()];
      const answers = nodes.filter(
        (name) => tables.get(name)?.hear(VIP, over(name, nodes), asker(each.client)) === name,
      );
      assert.equal(answers.length, 1);
      caches.set(each.client, answers[0] as string);
    } else if (!tables.delete(each.node)) {
      tables.set(each.node, new SpreadClients());
    } else if (tables.size === 0) {
      return;
    }
    if ("node" in each) {
      const claims = [...tables.keys()].flatMap((name) =>
        told(name).map(({ octets }) => [octets[3] as number, name] as const),
      );
      assert.equal(new Set(claims.map(([client]) => client)).size, claims.length, "told by two");
      for (const [client, name] of claims) caches.set(client, name);
      introduce(tables);
    }
    check({ tables, caches }, before, each);
  }
}

describe("The tables of all nodes, whatever comes and goes", () => {
  const histories = fc.array(step, { maxLength: 40, size: "max" });

  it("have one node answer every question and one at most tell a client, and move only those whose node went", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        play(steps, ({ tables, caches }, before, each) => {
          for (const [client, node] of caches) {
            const was = before.caches.get(client);
            const isAsking = "client" in each && each.client === client;
            if (!isAsking && was !== undefined && tables.has(was)) assert.equal(node, was);
          }
        });
      }),
      { numRuns: 500 },
    );
  });

  it("have every client taken over however often all nodes are others, when each tells the others of its own", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        play(
          steps,
          ({ tables, caches }) => {
            const lost = [...caches].filter(([, node]) => !tables.has(node));
            assert.deepEqual(lost, []);
          },
          introduceAll,
        );
      }),
      { numRuns: 500 },
    );
  });

  it("have every client taken over while a node is left that was there when it asked", () => {
    fc.assert(
      fc.property(histories, (steps) => {
        const heard = new Map<number, Set<string>>();
        play(steps, ({ tables, caches }, _, each) => {
          if ("client" in each) heard.set(each.client, new Set(tables.keys()));
          else for (const names of heard.values()) names.delete(each.node);
          const known = [...heard].filter(([, names]) => names.size > 0).map(([client]) => client);
          assert.deepEqual(
            known.filter((client) => !tables.has(caches.get(client) ?? "")),
            [],
          );
        });
      }),
      { numRuns: 500 },
    );
  });
});
