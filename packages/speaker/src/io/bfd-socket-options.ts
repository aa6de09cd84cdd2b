import { getSystemErrorName } from "node:util";
import { BFD_TTL } from "@herald/bfd/iana";
import { type IpAddress, type IpFamily, toOctets } from "@herald/shared/ip/address";
import koffi from "koffi";
import { SocketError } from "./bgp-socket-options.ts";

/** <sys/socket.h>, <netinet/in.h>; the same on x64 and arm64. */
const AF = { 4: 2, 6: 10 } as const;
const SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0x80000 | 0x800;
const LEVEL = { socket: 1, ip: 0, ipv6: 41 } as const;
const TTL = { 4: [LEVEL.ip, 2], 6: [LEVEL.ipv6, 16] } as const; // IP_TTL, IPV6_UNICAST_HOPS
const CLASS = { 4: [LEVEL.ip, 1], 6: [LEVEL.ipv6, 67] } as const; // IP_TOS, IPV6_TCLASS
const IPV6_V6ONLY = [LEVEL.ipv6, 26] as const;
const SO_REUSEADDR = [LEVEL.socket, 2] as const;
const SO_BINDTODEVICE = [LEVEL.socket, 25] as const;
const SO_ATTACH_FILTER = [LEVEL.socket, 26] as const;

/** Where a network is full, what keeps it together goes first (CS6, RFC 2474 §4.2.2.2). */
const NETWORK_CONTROL = 0xc0;

export interface UdpBinding {
  readonly family: IpFamily;
  /** `undefined`: any of ours. */
  readonly address: IpAddress | undefined;
  readonly port: number;
  /** Name of an interface or VRF; `undefined`: any. */
  readonly device: string | undefined;
  /** Array of struct sock_filter; `undefined`: everything may come in. */
  readonly filter: Uint8Array | undefined;
  /** Whether others that said so, too, may be bound to the same port. */
  readonly isShared: boolean;
}

/**
 * A bound UDP socket of one family, that sends with a TTL of 255.
 *
 * @returns its descriptor, which is the caller's to close.
 * @throws {SocketError}
 */
export function openUdpSocket(binding: UdpBinding): number {
  const { family, device, filter, isShared } = binding;
  const fd = libc().socket(AF[family], SOCK_DGRAM_CLOEXEC_NONBLOCK, 0);
  if (fd < 0) throw new SocketError(`no socket: ${errnoName()}`);
  try {
    if (family === 6) setOption(fd, "IPv6 alone", IPV6_V6ONLY, int(1));
    setOption(fd, "the TTL", TTL[family], int(BFD_TTL));
    setOption(fd, "the traffic class", CLASS[family], int(NETWORK_CONTROL));
    if (device !== undefined) setOption(fd, `device ${device}`, SO_BINDTODEVICE, Buffer.from(`${device}\0`));
    if (filter !== undefined) attachFilter(fd, filter);
    sharePort(fd, isShared);
    const address = socketAddress(binding);
    if (libc().bind(fd, address, address.length) !== 0) {
      throw new SocketError(`the kernel refuses port ${binding.port}: ${errnoName()}`);
    }
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

/** Lets nothing else in from now on. What is in force until then stays so if the kernel refuses. */
export function attachFilter(fd: number, filter: Uint8Array): void {
  // struct sock_fprog: count of instructions, padding, where they are
  const program = new Uint8Array(16);
  const view = new DataView(program.buffer);
  view.setUint16(0, filter.length / 8, true);
  view.setBigUint64(8, koffi.address(filter), true);
  setOption(fd, "a filter", SO_ATTACH_FILTER, program);
}

/** Whether others that say so, too, may be bound to the same port from now on: those of other devices. */
export function sharePort(fd: number, isShared: boolean): void {
  setOption(fd, "to share the port", SO_REUSEADDR, int(isShared ? 1 : 0));
}

/**
 * struct sockaddr_in, 16 octets, or struct sockaddr_in6, 28:
 *
 *   0        2      4         8       24         28
 *   | family | port | address          |                for IPv4
 *   | family | port | flow    | address | scope     |   for IPv6
 */
function socketAddress({ family, address, port }: UdpBinding): Uint8Array {
  const octets = new Uint8Array(family === 4 ? 16 : 28);
  const view = new DataView(octets.buffer);
  view.setUint16(0, AF[family], true);
  view.setUint16(2, port); // in network order
  if (address !== undefined) octets.set(toOctets(address), family === 4 ? 4 : 8);
  return octets;
}

function int(value: number): Uint8Array {
  const octets = new Uint8Array(4);
  new DataView(octets.buffer).setInt32(0, value, true);
  return octets;
}

function setOption(
  fd: number,
  what: string,
  [level, name]: readonly [number, number],
  value: Uint8Array,
): void {
  if (libc().setsockopt(fd, level, name, value, value.length) === 0) return;
  throw new SocketError(`the kernel refuses ${what}: ${errnoName()}`);
}

function errnoName(): string {
  return getSystemErrorName(-koffi.errno());
}

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, octets: number): number;
  bind(fd: number, address: Uint8Array, octets: number): number;
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
    close: library.func("int close(int)"),
  } as unknown as Libc;
  return loaded;
}
