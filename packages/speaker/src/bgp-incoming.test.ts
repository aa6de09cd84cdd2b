import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import { VirtualClock } from "@herald/lab/virtual-clock";
import type { IpAddress } from "@herald/shared/ip/address";
import { BgpIncoming } from "./bgp-incoming.ts";
import type { BgpDoor, BgpDoorListeners, BgpIncomingPort, BgpTarget } from "./bgp-port.ts";

const ip = (text: string): IpAddress => text as IpAddress;
const target = (address: string, change: Partial<BgpTarget> = {}): BgpTarget => ({
  address: ip(address),
  interface: undefined,
  port: 179,
  source: undefined,
  password: "",
  ttl: 255,
  minimumTtl: undefined,
  vrf: undefined,
  ...change,
});

/** A node with an address on each of two segments, and doors that the test knocks at. */
class Bench implements BgpIncomingPort {
  readonly clock = new VirtualClock();
  /** All that happened since it was asked last. */
  #story: string[] = [];
  readonly #doors = new Map<string, { readonly door: BgpDoor; readonly listeners: BgpDoorListeners }>();
  readonly #gone: (() => void)[] = [];
  /** Our addresses by the network of the peer; without one there is no route. */
  readonly routes = new Map([
    ["192.0.2", "192.0.2.2"],
    ["198.51.100", "198.51.100.2"],
  ]);
  /** Why nothing can be bound. */
  inUse: string | undefined;
  /** Why the kernel takes no password. */
  noPassword: string | undefined;
  readonly incoming = new BgpIncoming(179, {
    clock: this.clock,
    sockets: this,
    log: createLog({
      level: "info",
      program: "t",
      write: (line) => this.#log(JSON.parse(line) as Record<string, string>),
    }),
    onRefused: (reason) => this.#story.push(`counted ${reason}`),
  });

  expect(...targets: readonly (readonly [name: string, target: BgpTarget])[]): readonly string[] {
    this.incoming.expect(
      targets.map(([name, target]) => ({
        name,
        target,
        accept: (arrival) => this.#story.push(`${name} takes ${arrival.from}`),
      })),
    );
    return this.pass(0);
  }

  pass(ms: number): readonly string[] {
    this.clock.advance(ms);
    return this.#story.splice(0);
  }

  /** Somebody connects. */
  knock(to: string, from: string): readonly string[] {
    const { listeners } = this.#doors.get(to) ?? assert.fail(`nobody listens at ${to}`);
    listeners.onArrival({
      from: ip(from),
      onceGone: (callback) => this.#gone.push(callback),
      take: () => assert.fail("that is the session's to do"),
      refuse: () => this.#story.push(`refused ${from}`),
    });
    return this.#story.splice(0);
  }

  /** The oldest connection is no more. */
  end(): void {
    this.#gone.shift()?.();
  }

  sourceTowards({ address }: BgpTarget): IpAddress | undefined {
    const source = this.routes.get(address.slice(0, address.lastIndexOf(".")));
    return source === undefined ? undefined : ip(source);
  }

  listen(door: BgpDoor, listeners: BgpDoorListeners): () => void {
    const where = `${door.address}${door.vrf === undefined ? "" : ` in ${door.vrf}`}`;
    const { inUse, noPassword } = this;
    this.clock.at(this.clock.now(), () => {
      const signing = noPassword === undefined ? [] : door.targets.filter(({ password }) => password !== "");
      for (const each of signing) listeners.onKeptOut(each, noPassword ?? "");
      if (inUse === undefined) listeners.onListening();
      else listeners.onFailed(inUse);
    });
    if (inUse === undefined) this.#doors.set(where, { door, listeners });
    const of = door.targets.map(({ address, password }) => `${address}${password && " with a password"}`);
    this.#story.push(`opens ${where} port ${door.port} for ${of.join(" and ")}`);
    return () => {
      this.#story.push(`closes ${where}`);
      this.#doors.delete(where);
    };
  }

  #log({ msg, address, peer, reason }: Record<string, string>): void {
    this.#story.push([`log: ${msg}`, address, peer, reason].filter((word) => word !== undefined).join(", "));
  }
}

const LISTENING = ["opens 192.0.2.2 port 179 for 192.0.2.1", "log: BGP listens, 192.0.2.2"];

describe("BGP sessions that routers begin", () => {
  it("are waited for where peers are spoken to from, and nowhere else", () => {
    const bench = new Bench();
    const near = target("192.0.2.1", { password: "sesame" });
    const beside = target("192.0.2.9");
    const elsewhere = target("203.0.113.1", { source: ip("198.51.100.7") });
    const inRed = target("198.51.100.1", { vrf: "red" });
    assert.deepEqual(bench.expect(["a", near], ["b", beside], ["c", elsewhere], ["d", inRed]), [
      "opens 192.0.2.2 port 179 for 192.0.2.1 with a password and 192.0.2.9",
      "opens 198.51.100.7 port 179 for 203.0.113.1",
      "opens 198.51.100.2 in red port 179 for 198.51.100.1",
      "log: BGP listens, 192.0.2.2",
      "log: BGP listens, 198.51.100.7",
      "log: BGP listens, 198.51.100.2",
    ]);
  });

  it("are those of the peers that are expected at that address", () => {
    const bench = new Bench();
    bench.expect(
      ["a", target("192.0.2.1")],
      ["b", target("198.51.100.1")],
      ["red", target("192.0.2.3", { vrf: "red" })],
    );
    const knocks = [
      ["192.0.2.2", "192.0.2.1"],
      ["192.0.2.2", "192.0.2.99"],
      ["192.0.2.2", "198.51.100.1"], // its password, if any, holds at another address
      ["192.0.2.2", "192.0.2.3"],
      ["192.0.2.2 in red", "192.0.2.3"],
    ] as const;
    assert.deepEqual(
      knocks.map(([to, from]) => bench.knock(to, from)),
      [
        ["a takes 192.0.2.1"],
        ["counted unknown-peer", "refused 192.0.2.99"],
        ["counted unknown-peer", "refused 198.51.100.1"],
        ["counted unknown-peer", "refused 192.0.2.3"],
        ["red takes 192.0.2.3"],
      ],
    );
  });

  it("are nobody's when two peers have the address", () => {
    const bench = new Bench();
    bench.expect(["a", target("192.0.2.1")], ["b", target("192.0.2.1", { port: 1790 })]);
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["counted ambiguous-peer", "refused 192.0.2.1"]);
  });

  it("are four of a peer at most, those that end among them", () => {
    const bench = new Bench();
    bench.expect(["a", target("192.0.2.1")], ["b", target("192.0.2.9")]);
    for (let turn = 0; turn < 4; turn += 1) {
      assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["a takes 192.0.2.1"]);
    }
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["counted too-many", "refused 192.0.2.1"]);
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.9"), ["b takes 192.0.2.9"]);
    bench.end();
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["a takes 192.0.2.1"]);
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["counted too-many", "refused 192.0.2.1"]);
  });

  it("count for the router that they are of, whatever it is called by then", () => {
    const bench = new Bench();
    bench.expect(["a", target("192.0.2.1")], ["b", target("192.0.2.9")]);
    for (let turn = 0; turn < 4; turn += 1) bench.knock("192.0.2.2", "192.0.2.9");
    bench.expect(["a", target("192.0.2.9")], ["b", target("192.0.2.1")]);
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.9"), ["counted too-many", "refused 192.0.2.9"]);
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["b takes 192.0.2.1"]);
  });

  it("are waited for again when somebody else gives the port back; that is said once", () => {
    const bench = new Bench();
    bench.inUse = "the kernel refuses 192.0.2.2 port 179: EADDRINUSE";
    const opens = "opens 192.0.2.2 port 179 for 192.0.2.1";
    assert.deepEqual(bench.expect(["a", target("192.0.2.1")]), [
      opens,
      `log: BGP cannot listen, 192.0.2.2, ${bench.inUse}`,
    ]);
    assert.deepEqual(bench.pass(10_000), [opens, opens]);
    bench.inUse = undefined;
    assert.deepEqual(bench.pass(5_000), LISTENING);
    assert.deepEqual(bench.pass(60_000), []);
  });

  it("are not those of a peer whose own address is of another family, and of all others as ever", () => {
    const bench = new Bench();
    const mixed = target("2001:db8::1", { source: ip("192.0.2.2"), password: "sesame" });
    const says = "log: BGP does not listen for a peer, a, 192.0.2.2 is of another family than 2001:db8::1";
    assert.deepEqual(bench.expect(["a", mixed], ["b", target("192.0.2.1")]), [says, ...LISTENING]);
    assert.deepEqual(bench.pass(60_000), [], "that is said once");
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["b takes 192.0.2.1"]);
  });

  it("are refused where the kernel does not take the peer's password, who could come in without", () => {
    const bench = new Bench();
    bench.noPassword = "the kernel refuses the password: ENOMEM";
    const [signing, plain] = [target("192.0.2.9", { password: "sesame" }), target("192.0.2.1")];
    assert.deepEqual(bench.expect(["a", signing], ["b", plain]), [
      "opens 192.0.2.2 port 179 for 192.0.2.9 with a password and 192.0.2.1",
      "log: BGP does not listen for a peer, a, the kernel refuses the password: ENOMEM",
      "log: BGP listens, 192.0.2.2",
    ]);
    const refused = ["counted no-password", "refused 192.0.2.9"];
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.9"), refused);
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["b takes 192.0.2.1"]);
    bench.expect(["anew", { ...signing }], ["b", plain]);
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.9"), refused, "it is the same socket");
  });

  it("follow the address that this node has towards the peer", () => {
    const bench = new Bench();
    bench.routes.delete("192.0.2");
    assert.deepEqual(bench.expect(["a", target("192.0.2.1")]), [
      "log: BGP does not listen for a peer, a, no route to 192.0.2.1",
    ]);
    assert.deepEqual(bench.pass(10_000), []);
    bench.routes.set("192.0.2", "192.0.2.2");
    assert.deepEqual(bench.pass(5_000), LISTENING);
    bench.routes.set("192.0.2", "192.0.2.7");
    assert.deepEqual(bench.pass(5_000), [
      "closes 192.0.2.2",
      "opens 192.0.2.7 port 179 for 192.0.2.1",
      "log: BGP listens, 192.0.2.7",
    ]);
  });

  it("are waited for anew with another password, and as before with a session of the same settings", () => {
    const bench = new Bench();
    bench.expect(["a", target("192.0.2.1")]);
    assert.deepEqual(bench.expect(["a", target("192.0.2.1", { password: "sesame" })]), [
      "closes 192.0.2.2",
      "opens 192.0.2.2 port 179 for 192.0.2.1 with a password",
      "log: BGP listens, 192.0.2.2",
    ]);
    assert.deepEqual(bench.expect(["again", target("192.0.2.1", { password: "sesame" })]), []);
    assert.deepEqual(bench.knock("192.0.2.2", "192.0.2.1"), ["again takes 192.0.2.1"]);
  });

  it("are no longer waited for at the end, and nothing is pending", () => {
    const bench = new Bench();
    bench.expect(["a", target("192.0.2.1")]);
    bench.incoming.stop();
    assert.deepEqual(bench.pass(60_000), ["closes 192.0.2.2"]);
  });
});
