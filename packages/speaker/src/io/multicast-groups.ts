import { createSocket, type Socket } from "node:dgram";
import type { IpAddress } from "@herald/shared/ip/address";
import type { GroupPort, Membership } from "../group-port.ts";

/** What one socket may hold: the kernel's default memory for options of a socket ends at some 365. */
const GROUPS_PER_SOCKET = 250;

/** A socket that is there to be in groups; nothing is read from it. */
interface Member {
  readonly socket: Socket;
  /** Bounded by GROUPS_PER_SOCKET. */
  readonly groups: Set<IpAddress>;
}

/**
 * The kernel's memberships, held by sockets. No socket serves two interfaces: the system is told of one by name, and
 * for a name that is gone it takes any, so that leaving a group there would leave it elsewhere.
 */
export function multicastGroups(): GroupPort {
  /** By index of the interface; bounded by the interfaces of the node, and the groups we are in on each. */
  const members = new Map<number, Member[]>();

  const leave = ({ interface: name, index, group }: Membership): void => {
    const ofInterface = members.get(index) ?? [];
    const member = ofInterface.find(({ groups }) => groups.has(group));
    if (member === undefined) return;
    member.groups.delete(group);
    if (member.groups.size > 0) {
      refusal(() => member.socket.dropMembership(group, zone(name))); // refused: it went with its interface
      return;
    }
    member.socket.close();
    const rest = ofInterface.filter((other) => other !== member);
    if (rest.length > 0) members.set(index, rest);
    else members.delete(index);
  };

  return {
    join: ({ interface: name, index, group }) => {
      const ofInterface = members.get(index) ?? [];
      if (ofInterface.some(({ groups }) => groups.has(group))) return "joined";
      const roomy = ofInterface.find(({ groups }) => groups.size < GROUPS_PER_SOCKET);
      const member = roomy ?? { socket: openSocket(), groups: new Set() };
      const refused = refusal(() => member.socket.addMembership(group, zone(name)));
      if (refused !== undefined) {
        if (roomy === undefined) member.socket.close();
        return { refused };
      }
      member.groups.add(group);
      if (roomy === undefined) members.set(index, [...ofInterface, member]);
      return "joined";
    },
    leave,
    leaveAll: () => {
      for (const { socket } of [...members.values()].flat()) socket.close();
      members.clear();
    },
  };
}

function openSocket(): Socket {
  const socket = createSocket({ type: "udp6", ipv6Only: true });
  socket.on("error", () => {}); // whoever writes to its port is not heard
  socket.unref();
  return socket;
}

function zone(name: string): string {
  return `::%${name}`;
}

/** @returns what the system said against it; `undefined` when it was done. */
function refusal(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error && "syscall" in error)) throw error;
    return error.message;
  }
}
