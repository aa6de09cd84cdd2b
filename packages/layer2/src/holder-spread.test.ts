import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { SeededRandom } from "@herald/lab/random";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { type MacAddress, macOctets } from "@herald/wire/mac";
import { DEFAULT_CONFLICT_OPTIONS } from "./conflict-options.ts";
import { Holder, type HolderEffect, type HolderInput } from "./holder.ts";
import { DEFAULT_ANNOUNCER_OPTIONS } from "./options.ts";

const vip = parseAddress("192.0.2.100") as IpAddress;
const OWN = "02:00:00:00:00:0a" as MacAddress;
const PEER = "02:00:00:00:00:0b" as MacAddress;
const STRANGER = "02:00:00:00:00:ee" as MacAddress;
/** The client 192.0.2.1 is ours. */
const spread = { self: "node-b", nodes: ["node-a", "node-b"] };
const question = hex`
  ffffffffffff 02000000000c 0806
  0001 0800 06 04 0001
  02000000000c c0000201
  000000000000 c0000264`;

/** An announcement of the address by somebody else. */
function claimOf(mac: MacAddress): Uint8Array {
  const octets = macOctets(mac);
  const frame = hex`
    ffffffffffff 000000000000 0806
    0001 0800 06 04 0001
    000000000000 c0000264
    000000000000 c0000264`;
  frame.set(octets, 6);
  frame.set(octets, 22);
  return frame;
}

describe("A holder of an address that is spread", () => {
  let holder: Holder;
  const tell = (input: HolderInput, now = 0): readonly HolderEffect[] => holder.handle(input, now);
  const hear = (bytes: Uint8Array, now = 0) => tell({ type: "frame", interface: "eth0", bytes }, now);
  const types = (effects: readonly HolderEffect[]) => effects.map(({ type }) => type);
  const know = (...macs: readonly (readonly [MacAddress, string])[]) =>
    tell({ type: "speakers", names: new Map(macs) });

  beforeEach(() => {
    holder = new Holder(
      { self: "node-b", announcer: DEFAULT_ANNOUNCER_OPTIONS, conflicts: DEFAULT_CONFLICT_OPTIONS },
      new SeededRandom(1),
    );
    tell({ type: "interface-up", interface: { name: "eth0", index: 2, mac: OWN } });
    tell({ type: "foreign", present: false });
  });
  const announce = (epoch = 0) =>
    tell({ type: "announce", address: vip, interfaces: "all", epoch, probe: "skip", spread });

  it("takes no offence at another speaker, whatever that one claims", () => {
    know([PEER, "node-a"], [OWN, "node-b"]);
    announce();
    tell({ type: "rival", address: vip, speaker: "node-a", epoch: 9 });
    assert.deepEqual(types(hear(claimOf(PEER))), ["dropped"]);
    assert.equal(holder.nextWake(), undefined);
  });

  it("reports a stranger, and tells its own clients where they are served", () => {
    know([PEER, "node-a"], [OWN, "node-b"]);
    announce();
    hear(question);
    const said = types(hear(claimOf(STRANGER), 100));
    assert.ok(
      said.includes("conflict") && said.includes("refreshed") && said.includes("defended"),
      `${said}`,
    );
    assert.ok(!said.includes("gratuitous"), `${said}`);
  });

  it("asks for strangers along with its clients, once it can tell who shares the address", () => {
    announce();
    know([OWN, "node-b"]);
    assert.deepEqual(types(hear(question)), ["send", "answered"]);
    know([OWN, "node-b"], [PEER, "node-a"]);
    assert.deepEqual(types(hear(question)), ["send", "answered", "send"]);
  });

  it("announces it also when it had lost it to a newer claim as the only one", () => {
    know([PEER, "node-a"], [OWN, "node-b"]);
    tell({ type: "announce", address: vip, interfaces: "all", epoch: 1, probe: "skip" });
    tell({ type: "rival", address: vip, speaker: "node-a", epoch: 2 });
    assert.ok(types(hear(claimOf(PEER))).includes("lost"));
    announce();
    assert.ok(types(hear(question)).includes("answered"));
  });
});
