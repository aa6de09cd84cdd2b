import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { afterEach, describe, it } from "node:test";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import type { BgpArrival, BgpConnection, BgpTarget } from "../bgp-port.ts";
import { bgpListeners } from "./bgp-listeners.ts";
import { bgpSockets } from "./bgp-sockets.ts";

const skip = process.platform === "linux" ? false : "sockets of Linux";
const hasIpv6 = networkInterfaces()["lo"]?.some(({ family }) => family === "IPv6") ?? false;
const skipIpv6 = skip || (hasIpv6 ? false : "no IPv6 on this machine");
const ip = (text: string): IpAddress => parseAddress(text) ?? assert.fail(text);

/** A router at an address of the loopback interface. */
const router = (address: string, change: Partial<BgpTarget> = {}): BgpTarget => ({
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

/** What is to end with the test. */
const ends: (() => void)[] = [];

/** A port that is free there now. */
async function freePort(address: string): Promise<number> {
  const server = createServer();
  server.listen(0, address);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Waits at an address of ours for so many connections. */
class Door {
  readonly port: number;
  readonly #arrivals: BgpArrival[] = [];
  #wake = (): void => {};
  readonly close: () => void;
  #failure: string | undefined;
  readonly keptOut: string[] = [];

  static async open(
    address: string,
    targets: readonly BgpTarget[],
    port?: number,
    vrf?: string,
  ): Promise<Door> {
    for (;;) {
      const door = new Door(address, targets, port ?? (await freePort(address)), vrf);
      await door.#ready;
      // Who asks for any port may have been given this one meanwhile.
      if (port !== undefined || door.failure?.endsWith("EADDRINUSE") !== true) return door;
    }
  }

  readonly #ready: Promise<void>;

  private constructor(address: string, targets: readonly BgpTarget[], port: number, vrf: string | undefined) {
    this.port = port;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ready = promise;
    this.close = bgpListeners.listen(
      { address: ip(address), port, vrf, targets },
      {
        onListening: resolve,
        onKeptOut: (target, why) => this.keptOut.push(`${target.address}: ${why}`),
        onArrival: (arrival) => {
          this.#arrivals.push(arrival);
          this.#wake();
        },
        onFailed: (why) => {
          this.#failure = why;
          resolve();
        },
      },
    );
    ends.push(this.close);
  }

  get failure(): string | undefined {
    return this.#failure;
  }

  async arrival(): Promise<BgpArrival> {
    while (this.#arrivals.length === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.#arrivals.shift() as BgpArrival;
  }
}

/** Dials as that router would. */
function dial(
  from: BgpTarget,
  to: string,
  { port }: Door,
): {
  readonly connection: BgpConnection;
  readonly connected: Promise<void>;
  readonly closed: Promise<string>;
} {
  const connected = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<string>();
  const connection = bgpSockets.dial(
    { ...from, address: ip(to), port, source: from.address },
    { onConnected: () => connected.resolve(), onBytes: () => {}, onClosed: closed.resolve },
  );
  ends.push(() => connection.close());
  return { connection, connected: connected.promise, closed: closed.promise };
}

/** How many segments the kernel has dropped since their TTL was too low. */
function droppedForTtl(): number {
  const [names = "", counts = ""] = readFileSync("/proc/net/netstat", "utf8").split("\n");
  return Number(counts.split(" ")[names.split(" ").indexOf("TCPMinTTLDrop")]);
}

describe("a door for routers", { timeout: 60_000 }, () => {
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  for (const [us, them] of [
    ["127.0.0.2", "127.0.0.3"],
    ["::1", "::1"],
  ] as const) {
    it(`at ${us} lets in who comes, and both hear each other`, {
      skip: us === "::1" ? skipIpv6 : skip,
    }, async () => {
      const peer = router(them);
      const door = await Door.open(us, [peer]);
      const theirs = dial(peer, us, door);
      const arrival = await door.arrival();
      assert.equal(arrival.from, them);
      const heard = Promise.withResolvers<string>();
      const over = Promise.withResolvers<string>();
      const gone = Promise.withResolvers<void>();
      arrival.onceGone(gone.resolve);
      const { connection, local } = arrival.take(peer, {
        onBytes: (bytes) => heard.resolve(new TextDecoder().decode(bytes)),
        onClosed: over.resolve,
      });
      assert.equal(local.transport === 4 ? local.ipv4 : local.ipv6, us);
      await theirs.connected;
      theirs.connection.send(new TextEncoder().encode("hello"));
      assert.equal(await heard.promise, "hello");
      connection.close();
      assert.equal(await theirs.closed, "");
      await gone.promise;
    });
  }

  it("refuses with a reset", { skip }, async () => {
    const peer = router("127.0.0.3");
    const door = await Door.open("127.0.0.2", [peer]);
    const theirs = dial(peer, "127.0.0.2", door);
    await theirs.connected;
    (await door.arrival()).refuse();
    assert.equal(await theirs.closed, "reset by the peer (ECONNRESET)");
  });

  it("hears of nobody who signs with another password, or not", { skip }, async () => {
    const [wrong, none] = [
      router("127.0.0.3", { password: "sesame" }),
      router("127.0.0.4", { password: "sesame" }),
    ];
    const right = router("127.0.0.5", { password: "simsalabim" });
    const door = await Door.open("127.0.0.2", [wrong, none, right]);
    dial({ ...wrong, password: "simsalabim" }, "127.0.0.2", door);
    dial({ ...none, password: "" }, "127.0.0.2", door);
    dial(right, "127.0.0.2", door);
    const arrival = await door.arrival();
    assert.equal(arrival.from, "127.0.0.5"); // the kernel answers at once, and the others were first
    arrival.refuse();
  });

  it("opens for the others when a password cannot be set, and says whose", { skip }, async () => {
    const [long, other] = [
      router("127.0.0.3", { password: "s".repeat(81) }),
      router("2001:db8::1", { password: "sesame" }),
    ];
    const right = router("127.0.0.5", { password: "simsalabim" });
    const door = await Door.open("127.0.0.2", [long, other, right]);
    assert.deepEqual(door.keptOut, [
      "127.0.0.3: the password has 81 octets, want at most 80",
      "2001:db8::1: the kernel refuses the password: EINVAL",
    ]);
    dial(right, "127.0.0.2", door);
    const arrival = await door.arrival();
    assert.equal(arrival.from, "127.0.0.5");
    arrival.refuse();
  });

  it("hears of nobody who is farther away than all may be", { skip }, async () => {
    const [far, near] = [router("127.0.0.3", { minimumTtl: 255 }), router("127.0.0.4", { minimumTtl: 254 })];
    const door = await Door.open("127.0.0.2", [far, near]);
    dial({ ...far, ttl: 253 }, "127.0.0.2", door);
    dial({ ...near, ttl: 254 }, "127.0.0.2", door);
    const arrival = await door.arrival();
    assert.equal(arrival.from, "127.0.0.4");
    arrival.refuse();
  });

  it("demands of each peer, once it is let in, what holds for that one", { skip }, async () => {
    const [far, near] = [router("127.0.0.3"), router("127.0.0.4", { minimumTtl: 255 })];
    const door = await Door.open("127.0.0.2", [far, near]);
    const heard: string[] = [];
    const isHeard = Promise.withResolvers<void>();
    for (const [peer, ttl] of [
      [near, 64],
      [far, 64],
    ] as const) {
      const theirs = dial({ ...peer, ttl }, "127.0.0.2", door);
      await theirs.connected;
      const arrival = await door.arrival();
      const onBytes = (): void => {
        heard.push(arrival.from);
        isHeard.resolve();
      };
      arrival.take(peer, { onBytes, onClosed: () => {} });
      ends.push(() => arrival.refuse()); // from its peer nothing more is heard, the end neither
      theirs.connection.send(Uint8Array.of(1));
    }
    await isHeard.promise;
    assert.deepEqual(heard, ["127.0.0.3"]);
  });

  for (const [us, them] of [
    ["127.0.0.2", "127.0.0.3"],
    ["::1", "::1"],
  ] as const) {
    it(`at ${us} has connections that reach other TTLs from then on, either side's`, {
      skip: us === "::1" ? skipIpv6 : skip,
    }, async () => {
      const peer = router(them, { ttl: 64 });
      const door = await Door.open(us, [peer]);
      const theirs = dial(peer, us, door);
      await theirs.connected;
      const arrival = await door.arrival();
      const heard = Promise.withResolvers<string>();
      const onBytes = (bytes: Uint8Array): void => heard.resolve(new TextDecoder().decode(bytes));
      const { connection } = arrival.take(peer, { onBytes, onClosed: () => {} });
      connection.reach?.({ ttl: 255, minimumTtl: 255 });
      const before = droppedForTtl();
      theirs.connection.send(new TextEncoder().encode("hello"));
      theirs.connection.reach?.({ ttl: 255, minimumTtl: undefined });
      assert.equal(await heard.promise, "hello"); // the kernel sends it again
      assert.ok(droppedForTtl() > before, "64 was too low");
    });
  }

  it("opens on the device of a VRF alone, and nowhere where there is none", { skip }, async () => {
    const peer = router("127.0.0.3");
    const onLoopback = await Door.open("127.0.0.2", [peer], undefined, "lo"); // any device does
    dial(peer, "127.0.0.2", onLoopback);
    const arrival = await onLoopback.arrival();
    assert.equal(arrival.from, "127.0.0.3");
    arrival.refuse();
    const nowhere = await Door.open("127.0.0.2", [peer], undefined, "nosuchvrf");
    assert.equal(nowhere.failure, "the kernel refuses VRF nosuchvrf: ENODEV");
  });

  it("says why it cannot be", { skip }, async () => {
    const peer = router("127.0.0.3");
    const { port } = await Door.open("127.0.0.2", [peer]);
    const second = await Door.open("127.0.0.2", [peer], port);
    assert.equal(second.failure, `the kernel refuses 127.0.0.2 port ${port}: EADDRINUSE`);
    const nowhere = await Door.open("203.0.113.254", [peer], port);
    assert.equal(nowhere.failure, `the kernel refuses 203.0.113.254 port ${port}: EADDRNOTAVAIL`);
  });

  it("can be opened again at once, with connections from before", { skip }, async () => {
    const peer = router("127.0.0.3");
    const door = await Door.open("127.0.0.2", [peer]);
    const theirs = dial(peer, "127.0.0.2", door);
    const taken = (await door.arrival()).take(peer, { onBytes: () => {}, onClosed: () => {} });
    await theirs.connected;
    door.close();
    const again = await Door.open("127.0.0.2", [peer], door.port);
    assert.equal(again.failure, undefined);
    taken.connection.close();
    assert.equal(await theirs.closed, "");
  });
});

describe("a call", { timeout: 60_000 }, () => {
  afterEach(() => {
    for (const end of ends.splice(0)) end();
  });

  /** Connects to a peer that ends the connection once it is told something, as by a NOTIFICATION. */
  async function meet(peer: BgpTarget, us: string, door: Door) {
    const ours = dial(peer, us, door);
    await ours.connected;
    const arrival = await door.arrival();
    const onBytes = (): void => connection.close();
    const { connection } = arrival.take(peer, { onBytes, onClosed: () => {} });
    assert.equal(connection.ports?.remote, peer.sourcePort);
    return { ours, connection };
  }

  for (const [us, them] of [
    ["127.0.0.2", "127.0.0.3"],
    ["::1", "::1"],
  ] as const) {
    it(`goes to ${us} from the port that it is to go from, and the next one at once when that has ended`, {
      skip: us === "::1" ? skipIpv6 : skip,
    }, async () => {
      const door = await Door.open(us, [router(them)]);
      const peer = router(them, { sourcePort: await freePort(them) }); // not the door's, where both have one address
      for (let turn = 0; turn < 2; turn += 1) {
        const mine = await meet(peer, us, door);
        mine.ours.connection.send(Uint8Array.of(1));
        mine.ours.connection.close();
        const theirs = await meet(peer, us, door);
        theirs.connection.close();
        assert.equal(await theirs.ours.closed, "");
      }
    });
  }

  it("waits for the one before from its port, which a peer that says nothing keeps for a while", {
    skip,
  }, async () => {
    const peer = router("127.0.0.3", { sourcePort: await freePort("127.0.0.3") });
    const door = await Door.open("127.0.0.2", [peer]);
    const first = dial(peer, "127.0.0.2", door);
    await first.connected;
    const over = Promise.withResolvers<string>();
    (await door.arrival()).take(peer, { onBytes: () => {}, onClosed: over.resolve });
    first.connection.close();
    const [gone, second] = [dial(peer, "127.0.0.2", door), dial(peer, "127.0.0.2", door)];
    gone.connection.close();
    await second.connected;
    assert.equal(await over.promise, "reset by the peer (ECONNRESET)");
  });

  it("waits for the one before from its port, which was closed before it was made", { skip }, async () => {
    const peer = router("127.0.0.3", { sourcePort: await freePort("127.0.0.3") });
    const door = await Door.open("127.0.0.2", [peer]);
    dial(peer, "127.0.0.2", door).connection.close();
    await dial(peer, "127.0.0.2", door).connected;
  });

  it("is made with the TTL that it is to have since it waits for its port", { skip }, async () => {
    const peer = router("127.0.0.3", { sourcePort: await freePort("127.0.0.3") });
    const door = await Door.open("127.0.0.2", [{ ...peer, minimumTtl: 255 }]);
    dial(peer, "127.0.0.2", door).connection.close();
    const second = dial({ ...peer, ttl: 64 }, "127.0.0.2", door);
    second.connection.reach?.({ ttl: 255, minimumTtl: undefined });
    await second.connected;
  });

  it("says that its port is taken", { skip }, async () => {
    const taken = await Door.open("127.0.0.3", [router("127.0.0.2")]);
    const door = await Door.open("127.0.0.2", [router("127.0.0.3")]);
    const { closed } = dial(router("127.0.0.3", { sourcePort: taken.port }), "127.0.0.2", door);
    const why = "the source port is taken: something on this node listens there, or connects from it";
    assert.equal(await closed, `${why} (EADDRINUSE)`);
  });

  it("says of an address of ours that it is of another family than the peer's", async () => {
    const over = Promise.withResolvers<string>();
    const unwanted = (): never => assert.fail("there is nobody");
    bgpSockets.dial(router("2001:db8::1", { source: ip("127.0.0.1"), password: "sesame" }), {
      onConnected: unwanted,
      onBytes: unwanted,
      onClosed: over.resolve,
    });
    assert.equal(await over.promise, "127.0.0.1 is of another family than 2001:db8::1");
  });
});

describe("the address towards a peer", () => {
  it("is the one that the kernel would take, if there is a way", { skip: skipIpv6 }, () => {
    const towards = ["127.0.0.9", "::1"].map((address) => bgpListeners.sourceTowards(router(address)));
    assert.deepEqual(towards, ["127.0.0.1", "::1"]);
    const inNoVrf = router("127.0.0.9", { vrf: "nosuchvrf" });
    assert.equal(bgpListeners.sourceTowards(inNoVrf), undefined);
  });
});
