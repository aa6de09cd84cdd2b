import { Socket } from "node:net";
import { isLinkLocal } from "@herald/shared/ip/address";
import { scoped } from "../bgp-peer.ts";
import type { BgpConnection, BgpListeners, BgpPort, BgpTarget } from "../bgp-port.ts";
import { TcpConnection } from "./bgp-connection.ts";
import { openBgpSocket } from "./bgp-socket-options.ts";
import { SocketError } from "./kernel-socket.ts";

/** Connections of this machine's kernel. */
export const bgpSockets: BgpPort = { dial };

/** By both its ends; bounded by the targets that have a port to connect from. */
const fromPort = new Map<string, TcpConnection>();

function dial(target: BgpTarget, listeners: BgpListeners): BgpConnection {
  const connection = new TcpConnection(listeners, target);
  if (target.sourcePort === undefined) begin(connection, target, listeners);
  else beginFromPort(connection, target, listeners);
  return connection;
}

/** The kernel has one connection between two ends: the one before has to be gone, what it said last being heard. */
function beginFromPort(connection: TcpConnection, target: BgpTarget, listeners: BgpListeners): void {
  const { address, interface: link, port, source, sourcePort, vrf } = target;
  const ends = JSON.stringify([address, link, port, source, sourcePort, vrf]);
  const before = fromPort.get(ends);
  if (before !== undefined) {
    before.onceGone(() => beginFromPort(connection, target, listeners));
    return;
  }
  if (connection.isOver) return;
  fromPort.set(ends, connection);
  begin(connection, target, listeners);
  connection.onceGone(() => fromPort.delete(ends));
}

function begin(connection: TcpConnection, target: BgpTarget, listeners: BgpListeners): void {
  try {
    connect(connection, target, listeners);
  } catch (error) {
    if (!(error instanceof SocketError)) throw error;
    queueMicrotask(() => connection.giveUp(error.message));
  }
}

function connect(connection: TcpConnection, target: BgpTarget, listeners: BgpListeners): void {
  const { address, interface: link, port, source, sourcePort } = target;
  const socket = new Socket({ fd: openBgpSocket(target) });
  connection.use(socket);
  const local = {
    ...(source !== undefined && { localAddress: scoped(source, isLinkLocal(source) ? link : undefined) }),
    ...(sourcePort !== undefined && { localPort: sourcePort }),
  };
  socket.connect({ host: scoped(address, link), port, ...local }, () => {
    const local = connection.localAtFirst();
    if (local === undefined) connection.giveUp("the connection ended before it began");
    else if (!connection.isOver) listeners.onConnected(local);
  });
}
