import type { Socket } from "node:net";
import type { LocalAddresses } from "@herald/bgp/export";
import { type IpAddress, parseAddress } from "@herald/shared/ip/address";
import { ownAlone } from "../bgp-next-hops.ts";
import type { BgpConnection, BgpListeners, BgpTarget, BgpTtls } from "../bgp-port.ts";
import { localAddresses } from "./bgp-local-addresses.ts";
import { setForPeer } from "./bgp-socket-options.ts";
import { SocketError } from "./kernel-socket.ts";

/** What may wait for a peer that does not read, octets: a million routes and more. */
const BACKLOG_MAX_OCTETS = 2 ** 26;

/** How long a peer may read nothing while something waits for it, ms (SendHoldTimer, RFC 9687 §5). */
const UNREAD_MAX_MS = 480_000;

/** How long a connection that is closed may take to get rid of what was sent, ms. */
const LINGER_MS = 2_000;

/** A TCP connection with a router, whoever began it. */
export class TcpConnection implements BgpConnection {
  readonly #listeners: Pick<BgpListeners, "onBytes" | "onClosed">;
  readonly #peer: IpAddress;
  /** Name of the interface that the peer's link-local address is on. */
  readonly #link: string | undefined;
  /** Whether the next connection needs this one's port, and so must find it free. */
  readonly #isPortOurs: boolean;
  #socket: Socket | undefined;
  /** Other TTLs than it was to have when it began to wait for its socket. */
  #ttls: BgpTtls | undefined;
  #over = false;
  /** Nothing is left of it. Why not the socket's `closed`: that is so before it is told, and while the kernel has it yet. */
  #isGone = false;
  /** Ends the wait for a peer that does not read. */
  #unread: NodeJS.Timeout | undefined;

  constructor(
    listeners: Pick<BgpListeners, "onBytes" | "onClosed">,
    { address, interface: link, sourcePort }: Pick<BgpTarget, "address" | "interface" | "sourcePort">,
  ) {
    this.#listeners = listeners;
    this.#peer = address;
    this.#link = link;
    this.#isPortOurs = sourcePort !== undefined;
  }

  /** Whether it was closed, or has ended. */
  get isOver(): boolean {
    return this.#over;
  }

  get ports(): { readonly local: number; readonly remote: number } {
    return { local: this.#socket?.localPort ?? 0, remote: this.#socket?.remotePort ?? 0 };
  }

  local(): LocalAddresses | undefined {
    const own = this.#own();
    return own && localAddresses(own, this.#peer, this.#link);
  }

  /** The same when it is new, and has at least its own address; `undefined` for one that has ended already. */
  localAtFirst(): LocalAddresses | undefined {
    const own = this.#own();
    return own && (this.local() ?? ownAlone(own));
  }

  #own(): IpAddress | undefined {
    const [bare = ""] = (this.#socket?.localAddress ?? "").split("%"); // a link-local one says on which link
    return parseAddress(bare);
  }

  /** What there is to read and write on, from now on. */
  use(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => {
      if (!this.#over) this.#listeners.onBytes(bytes);
    });
    socket.on("drain", () => {
      clearTimeout(this.#unread);
      this.#unread = undefined;
    });
    socket.on("error", (error) => this.#end(inWords(error)));
    socket.on("close", () => {
      this.#isGone = true;
      this.#end("");
    });
    if (this.#ttls !== undefined) this.reach(this.#ttls);
  }

  send(bytes: Uint8Array): void {
    const socket = this.#socket;
    if (this.#over || socket === undefined || socket.write(bytes)) return;
    this.#unread ??= setTimeout(() => this.giveUp("the peer reads nothing"), UNREAD_MAX_MS).unref();
    if (socket.writableLength > BACKLOG_MAX_OCTETS) {
      queueMicrotask(() => this.giveUp(`${socket.writableLength} octets wait for a peer that does not read`));
    }
  }

  reach(ttls: BgpTtls): void {
    const socket = this.#socket;
    this.#ttls = ttls;
    if (this.#over || socket === undefined) return;
    try {
      setForPeer(descriptorOf(socket), { address: this.#peer, ...ttls });
    } catch (error) {
      if (!(error instanceof SocketError)) throw error;
      queueMicrotask(() => this.giveUp(error.message));
    }
  }

  close(): void {
    this.#over = true;
    clearTimeout(this.#unread);
    const socket = this.#socket;
    if (socket === undefined) return;
    if (socket.connecting) {
      socket.destroy();
      return;
    }
    // Why not with that port: who ends a connection first cannot use the port to the same peer for a minute (TIME-WAIT).
    if (!this.#isPortOurs) socket.end();
    const late = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once("close", () => clearTimeout(late));
    socket.resume(); // what still comes is not read by anyone, and must not keep the end from being seen
  }

  /** Calls back when nothing is left of it, once it was made or tried. */
  onceGone(callback: () => void): void {
    if (this.#socket === undefined || this.#isGone) callback();
    else this.#socket.once("close", callback);
  }

  /** Ends it from this side for a reason that the listeners hear. */
  giveUp(why: string): void {
    this.#end(why);
    this.#socket?.destroy();
  }

  #end(why: string): void {
    clearTimeout(this.#unread);
    if (this.#over) return;
    this.#over = true;
    this.#listeners.onClosed(why);
  }
}

/** Node shows it nowhere else. */
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly fd: number } | null };
  return handle?.fd ?? -1;
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "refused: nobody listens there, or the peer does not know us",
  ECONNRESET: "reset by the peer",
  EHOSTUNREACH: "no such host on the segment, or no route from a router on the way",
  ENETUNREACH: "no route to it",
  ETIMEDOUT: "nobody answered",
  EADDRNOTAVAIL: "the source address is none of this node's, or the source port is not free again yet",
  EADDRINUSE: "the source port is taken: something on this node listens there, or connects from it",
  EACCES: "a source port below 1024 takes the capability NET_BIND_SERVICE",
  EPIPE: "the peer closed it",
};

function inWords(error: Error): string {
  const code = "code" in error ? String(error.code) : "";
  const words = WORDS[code];
  return words === undefined ? error.message : `${words} (${code})`;
}
