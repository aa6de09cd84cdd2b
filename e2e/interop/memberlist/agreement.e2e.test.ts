import assert from "node:assert/strict";
import { after, before, describe, it as test } from "node:test";
import { VethPair, whyNoPair } from "../../real/veth-pair.ts";
import { buildPeer, type MemberlistVersion } from "./build-peer.ts";
import { type Electorate, LIMIT_MS, OUR_PROGRAM, Peer } from "./peer.ts";

const KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/** One of each on either host. */
const PLACES = {
  "go-1": "192.0.2.21",
  "our-1": "192.0.2.22",
  "go-2": "192.0.2.31",
  "our-2": "192.0.2.32",
} as const;
type Name = keyof typeof PLACES;
const EVERYBODY: readonly Name[] = ["go-1", "go-2", "our-1", "our-2"];
const ONE_SIDE: readonly Name[] = ["go-1", "our-1"];
const OTHER_SIDE: readonly Name[] = ["go-2", "our-2"];
/** As MetalLB writes them, in both families. */
const ADDRESSES = [
  ...Array.from({ length: 60 }, (_, index) => `192.168.1.${100 + index}`),
  ...Array.from({ length: 60 }, (_, index) => `2001:db8::${(index + 1).toString(16)}`),
];
const LOOPBACK = ["ip", "link", "set", "lo", "up"];
/** Whatever comes over the cable is dropped, so that neither host hears that it is cut. */
const CUT = "table inet cut { chain input { type filter hook input priority 0; iifname { n0, p0 } drop; }; }";
const reason = await whyNoPair();

for (const version of ["0.5.1", "0.7.0"] as const) {
  describe(`a cluster half memberlist ${version} and half ours`, () => stages(version));
}

/** Why each by itself: a suite that is skipped counts as nothing. */
function it(name: string, body: () => Promise<void>): void {
  void test(name, { skip: reason ?? false }, body);
}

/** Each test is a stage in the life of one cluster. */
function stages(version: MemberlistVersion): void {
  const peers = new Map<Name, Peer>();
  let hosts: VethPair;
  let program: string;

  before(async () => {
    if (reason !== undefined) return;
    program = await buildPeer(version, console.log);
    hosts = await VethPair.create();
    for (const name of ONE_SIDE)
      await hosts.inNode(["ip", "address", "add", `${PLACES[name]}/24`, "dev", "n0"]);
    for (const name of OTHER_SIDE)
      await hosts.inNeighbour(["ip", "address", "add", `${PLACES[name]}/24`, "dev", "p0"]);
    await Promise.all([hosts.inNode(LOOPBACK), hosts.inNeighbour(LOOPBACK)]);
    await start("go-1");
  });
  after(async () => {
    for (const peer of peers.values()) await peer.kill();
    await hosts?.delete();
  });

  it("agrees on members and owners when all have joined, some through us and some through them", async () => {
    await start("our-1", "go-1");
    await start("go-2", "our-1");
    await start("our-2", "go-2");
    await agree(EVERYBODY);
  });

  it("agrees when one of ours has left", async () => {
    await peer("our-2").leave();
    await peer("our-2").kill();
    await agree(["go-1", "go-2", "our-1"]);
  });

  it("agrees when it came back", async () => {
    await start("our-2", "go-1");
    await agree(EVERYBODY);
  });

  it("agrees when one of theirs has crashed", async () => {
    await peer("go-2").kill();
    await agree(["go-1", "our-1", "our-2"]);
  });

  it("agrees when it came back", async () => {
    await start("go-2", "our-2");
    await agree(EVERYBODY);
  });

  it("agrees within each half of a network that fell apart, the others dead to it", async () => {
    await Promise.all([hosts.inNode(["nft", CUT]), hosts.inNeighbour(["nft", CUT])]);
    await Promise.all([agree(ONE_SIDE), agree(OTHER_SIDE)]);
  });

  it("agrees again when the network is whole, nobody having been told to join", async () => {
    const heal = ["nft", "delete table inet cut"];
    await Promise.all([hosts.inNode(heal), hosts.inNeighbour(heal)]);
    await agree(EVERYBODY);
  });

  /** Waits until these, and nobody else, are members to each of them; then they elect the same owners. */
  async function agree(names: readonly Name[]): Promise<void> {
    const due = performance.now() + LIMIT_MS;
    let all: readonly Electorate[];
    // Why asked again: one that stood still is taken for dead here, and is a member again a moment later.
    do {
      assert.ok(performance.now() < due, `${names.join()} agree within ${LIMIT_MS} ms`);
      await Promise.all(names.map((name) => peer(name).untilMembers(names)));
      all = await Promise.all(names.map((name) => peer(name).elects(ADDRESSES)));
    } while (all.some(({ members }) => members.join() !== names.join()));
    const [first, ...others] = all;
    assert.deepEqual(new Set(first?.owners), new Set(names), "each owns some of the addresses");
    for (const other of others) assert.deepEqual(other, first);
  }

  async function start(name: Name, through?: Name): Promise<void> {
    const ours = name.startsWith("our");
    const started = await Peer.start({
      name,
      bind: PLACES[name],
      program: ours ? OUR_PROGRAM : [program],
      flags: ours ? [] : ["--pace=fast"],
      prefix: ["ip", "netns", "exec", ONE_SIDE.includes(name) ? hosts.node : hosts.neighbour],
      label: "herald",
      keys: [KEY],
    });
    peers.set(name, started);
    if (through !== undefined) assert.equal(await started.join([`${PLACES[through]}:7946`]), 1);
  }

  function peer(name: Name): Peer {
    const found = peers.get(name);
    assert.ok(found, `${name} was started`);
    return found;
  }
}
