import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readlinkSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { afterEach, describe, it } from "node:test";
import type { BfdDatagram } from "@herald/bfd/effect";
import type { BfdPath } from "@herald/bfd/options";
import type { IpAddress } from "@herald/shared/ip/address";
import type { BfdPlace } from "../bfd-port.ts";
import { BfdSockets } from "./bfd-sockets.ts";

/** Not those of BFD: a daemon of this machine may have them. Nor any from 32768 on, which sockets get that ask for none. */
const PORTS = { single: 23_784, multi: 24_784 };
const LOOPBACK = { 4: "127.0.0.1", 6: "::1" } as const;
const hasIpv6 = networkInterfaces()["lo"]?.some(({ family }) => family === "IPv6") ?? false;
const skip = (family: 4 | 6): string | false => (family === 4 || hasIpv6 ? false : "no IPv6 on this machine");

describe("BFD's sockets", { timeout: 30_000 }, () => {
  const heard: string[] = [];
  const troubles: string[] = [];
  let awaited = Promise.withResolvers<void>();
  const onDatagram = ({ hops, from, to, interface: device, bytes }: BfdDatagram): void => {
    const at = to === undefined ? "" : ` at ${to}`;
    heard.push(`${hops} ${from} ${device ?? "any"}${at} ${Buffer.from(bytes)}`);
    if (bytes[0] === "!".charCodeAt(0)) awaited.resolve();
  };
  const onTrouble = (what: string, message: string): unknown => troubles.push(`${what}: ${message}`);
  let sockets: BfdSockets | undefined;
  const open = (): BfdSockets => {
    sockets = new BfdSockets({ onDatagram, onTrouble }, PORTS);
    return sockets;
  };
  afterEach(() => {
    sockets?.close();
    heard.length = 0;
    troubles.length = 0;
    awaited = Promise.withResolvers();
  });

  const place = (change: Partial<BfdPlace>): BfdPlace => ({
    hops: "single",
    family: 4,
    device: undefined,
    local: undefined,
    leastTtls: [],
    ...change,
  });

  /** Sends its TTL with each of these, and last of all a packet that nothing refuses; waits until that is there. */
  async function sendWith(ttls: readonly number[], family: 4 | 6, hops: BfdPath["hops"]): Promise<void> {
    const socket = createSocket(family === 4 ? "udp4" : "udp6").bind(0, LOOPBACK[family]);
    await once(socket, "listening");
    for (const [ttl, text] of [...ttls.map((each) => [each, String(each)] as const), [255, "!"] as const]) {
      socket.setTTL(ttl);
      await new Promise((resolve) => socket.send(text, PORTS[hops], LOOPBACK[family], resolve));
    }
    socket.close();
    await awaited.promise;
  }

  for (const family of [4, 6] as const) {
    const from = LOOPBACK[family] as IpAddress;
    const said = (hops: string, texts: string[]): string[] =>
      texts.map((text) => `${hops} ${from} any ${text}`);

    it(`hear over one IPv${family} hop only what has come over none`, { skip: skip(family) }, async () => {
      open().listen([place({ family })]);
      await sendWith([254, 64, 1, 255], family, "single");
      assert.deepEqual(heard, said("single", ["255", "!"]));
    });

    it(`hear over many IPv${family} hops what each sender is allowed`, { skip: skip(family) }, async () => {
      const others = (family === 4 ? ["192.0.2.1", "127.0.0.2"] : ["2001:db8::1", "::2"]) as IpAddress[];
      const leastTtls = [...others.map((each) => ({ from: each, ttl: 255 })), { from, ttl: 64 }];
      open().listen([place({ hops: "multi", family, leastTtls })]);
      await sendWith([63, 64, 254], family, "multi");
      assert.deepEqual(heard, said("multi", ["64", "254", "!"]));
    });

    it(`hear over many IPv${family} hops of strangers what everybody is allowed`, {
      skip: skip(family),
    }, async () => {
      const leastTtls = [
        { from: (family === 4 ? "192.0.2.1" : "2001:db8::1") as IpAddress, ttl: 64 },
        { from: (family === 4 ? "192.0.2.2" : "2001:db8::2") as IpAddress, ttl: 200 },
      ];
      open().listen([place({ hops: "multi", family, leastTtls })]);
      await sendWith([64, 199, 200], family, "multi");
      assert.deepEqual(heard, said("multi", ["200", "!"]));
    });

    it(`send from one port of BFD's over IPv${family}, with a TTL of 255`, {
      skip: skip(family),
    }, async () => {
      const mouth = open();
      mouth.listen([place({ family })]);
      const ports: number[] = [];
      const peer = createSocket({ type: family === 4 ? "udp4" : "udp6", reuseAddr: true });
      peer.bind(PORTS.multi, from);
      await once(peer, "listening");
      peer.on("message", (_, { port }) => ports.push(port));
      const path: BfdPath = { hops: "multi", remote: from, local: undefined, interface: undefined };
      mouth.send("a", path, Buffer.from("one"));
      await once(peer, "message");
      mouth.send("a", path, Buffer.from("two"));
      await once(peer, "message");
      peer.close();
      assert.equal(ports[0], ports[1]);
      assert.ok(ports[0] !== undefined && ports[0] >= 49_152);
      mouth.send("b", { ...path, hops: "single" }, Buffer.from("!")); // the filter of a single hop tells the TTL
      await awaited.promise;
      assert.deepEqual(heard, said("single", ["!"]));
    });
  }

  it("take over another filter while they are open", async () => {
    const from = "127.0.0.1" as IpAddress;
    const ears = open();
    ears.listen([place({ hops: "multi", leastTtls: [{ from, ttl: 254 }] })]);
    ears.listen([place({ hops: "multi", leastTtls: [{ from, ttl: 2 }] })]);
    await sendWith([1, 2], 4, "multi");
    assert.deepEqual([heard, troubles], [["multi 127.0.0.1 any 2", "multi 127.0.0.1 any !"], []]);
  });

  it("tell the device apart that a packet came over", async () => {
    open().listen([place({}), place({ device: "lo" })]);
    await sendWith([], 4, "single");
    assert.deepEqual([heard, troubles], [["single 127.0.0.1 lo !"], []]);
  });

  it("tell addresses of ours apart that packets were sent to", async () => {
    const [one, other] = ["127.0.0.2", "127.0.0.3"] as IpAddress[];
    open().listen([place({ local: one }), place({ local: other }), place({})]);
    const peer = createSocket("udp4").bind(0, "127.0.0.9");
    await once(peer, "listening");
    peer.setTTL(255);
    for (const [text, address] of [
      ["a", "127.0.0.2"],
      ["b", "127.0.0.3"],
      ["!", "127.0.0.4"],
    ] as const) {
      const came = heard.length;
      await new Promise((resolve) => peer.send(text, PORTS.single, address, resolve));
      while (heard.length === came) await new Promise(setImmediate); // each socket has an order of its own
    }
    peer.close();
    assert.deepEqual(heard, [
      "single 127.0.0.9 any at 127.0.0.2 a",
      "single 127.0.0.9 any at 127.0.0.3 b",
      "single 127.0.0.9 any !",
    ]);
    assert.deepEqual(troubles, []);
  });

  /** All sockets of this process, by the numbers that the kernel has for them. */
  const descriptors = (): readonly string[] =>
    readdirSync("/proc/self/fd")
      .flatMap((fd) => {
        try {
          return [readlinkSync(`/proc/self/fd/${fd}`)];
        } catch {
          return []; // the one that this list was read by
        }
      })
      .filter((name) => name.startsWith("socket:"))
      .sort();

  it("stay open while they are wanted, and are closed when they are not", () => {
    const before = descriptors();
    const ears = open();
    ears.listen([place({}), place({ hops: "multi" })]);
    const open1 = descriptors();
    assert.equal(open1.length, before.length + 2);
    ears.listen([place({}), place({ hops: "multi" })]);
    assert.deepEqual(descriptors(), open1);
    ears.listen([place({})]);
    assert.equal(descriptors().length, before.length + 1);
    ears.listen([]);
    assert.deepEqual(descriptors(), before);
  });

  it("are no more for a session that has ended", () => {
    const before = descriptors();
    const mouth = open();
    const path = {
      hops: "single",
      remote: "127.0.0.9" as IpAddress,
      local: undefined,
      interface: undefined,
    } as const;
    for (let packet = 0; packet < 2; packet += 1) mouth.send("a", path, Uint8Array.of(packet));
    assert.equal(descriptors().length, before.length + 1);
    mouth.end("a");
    assert.deepEqual(descriptors(), before);
  });

  it("send from the address that a session has", async () => {
    const peer = createSocket("udp4").bind(PORTS.single, "127.0.0.9");
    await once(peer, "listening");
    const [remote, local] = ["127.0.0.9", "127.0.0.2"] as IpAddress[] as [IpAddress, IpAddress];
    open().send("a", { hops: "single", remote, local, interface: undefined }, Uint8Array.of(1));
    const [, { address }] = await once(peer, "message");
    peer.close();
    assert.equal(address, local);
  });

  it("are there for both families at once", { skip: skip(6) }, () => {
    open().listen([place({}), place({ family: 6 })]);
    assert.deepEqual(troubles, []);
  });

  it("say that an address is not there", () => {
    open().listen([place({ local: "192.0.2.77" as IpAddress })]);
    assert.deepEqual(troubles, [
      "single hop, IPv4, 192.0.2.77: the kernel refuses port 23784: EADDRNOTAVAIL",
    ]);
  });

  it("keep their port from others that would share it", async () => {
    open().listen([place({})]);
    const rival = createSocket({ type: "udp4", reuseAddr: true }).bind(PORTS.single);
    const [error] = await Promise.race([once(rival, "error"), once(rival, "listening")]);
    rival.close();
    assert.equal((error as { code?: string } | undefined)?.code, "EADDRINUSE");
  });

  it("say who has the port, and hear once it is free", async () => {
    const rival = createSocket("udp4").bind(PORTS.single);
    await once(rival, "listening");
    const ears = open();
    ears.listen([place({})]);
    assert.deepEqual(troubles, ["single hop, IPv4: the kernel refuses port 23784: EADDRINUSE"]);
    await new Promise<void>((resolve) => rival.close(resolve));
    ears.listen([place({})]);
    await sendWith([], 4, "single");
    assert.deepEqual(heard, ["single 127.0.0.1 any !"]);
  });

  it("say that a device is not there", () => {
    open().listen([place({ device: "nowhere" })]);
    assert.deepEqual(troubles, ["single hop, IPv4, nowhere: the kernel refuses device nowhere: ENODEV"]);
  });
});
