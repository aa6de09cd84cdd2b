import { Socket } from "node:net";
import { isLinkLocal } from "@herald/shared/ip/address";
import { scoped } from "../bgp-peer.ts";
import type { BgpConnection, BgpListeners, BgpPort, BgpTarget } from "../bgp-port.ts";
import { TcpConnection } from "./bgp-connection.ts";
import { openBgpSocket } from "./bgp-socket-options.ts";
import { SocketError } from "./kernel-socket.ts";

/** Connections of this machine's kernel. */
export const bgpSockets: BgpPort = { dial };

function dial(target: BgpTarget, listeners: BgpListeners): BgpConnection {
  const connection = new TcpConnection(listeners, target);
  try {
    connect(connection, target, listeners);
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    queueMicrotask(() => connection.giveUp(error.message));
  }
  return connection;
}

function connect(connection: TcpConnection, target: BgpTarget, listeners: BgpListeners): void {
  const { address, interface: link, port, source } = target;
  const socket = new Socket({ fd: openBgpSocket(target) });
  connection.use(socket);
  const local =
    source === undefined ? {} : { localAddress: scoped(source, isLinkLocal(source) ? link : undefined) };
  socket.connect({ host: scoped(address, link), port, ...local }, () => {
    const local = connection.localAtFirst();
    if (local === undefined) connection.giveUp("the connection ended before it began");
    else if (!connection.isOver) listeners.onConnected(local);
  });
}
