import { getSystemErrorName } from "node:util";
import { fromOctets, type IpAddress, type IpFamily, toOctets } from "@herald/shared/ip/address";
import koffi from "koffi";

/** <sys/socket.h>, <netinet/in.h>, <linux/in6.h>; the same on x64 and arm64. */
const DOMAIN = { 4: 2, 6: 10, netlink: 16 } as const;
const TYPE = { stream: 1, datagram: 2, raw: 3 } as const;
const CLOEXEC_NONBLOCK = 0x80000 | 0x800;
export const LEVEL = { socket: 1, tcp: 6, ip: 0, ipv6: 41 } as const;
export const TTL = { 4: [LEVEL.ip, 2], 6: [LEVEL.ipv6, 16] } as const; // IP_TTL, IPV6_UNICAST_HOPS
const SO_BINDTODEVICE = [LEVEL.socket, 25] as const;

/** The kernel refused to make a socket as it is wanted. Never carries a password. */
export class SocketError extends Error {
  override readonly name = "SocketError";
}

/**
 * A socket that never blocks, for what neither node:net nor node:dgram can ask for before it is bound or connected.
 *
 * @param prepare what it takes to be as it is wanted; the socket is closed if that throws.
 * @returns its descriptor, which is the caller's to close.
 * @throws {SocketError}
 */
export function openSocket(
  domain: keyof typeof DOMAIN,
  type: keyof typeof TYPE,
  prepare: (fd: number) => void,
): number {
  const fd = libc().socket(DOMAIN[domain], TYPE[type] | CLOEXEC_NONBLOCK, 0);
  if (fd < 0) throw new SocketError(`no socket: ${errnoName()}`);
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    closeSocket(fd);
    throw error;
  }
}

/**
 * @param what for the error, as in "the kernel refuses the TTL".
 * @param value a number stands for a C int.
 * @throws {SocketError}
 */
export function setOption(
  fd: number,
  what: string,
  [level, name]: readonly [number, number],
  value: number | Uint8Array,
): void {
  const octets = typeof value === "number" ? int(value) : value;
  succeed(what, libc().setsockopt(fd, level, name, octets, octets.length));
}

/**
 * @param what for the error, as in "the kernel refuses VRF red".
 * @throws {SocketError}
 */
export function bindToDevice(fd: number, what: string, device: string): void {
  setOption(fd, what, SO_BINDTODEVICE, Buffer.from(`${device}\0`));
}

/** @throws {SocketError} */
export function bindSocket(fd: number, what: string, address: Uint8Array): void {
  succeed(what, libc().bind(fd, address, address.length));
}

/** @throws {SocketError} */
export function connectSocket(fd: number, what: string, address: Uint8Array): void {
  succeed(what, libc().connect(fd, address, address.length));
}

/** @returns ours on a socket of IPv4 or IPv6 that is bound or connected. */
export function ownAddress(fd: number): IpAddress {
  const octets = new Uint8Array(28);
  succeed("to tell an address", libc().getsockname(fd, octets, int(octets.length)));
  const isIpv4 = new DataView(octets.buffer).getUint16(0, true) === DOMAIN[4];
  return fromOctets(isIpv4 ? octets.subarray(4, 8) : octets.subarray(8, 24));
}

/** @throws {SocketError} */
export function sendOn(fd: number, bytes: Uint8Array): void {
  succeed("what is sent", libc().send(fd, bytes, bytes.length, 0));
}

/** @returns how many octets are in the buffer now, or the name of the error: "EAGAIN" when nothing waits. */
export function receiveFrom(fd: number, buffer: Uint8Array): number | string {
  const octets = libc().recv(fd, buffer, buffer.length, 0);
  return octets < 0 ? errnoName() : octets;
}

export function closeSocket(fd: number): void {
  libc().close(fd);
}

/**
 * struct sockaddr_in, 16 octets, or struct sockaddr_in6, 28:
 *
 *   0        2      4         8       24         28
 *   | family | port | address |                           for IPv4, zeros to the end
 *   | family | port | flow    | address | scope     |     for IPv6
 *
 * @param address `undefined`: any of ours.
 */
export function socketAddress(family: IpFamily, address: IpAddress | undefined, port: number): Uint8Array {
  const octets = new Uint8Array(family === 4 ? 16 : 28);
  const view = new DataView(octets.buffer);
  view.setUint16(0, DOMAIN[family], true);
  view.setUint16(2, port); // in network order
  if (address !== undefined) octets.set(toOctets(address), family === 4 ? 4 : 8);
  return octets;
}

/** struct sockaddr_nl: family, pad, pid, groups. */
export function netlinkAddress(groups: number): Uint8Array {
  const octets = new Uint8Array(12);
  const view = new DataView(octets.buffer);
  view.setUint16(0, DOMAIN.netlink, true);
  view.setUint32(8, groups, true);
  return octets;
}

function int(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setInt32(0, value, true);
  return octets;
}

function succeed(what: string, result: number): void {
  if (result < 0) throw new SocketError(`the kernel refuses ${what}: ${errnoName()}`);
}

function errnoName(): string {
  return getSystemErrorName(-koffi.errno());
}

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, octets: number): number;
  bind(fd: number, address: Uint8Array, octets: number): number;
  connect(fd: number, address: Uint8Array, octets: number): number;
  getsockname(fd: number, address: Uint8Array, octets: Uint8Array): number;
  send(fd: number, bytes: Uint8Array, octets: number, flags: number): number;
  recv(fd: number, bytes: Uint8Array, octets: number, flags: number): number;
  close(fd: number): number;
}

let loaded: Libc | undefined;

/** Bound on first use: a file that is only read for its types costs nothing. */
function libc(): Libc {
  if (loaded !== undefined) return loaded;
  const library = koffi.load(null);
  loaded = {
    socket: library.func("int socket(int, int, int)"),
    setsockopt: library.func("int setsockopt(int, int, int, void *, uint32_t)"),
    bind: library.func("int bind(int, void *, uint32_t)"),
    connect: library.func("int connect(int, void *, uint32_t)"),
    getsockname: library.func("int getsockname(int, void *, void *)"),
    send: library.func("intptr_t send(int, void *, size_t, int)"),
    recv: library.func("intptr_t recv(int, void *, size_t, int)"),
    close: library.func("int close(int)"),
  } as unknown as Libc;
  return loaded;
}
