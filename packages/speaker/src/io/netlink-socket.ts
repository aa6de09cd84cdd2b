import koffi from "koffi";
import type { Link } from "../interface-rules.ts";
import { decodeNetlink, encodeLinkDump, type NetlinkMessage } from "./netlink-message.ts";

/** <sys/socket.h>, <linux/netlink.h>, <linux/rtnetlink.h>; the same on x64 and arm64. */
const AF_NETLINK = 16;
const SOCK_RAW_CLOEXEC_NONBLOCK = 3 | 0x80000 | 0x800;
const NETLINK_ROUTE = 0;
const RTMGRP_LINK = 0x1;
const { EAGAIN, EINTR, ENOBUFS } = koffi.os.errno;

/** The kernel's datagrams stay below 32 KiB. */
const DATAGRAM_OCTETS = 64 * 1024;

/** What the kernel said since the last time it was asked. */
export interface Drained {
  readonly messages: readonly NetlinkMessage[];
  /** Events were lost: the socket's memory was full. */
  readonly overrun: boolean;
}

/** A route netlink socket that hears of changes to interfaces and lists them. It never blocks. */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(DATAGRAM_OCTETS);
  #sequence = 0;

  /** @throws {Error} naming the errno when the kernel refuses. */
  constructor() {
    this.#fd = succeed("socket", libc().socket(AF_NETLINK, SOCK_RAW_CLOEXEC_NONBLOCK, NETLINK_ROUTE));
    const address = new Uint8Array(12); // struct sockaddr_nl: family, pad, pid, groups
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_NETLINK, true);
    view.setUint32(8, RTMGRP_LINK, true);
    succeed("bind", libc().bind(this.#fd, address, address.length));
  }

  /**
   * Reads whatever waits.
   * @throws {DecodeError} when a datagram is none of netlink's; what follows it is read the next time.
   */
  drain(): Drained {
    const messages: NetlinkMessage[] = []; // bounded by the socket's memory
    for (let overrun = false; ; ) {
      const octets = libc().recv(this.#fd, this.#buffer, this.#buffer.length, 0);
      if (octets >= 0) {
        for (const message of decodeNetlink(this.#buffer.subarray(0, octets))) messages.push(message);
        continue;
      }
      const errno = koffi.errno();
      if (errno === EAGAIN) return { messages, overrun };
      if (errno === ENOBUFS) overrun = true;
      else if (errno !== EINTR) throw new Error(`recv on a netlink socket failed: errno ${errno}`);
    }
  }

  /**
   * Lists every interface, without waiting: the kernel makes each part of the answer as it is read.
   *
   * @returns `undefined` when something changed meanwhile, so that the list may be torn: ask again.
   * @throws {DecodeError} as {@link drain} does.
   */
  list(): readonly Link[] | undefined {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const request = encodeLinkDump(sequence);
    succeed("send", libc().send(this.#fd, request, request.length, 0));
    const { messages, overrun } = this.drain();
    const answer = messages.filter((message) => message.sequence === sequence);
    const end = answer.at(-1);
    if (overrun || messages.length !== answer.length || end?.type !== "done" || !end.consistent) {
      return undefined;
    }
    return answer.flatMap((message) => (message.type === "link" ? [message.link] : []));
  }

  close(): void {
    libc().close(this.#fd);
  }
}

interface Libc {
  socket(domain: number, type: number, protocol: number): number;
  bind(fd: number, address: Uint8Array, octets: number): number;
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
    bind: library.func("int bind(int, void *, uint32_t)"),
    send: library.func("intptr_t send(int, void *, size_t, int)"),
    recv: library.func("intptr_t recv(int, void *, size_t, int)"),
    close: library.func("int close(int)"),
  } as unknown as Libc;
  return loaded;
}

function succeed(call: string, result: number): number {
  if (result < 0) throw new Error(`${call} of a netlink socket failed: errno ${koffi.errno()}`);
  return result;
}
