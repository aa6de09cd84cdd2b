import { familyOf } from "@herald/shared/ip/address";
import type { BgpTarget } from "../bgp-port.ts";
import {
  bindToDevice,
  LEVEL,
  openSocket,
  SocketError,
  setOption,
  socketAddress,
  TTL,
} from "./kernel-socket.ts";

/** <netinet/in.h>, <netinet/tcp.h>; the same on x64 and arm64. */
const MINIMUM_TTL = { 4: [LEVEL.ip, 21], 6: [LEVEL.ipv6, 73] } as const; // IP_MINTTL, IPV6_MINHOPCOUNT
const TCP_MD5SIG = [LEVEL.tcp, 14] as const;

/** TCP_MD5SIG_MAXKEYLEN of <linux/tcp.h>. */
const PASSWORD_MAX_OCTETS = 80;

/**
 * A TCP socket that is not connected yet, with all that must be set before it is: the first segment is signed already.
 *
 * @returns its descriptor, which is the caller's to close.
 * @throws {SocketError}
 */
export function openBgpSocket(target: BgpTarget): number {
  const { address, password, ttl, minimumTtl, vrf } = target;
  const family = familyOf(address);
  return openSocket(family, "stream", (fd) => {
    setOption(fd, "the TTL", TTL[family], ttl);
    if (minimumTtl !== undefined) setOption(fd, "the least TTL", MINIMUM_TTL[family], minimumTtl);
    if (vrf !== undefined) bindToDevice(fd, `VRF ${vrf}`, vrf);
    if (password !== "") setOption(fd, "the password", TCP_MD5SIG, signature(target));
  });
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
  const octets = new Uint8Array(216);
  octets.set(socketAddress(familyOf(address), address, port));
  new DataView(octets.buffer).setUint16(130, key.length, true);
  octets.set(key, 136);
  return octets;
}
