import { Server, type Socket } from "node:net";
import { parseAddress } from "@herald/shared/ip/address";
import { ownAlone } from "../bgp-next-hops.ts";
import type { BgpArrival, BgpDoor, BgpDoorListeners, BgpIncomingPort } from "../bgp-port.ts";
import { TcpConnection } from "./bgp-connection.ts";
import { openBgpDoor, sourceTowards } from "./bgp-socket-options.ts";
import { SocketError } from "./kernel-socket.ts";

/** Connections that nobody has looked at yet; the kernel drops further ones, and they are tried again. */
const WAITING_MAX = 16;

/** Where routers connect to, of this machine's kernel. */
export const bgpListeners: BgpIncomingPort = { sourceTowards, listen };

function listen(door: BgpDoor, listeners: BgpDoorListeners): () => void {
  const server = new Server();
  let isOpen = true;
  const fail = (why: string): void => {
    if (!isOpen) return;
    isOpen = false;
    server.close();
    listeners.onFailed(why);
  };
  server.on("listening", () => {
    if (isOpen) listeners.onListening();
  });
  server.on("connection", (socket) => {
    const arrival = isOpen ? arrivalOf(socket) : undefined;
    if (arrival === undefined) socket.destroy();
    else listeners.onArrival(arrival);
  });
  server.on("error", (error) => fail(error.message));
  try {
    const { fd, keptOut } = openBgpDoor(door);
    for (const { target, why } of keptOut) queueMicrotask(() => isOpen && listeners.onKeptOut(target, why));
    server.listen({ fd }, WAITING_MAX); // of a descriptor it passes over the option `backlog`
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    queueMicrotask(() => fail(error.message));
  }
  return () => {
    isOpen = false;
    server.close();
  };
}

/** @returns `undefined` for one that has ended already. */
function arrivalOf(socket: Socket): BgpArrival | undefined {
  const [from, own] = [parseAddress(socket.remoteAddress ?? ""), parseAddress(socket.localAddress ?? "")];
  if (from === undefined || own === undefined) return undefined;
  socket.on("error", () => {}); // "close" follows; who took it hears of it by listeners of its own
  return {
    from,
    onceGone: (callback) => socket.once("close", callback),
    take: (target, { onBytes, onClosed }) => {
      const { address, interface: link } = target; // not the port to connect from: this connection has another
      const connection = new TcpConnection({ onBytes, onClosed }, { address, interface: link });
      connection.use(socket);
      connection.reach(target); // whom the connection is from is only known now
      return { connection, local: connection.localAtFirst() ?? ownAlone(own) };
    },
    refuse: () => socket.resetAndDestroy(),
  };
}
