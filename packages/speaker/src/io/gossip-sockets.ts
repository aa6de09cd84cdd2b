import { createSocket, type Socket as DatagramSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, Socket } from "node:net";
import type { Endpoint } from "@herald/gossip/message";
import { familyOf, fromOctets, type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import type { GossipListeners, GossipSockets } from "../gossip-port.ts";

export interface GossipSocketOptions {
  /** What others are told; both sockets are bound to it. */
  readonly address: IpAddress;
  /** UDP and TCP. */
  readonly port: number;
  /** How long a stream may take in all, ms. */
  readonly streamTimeoutMs: number;
  /** Streams that others may have open at once; more are turned away. */
  readonly streamsMax: number;
}

/** Asked for, not promised: a burst of a thousand members must not overrun the queue. */
const RECEIVE_BUFFER_OCTETS = 2 ** 21;

/**
 * Opens the sockets of the gossip.
 *
 * @throws when the port is taken or the address is none of this machine's.
 */
export async function openGossipSockets(
  options: GossipSocketOptions,
  listeners: GossipListeners,
): Promise<GossipSockets> {
  const datagrams = await bindDatagrams(options, listeners);
  try {
    return new Sockets(options, listeners, datagrams, await listen(options));
  } catch (error) {
    datagrams.close();
    throw error;
  }
}

class Sockets implements GossipSockets {
  readonly #listeners: GossipListeners;
  readonly #timeoutMs: number;
  readonly #datagrams: DatagramSocket;
  readonly #server: Server;
  readonly #dialled = new Map<number, Socket>(); // by stream; bounded by the core
  readonly #accepted = new Map<number, Socket>(); // by stream; bounded by streamsMax
  #accepts = 0;

  constructor(
    options: GossipSocketOptions,
    listeners: GossipListeners,
    datagrams: DatagramSocket,
    server: Server,
  ) {
    this.#listeners = listeners;
    this.#timeoutMs = options.streamTimeoutMs;
    this.#datagrams = datagrams;
    this.#server = server;
    server.on("connection", (socket) => this.#accept(socket));
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    this.#datagrams.send(bytes, to.port, fromOctets(to.address), (error) => {
      if (error !== null) this.#listeners.onSendFailed(to);
    });
  }

  dial(stream: number, to: Endpoint, bytes: Uint8Array): void {
    const socket = new Socket();
    this.#dialled.set(stream, socket);
    this.#limit(socket);
    const finish = (tell: () => void): void => {
      if (this.#dialled.get(stream) !== socket) return; // abandoned, or told already
      this.#dialled.delete(stream);
      socket.destroy();
      tell();
    };
    socket.on("data", (chunk) => {
      if (this.#dialled.get(stream) === socket) this.#listeners.onReply(stream, chunk);
    });
    socket.on("end", () => finish(() => this.#listeners.onReplyEnd(stream)));
    socket.on("error", (error) => finish(() => this.#listeners.onDialFailed(stream, whyFailed(error))));
    socket.on("close", () => finish(() => this.#listeners.onDialFailed(stream, "broken")));
    socket.connect({ host: fromOctets(to.address), port: to.port }, () => socket.write(bytes));
  }

  abandon(stream: number): void {
    const socket = this.#dialled.get(stream);
    this.#dialled.delete(stream);
    socket?.destroy();
  }

  answer(stream: number, bytes: Uint8Array): void {
    const socket = this.#accepted.get(stream);
    this.#accepted.delete(stream);
    socket?.end(bytes);
  }

  close(stream: number): void {
    const socket = this.#accepted.get(stream);
    this.#accepted.delete(stream);
    socket?.destroy();
  }

  async stop(): Promise<void> {
    for (const socket of [...this.#dialled.values(), ...this.#accepted.values()]) socket.destroy();
    this.#dialled.clear();
    this.#accepted.clear();
    const closed = Promise.all([once(this.#server, "close"), once(this.#datagrams, "close")]);
    this.#server.close();
    this.#datagrams.close();
    await closed;
  }

  #accept(socket: Socket): void {
    this.#accepts += 1;
    const stream = this.#accepts;
    this.#accepted.set(stream, socket);
    this.#limit(socket);
    socket.on("data", (chunk) => {
      if (this.#accepted.has(stream)) this.#listeners.onRequest(stream, chunk);
    });
    socket.on("end", () => {
      if (this.#accepted.has(stream)) this.#listeners.onRequestEnd(stream);
    });
    socket.on("error", () => {}); // "close" follows
    socket.on("close", () => {
      if (this.#accepted.delete(stream)) this.#listeners.onRequestEnd(stream);
    });
  }

  /** Nobody holds a stream for longer than its time, however slowly he speaks. */
  #limit(socket: Socket): void {
    const late = setTimeout(() => socket.destroy(), this.#timeoutMs);
    socket.once("close", () => clearTimeout(late));
    socket.setNoDelay(true);
  }
}

async function bindDatagrams(
  options: GossipSocketOptions,
  listeners: GossipListeners,
): Promise<DatagramSocket> {
  const { address, port } = options;
  const socket = createSocket({
    type: familyOf(address) === 4 ? "udp4" : "udp6",
    // Why: addresses are numbers here, and asking a resolver about them would cost a thread's turn each.
    lookup: (host, _, done) => done(null, host, familyOf(address)),
  });
  socket.on("message", (bytes, { address: from, port: fromPort }) => {
    const sender = parseAddress(from);
    if (sender !== undefined) listeners.onDatagram({ address: toOctets(sender), port: fromPort }, bytes);
  });
  const listening = once(socket, "listening"); // before the bind, which without a resolver is done at once
  socket.bind({ address, port });
  await listening; // rejects with the error of a failed bind
  socket.on("error", () => {}); // of a single send, which was told already
  socket.setRecvBufferSize(RECEIVE_BUFFER_OCTETS);
  return socket;
}

async function listen({ address, port, streamsMax }: GossipSocketOptions): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  server.maxConnections = streamsMax;
  server.listen({ host: address, port });
  await once(server, "listening");
  return server;
}

function whyFailed(error: Error): "refused" | "unreachable" | "broken" {
  const code = "code" in error ? error.code : "";
  if (code === "ECONNREFUSED") return "refused";
  return code === "EHOSTUNREACH" || code === "ENETUNREACH" || code === "ETIMEDOUT" ? "unreachable" : "broken";
}
