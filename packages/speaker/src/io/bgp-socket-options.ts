import { addressOctets } from "@herald/bgp/prefix";
import { familyOf } from "@herald/shared/ip/address";
import koffi from "koffi";
import type { BgpTarget } from "../bgp-port.ts";

/** <sys/socket.h>, <netinet/in.h>, <netinet/tcp.h>; the same on x64 and arm64. */
const AF = { 4: 2, 6: 10 } as const;
const SOCK_STREAM_CLOEXEC_NONBLOCK = 1 | 0x80000 | 0x800;
const LEVEL = { socket: 1, tcp: 6, ip: 0, ipv6: 41 } as const;
const TTL = { 4: [LEVEL.ip, 2], 6: [LEVEL.ipv6, 16] } as const; // IP_TTL, IPV6_UNICAST_HOPS
const MINIMUM_TTL = { 4: [LEVEL.ip, 21], 6: [LEVEL.ipv6, 73] } as const; // IP_MINTTL, IPV6_MINHOPCOUNT
const TCP_MD5SIG = [LEVEL.tcp, 14] as const;
const SO_BINDTODEVICE = [LEVEL.socket, 25] as const;

/** TCP_MD5SIG_MAXKEYLEN of <linux/tcp.h>. */
const PASSWORD_MAX_OCTETS = 80;

/** The kernel refused to make a socket as it is wanted. Never carries the password. */
export class SocketError extends Error {
  override readonly name = "SocketError";
}

/**
 * A TCP socket that is not connected yet, with all that must be set before it is: the first segment is signed already.
 *
 * @returns its descriptor, which is the caller's to close.
 * @throws {SocketError}
 */
export function openBgpSocket(target: BgpTarget): number {
  const { address, password, ttl, minimumTtl, vrf } = target;
  const family = familyOf(address);
  const fd = libc().socket(AF[family], SOCK_STREAM_CLOEXEC_NONBLOCK, 0);
  if (fd < 0) throw new SocketError(`no socket: errno ${koffi.errno()}`);
  try {
    setOption(fd, "the TTL", TTL[family], int(ttl));
    if (minimumTtl !== undefined) setOption(fd, "the least TTL", MINIMUM_TTL[family], int(minimumTtl));
    if (vrf !== undefined) setOption(fd, `VRF ${vrf}`, SO_BINDTODEVICE, Buffer.from(`${vrf}\0`));
    if (password !== "") setOption(fd, "the password", TCP_MD5SIG, signature(target));
    return fd;
  } catch (error) {
    libc().close(fd);
    throw error;
  }
}

/**
 * struct tcp_md5sig of <linux/tcp.h>, 216 octets:
 *
 *   0                 128     129         130      132       136   216
 *   | sockaddr_storage | flags | prefixlen | keylen | ifindex | key |
 */
function signature({ address, password, port }: BgpTarget): Uint8Array {
  const key = Buffer.from(password, "utf8");
  if (key.length > PASSWORD_MAX_OCTETS) {
    throw new SocketError(`the password has ${key.length} octets, want at most ${PASSWORD_MAX_OCTETS}`);
  }
  const family = familyOf(address);
  const octets = new Uint8Array(216);
  const view = new DataView(octets.buffer);
  view.setUint16(0, AF[family], true);
  view.setUint16(2, port); // in network order
  octets.set(addressOctets(family, address), family === 4 ? 4 : 8);
  view.setUint16(130, key.length, true);
  octets.set(key, 136);
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
  throw new SocketError(`the kernel refuses ${what}: errno ${koffi.errno()}`);
}

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  setsockopt(fd: number, level: number, name: number, value: Uint8Array, octets: number): number;
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
    close: library.func("int close(int)"),
  } as unknown as Libc;
  return loaded;
}
