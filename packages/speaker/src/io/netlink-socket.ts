import type { OwnAddress } from "../bgp-next-hops.ts";
import type { Link } from "../interface-rules.ts";
import {
  bindSocket,
  closeSocket,
  netlinkAddress,
  openSocket,
  receiveFrom,
  SocketError,
  sendOn,
} from "./kernel-socket.ts";
import { decodeNetlink, encodeAddressDump, encodeLinkDump, type NetlinkMessage } from "./netlink-message.ts";

/** <linux/rtnetlink.h>: news of interfaces, and of addresses of both families. */
export const NEWS = { links: 0x1, addresses: 0x10 | 0x100 } as const;

/** The kernel's datagrams stay below 32 KiB. */
const DATAGRAM_OCTETS = 64 * 1024;

/** What the kernel said since the last time it was asked. */
export interface Drained {
  readonly messages: readonly NetlinkMessage[];
  /** Events were lost: the socket's memory was full. */
  readonly overrun: boolean;
}

/** A route netlink socket that hears of changes to interfaces, if it is to, and lists them. It never blocks. */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(DATAGRAM_OCTETS);
  #sequence = 0;

  /**
   * @param news what to hear of, of NEWS.
   * @throws {SocketError}
   */
  constructor(news = 0) {
    this.#fd = openSocket("netlink", "raw", (fd) => bindSocket(fd, "netlink", netlinkAddress(news)));
  }

  /**
   * Reads whatever waits.
   * @throws {SocketError} when the socket is broken.
   * @throws {DecodeError} when a datagram is none of netlink's; what follows it is read the next time.
   */
  drain(): Drained {
    const messages: NetlinkMessage[] = []; // bounded by the socket's memory
    for (let overrun = false; ; ) {
      const octets = receiveFrom(this.#fd, this.#buffer);
      if (octets === "EAGAIN") return { messages, overrun };
      if (typeof octets === "number") {
        for (const message of decodeNetlink(this.#buffer.subarray(0, octets))) messages.push(message);
      } else if (octets === "ENOBUFS") overrun = true;
      else if (octets !== "EINTR") throw new SocketError(`nothing can be read of netlink: ${octets}`);
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
    sendOn(this.#fd, encodeLinkDump(sequence));
    const { messages, overrun } = this.drain();
    const answer = messages.filter((message) => message.sequence === sequence);
    const end = answer.at(-1);
    if (overrun || messages.length !== answer.length || end?.type !== "done" || !end.consistent) {
      return undefined;
    }
    return answer.flatMap((message) => (message.type === "link" ? [message.link] : []));
  }

  /**
   * Lists every address of this node, without waiting, and passes over what else there is to read. What changes meanwhile may
   * be missing: who has to have it whole hears of that and asks again.
   *
   * @throws {SocketError}, {DecodeError} as {@link drain} does.
   */
  addresses(): readonly OwnAddress[] {
    this.#sequence += 1;
    sendOn(this.#fd, encodeAddressDump(this.#sequence));
    return this.drain().messages.flatMap((message) => (message.type === "address" ? [message.own] : []));
  }

  close(): void {
    closeSocket(this.#fd);
  }
}
