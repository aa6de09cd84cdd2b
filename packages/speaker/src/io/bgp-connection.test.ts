import assert from "node:assert/strict";
import { Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import { TcpConnection } from "./bgp-connection.ts";

const MINUTES_8 = 480_000;
const MIB_64 = 2 ** 26;
/** More than a stream takes before it says that somebody should wait. */
const MUCH = new Uint8Array(2 ** 20);

/** A socket whose other end reads when the test says so. */
class StuckSocket extends Socket {
  #read: (() => void)[] = [];

  override _write(_: unknown, __: unknown, onRead: () => void): void {
    this.#read.push(onRead);
  }

  read1(): void {
    this.#read.shift()?.();
  }
}

function connect({ mock }: TestContext): { socket: StuckSocket; connection: TcpConnection; ended: string[] } {
  mock.timers.enable({ apis: ["setTimeout"] });
  const ended: string[] = [];
  const listeners = {
    onBytes: () => assert.fail("nothing comes"),
    onClosed: (why: string) => void ended.push(why),
  };
  const target = { address: "192.0.2.1" as IpAddress, interface: undefined };
  const connection = new TcpConnection(listeners, target);
  const socket = new StuckSocket();
  connection.use(socket);
  return { socket, connection, ended };
}

/** What streams do before they tell. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("a connection with a router that does not read", () => {
  it("is given up after eight minutes (RFC 9687)", (test) => {
    const { socket, connection, ended } = connect(test);
    connection.send(MUCH);
    test.mock.timers.tick(MINUTES_8 - 1);
    assert.deepEqual([ended, socket.destroyed], [[], false]);
    test.mock.timers.tick(1);
    assert.deepEqual([ended, socket.destroyed], [["the peer reads nothing"], true]);
  });

  it("counts those from the first that was not read, however much is sent meanwhile", (test) => {
    const { connection, ended } = connect(test);
    connection.send(MUCH);
    test.mock.timers.tick(MINUTES_8 - 1);
    connection.send(MUCH);
    test.mock.timers.tick(1);
    assert.deepEqual(ended, ["the peer reads nothing"]);
  });

  it("goes on when it reads in time", async (test) => {
    const { socket, connection, ended } = connect(test);
    connection.send(MUCH);
    connection.send(MUCH);
    test.mock.timers.tick(MINUTES_8 - 1);
    socket.read1();
    socket.read1();
    await settled();
    connection.send(MUCH);
    test.mock.timers.tick(MINUTES_8 - 1);
    assert.deepEqual(ended, []);
    test.mock.timers.tick(1);
    assert.deepEqual(ended, ["the peer reads nothing"]);
  });

  it("is given up as soon as more than 64 MiB wait for it", async (test) => {
    const { socket, connection, ended } = connect(test);
    connection.send(new Uint8Array(MIB_64));
    await settled();
    assert.deepEqual([ended, socket.destroyed], [[], false]);
    connection.send(Uint8Array.of(1));
    assert.deepEqual(ended, [], "whoever sends is told afterwards");
    await settled();
    assert.deepEqual(ended, [`${MIB_64 + 1} octets wait for a peer that does not read`]);
    assert.equal(socket.destroyed, true);
  });

  it("is rid of two seconds after it was closed, and nobody hears of it any more", (test) => {
    const { socket, connection, ended } = connect(test);
    connection.send(MUCH);
    connection.close();
    connection.send(MUCH);
    test.mock.timers.tick(1_999);
    assert.equal(socket.destroyed, false);
    test.mock.timers.tick(1);
    assert.deepEqual([socket.destroyed, ended], [true, []]);
  });
});
