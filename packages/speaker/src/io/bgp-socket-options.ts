import { MAX_PASSWORD_OCTETS } from "@herald/shared/config/password";
import { familyOf, type IpAddress } from "@herald/shared/ip/address";
import type { BgpDoor, BgpTarget, BgpTtls } from "../bgp-port.ts";
import {
  bindSocket,
  bindToDevice,
  closeSocket,
  connectSocket,
  LEVEL,
  openSocket,
  ownAddress,
  SocketError,
  setOption,
  socketAddress,
  TTL,
} from "./kernel-socket.ts";

/** <sys/socket.h>, <netinet/in.h>, <netinet/tcp.h>; the same on x64 and arm64. */
const MINIMUM_TTL = { 4: [LEVEL.ip, 21], 6: [LEVEL.ipv6, 73] } as const; // IP_MINTTL, IPV6_MINHOPCOUNT
const SO_REUSEADDR = [LEVEL.socket, 2] as const;
const SO_LINGER = [LEVEL.socket, 13] as const;
/** struct linger: on, for 0 s. Who closes last resets what is left, and nothing has the port for a minute more (TIME-WAIT). */
const AT_ONCE = Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0);
const IPV6_V6ONLY = [LEVEL.ipv6, 26] as const;
const TCP_MD5SIG = [LEVEL.tcp, 14] as const;

/**
 * A TCP socket that is not connected yet, with all that must be set before it is: the first segment is signed already.
 *
 * @returns its descriptor, which is the caller's to close.
 * @throws {SocketError}
 */
export function openBgpSocket(target: BgpTarget): number {
  const { address, password, source, sourcePort, ttl, minimumTtl, vrf } = target;
  const family = familyOf(address);
  if (source !== undefined && familyOf(source) !== family) {
    throw new SocketError(`${source} is of another family than ${address}`);
  }
  return openSocket(family, "stream", (fd) => {
    setOption(fd, "the TTL", TTL[family], ttl);
    if (minimumTtl !== undefined) setOption(fd, "the least TTL", MINIMUM_TTL[family], minimumTtl);
    if (vrf !== undefined) bindToDevice(fd, `VRF ${vrf}`, vrf);
    if (sourcePort !== undefined) setOption(fd, "to leave a port at once", SO_LINGER, AT_ONCE);
    if (password !== "") setOption(fd, "the password", TCP_MD5SIG, signature(target));
  });
}

/**
 * A TCP socket that is bound and does not listen yet. What holds for all who are expected is set for it, and the password of
 * each; what only holds for one is set when it has come ({@link setForPeer}).
 *
 * @throws {SocketError}
 */
export function openBgpDoor({ address, port, vrf, targets }: BgpDoor): OpenedDoor {
  const family = familyOf(address);
  const keptOut: KeptOut[] = [];
  const fd = openSocket(family, "stream", (fd) => {
    setOption(fd, "an address in use before", SO_REUSEADDR, 1); // connections of a socket that listened before
    if (family === 6) setOption(fd, "IPv6 alone", IPV6_V6ONLY, 1);
    // Why the most and the least: the answer to the first segment has to reach whoever demands GTSM, and come from all.
    setOption(fd, "the TTL", TTL[family], Math.max(...targets.map(({ ttl }) => ttl)));
    setOption(fd, "the least TTL", MINIMUM_TTL[family], Math.min(...targets.map(leastTtl)));
    if (vrf !== undefined) bindToDevice(fd, `VRF ${vrf}`, vrf);
    for (const target of targets) {
      const why = target.password === "" ? undefined : refusedPassword(fd, target);
      if (why !== undefined) keptOut.push({ target, why });
    }
    bindSocket(fd, `${address} port ${port}`, socketAddress(family, address, port));
  });
  return { fd, keptOut };
}

export interface OpenedDoor {
  /** The caller's to close. */
  readonly fd: number;
  /** What the kernel refuses for one of them is no reason to let none of them in. */
  readonly keptOut: readonly KeptOut[];
}

/** Whose password is not set. */
export interface KeptOut {
  readonly target: BgpTarget;
  /** In the system's words. */
  readonly why: string;
}

/** Sets it for whatever port the peer comes from. @returns why it is not set; `undefined`: it is. */
function refusedPassword(fd: number, target: BgpTarget): string | undefined {
  try {
    setOption(fd, "the password", TCP_MD5SIG, signature({ ...target, port: 0 }));
    return undefined;
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    return error.message;
  }
}

/**
 * A connection that a peer made is to be as one that we made to it, and either as the peer is configured now; the password is
 * the kernel's already.
 *
 * @throws {SocketError}
 */
export function setForPeer(fd: number, target: BgpTtls & Pick<BgpTarget, "address">): void {
  const family = familyOf(target.address);
  setOption(fd, "the TTL", TTL[family], target.ttl);
  setOption(fd, "the least TTL", MINIMUM_TTL[family], leastTtl(target));
}

/** @returns ours that the kernel would take towards a peer; `undefined` when it knows no way. */
export function sourceTowards({ address, interface: link, port, vrf }: BgpTarget): IpAddress | undefined {
  const family = familyOf(address);
  let source: IpAddress | undefined;
  try {
    // Why UDP: nothing is sent by connecting.
    const fd = openSocket(family, "datagram", (made) => {
      const device = link ?? vrf;
      if (device !== undefined) bindToDevice(made, `device ${device}`, device);
      connectSocket(made, `a way to ${address}`, socketAddress(family, address, port));
      source = ownAddress(made);
    });
    closeSocket(fd);
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
  }
  return source;
}

function leastTtl({ minimumTtl }: BgpTtls): number {
  return minimumTtl ?? 0;
}

/**
 * struct tcp_md5sig of <linux/tcp.h>, 216 octets:
 *
 *   0                 128     129         130      132       136   216
 *   | sockaddr_storage | flags | prefixlen | keylen | ifindex | key |
 */
function signature({ address, password, port }: BgpTarget): Uint8Array {
  const key = Buffer.from(password, "utf8");
  if (key.length > MAX_PASSWORD_OCTETS) {
    throw new SocketError(`the password has ${key.length} octets, want at most ${MAX_PASSWORD_OCTETS}`);
  }
  const octets = new Uint8Array(216);
  octets.set(socketAddress(familyOf(address), address, port));
  new DataView(octets.buffer).setUint16(130, key.length, true);
  octets.set(key, 136);
  return octets;
}
