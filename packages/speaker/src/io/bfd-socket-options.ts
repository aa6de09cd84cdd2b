import { BFD_TTL } from "@herald/bfd/iana";
import type { IpAddress, IpFamily } from "@herald/shared/ip/address";
import koffi from "koffi";
import {
  bindSocket,
  bindToDevice,
  LEVEL,
  openSocket,
  setOption,
  socketAddress,
  TTL,
} from "./kernel-socket.ts";

/** <sys/socket.h>, <netinet/in.h>; the same on x64 and arm64. */
const CLASS = { 4: [LEVEL.ip, 1], 6: [LEVEL.ipv6, 67] } as const; // IP_TOS, IPV6_TCLASS
const IPV6_V6ONLY = [LEVEL.ipv6, 26] as const;
const SO_REUSEADDR = [LEVEL.socket, 2] as const;
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
  const { family, address, port, device, filter, isShared } = binding;
  return openSocket(family, "datagram", (fd) => {
    if (family === 6) setOption(fd, "IPv6 alone", IPV6_V6ONLY, 1);
    setOption(fd, "the TTL", TTL[family], BFD_TTL);
    setOption(fd, "the traffic class", CLASS[family], NETWORK_CONTROL);
    if (device !== undefined) bindToDevice(fd, `device ${device}`, device);
    if (filter !== undefined) attachFilter(fd, filter);
    sharePort(fd, isShared);
    bindSocket(fd, `port ${port}`, socketAddress(family, address, port));
  });
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
  setOption(fd, "to share the port", SO_REUSEADDR, isShared ? 1 : 0);
}
