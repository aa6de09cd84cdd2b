import type { Interface } from "@herald/layer2/announcer";
import type { Clock, Instant } from "@herald/shared/core";
import { DecodeError } from "@herald/wire/bytes";
import type { Link } from "../interface-rules.ts";
import type { NetlinkMessage } from "./netlink-message.ts";
import { type Drained, NEWS, NetlinkSocket } from "./netlink-socket.ts";

/** How often the socket is looked at, ms. A look that finds nothing takes a microsecond. */
const LOOK_MS = 50;
/** Changes come in bursts: the list is made once one look found nothing new, or this long after the first, ms. */
const SETTLE_MAX_MS = 200;
/** The list is made this often even if nothing was heard, ms. */
const RESYNC_MS = 30_000;

export interface InterfaceWatchOptions {
  readonly clock: Clock;
  /** Called with every interface of this node at start, after every change, of its addresses too, and now and then without one. */
  readonly onLinks: (links: readonly Link[]) => void;
  /** Events were lost or made no sense; the whole list follows. */
  readonly onTrouble: (message: string) => void;
}

export interface InterfaceWatch {
  /** Asks the kernel whether this interface is there, by name, index and MAC. */
  isStill(station: Interface): boolean;
  /** Something else noticed a change: make the list at the next look. */
  refresh(): void;
  stop(): void;
}

const NEWSWORTHY: ReadonlySet<NetlinkMessage["type"]> = new Set([
  "link",
  "link-gone",
  "address",
  "address-gone",
]);

/**
 * Watches the network interfaces. Events only say that something changed; what is true is always the whole list.
 *
 * @throws {SocketError} when the kernel gives none.
 */
export function watchInterfaces({ clock, onLinks, onTrouble }: InterfaceWatchOptions): InterfaceWatch {
  const socket = new NetlinkSocket(NEWS.links | NEWS.addresses);
  let changedAt: Instant | undefined = clock.now() - SETTLE_MAX_MS;
  let listedAt = clock.now();

  const sync = (): void => {
    const links = guarded(() => socket.list() ?? "torn", onTrouble);
    if (links === "torn") return; // still changed: the next look tries again
    changedAt = undefined;
    listedAt = clock.now();
    if (links !== undefined) onLinks(links);
  };
  const look = (): void => {
    const now = clock.now();
    const heard = hasNews(
      guarded(() => socket.drain(), onTrouble),
      onTrouble,
    );
    if (heard || now - listedAt >= RESYNC_MS) changedAt ??= now;
    if (changedAt !== undefined && (!heard || now - changedAt >= SETTLE_MAX_MS)) sync();
    cancel = clock.at(now + LOOK_MS, look);
  };
  let cancel = clock.at(clock.now(), look);

  const refresh = (): void => {
    changedAt ??= clock.now();
  };

  return {
    refresh,
    isStill: ({ name, index, mac }) => {
      const list = (): readonly Link[] | undefined => guarded(() => socket.list(), onTrouble);
      let links = list();
      if (links === undefined) {
        refresh(); // events were read with the list
        links = list(); // and are no longer in the way
      }
      return links?.some((link) => link.name === name && link.index === index && link.mac === mac) ?? false;
    },
    stop: () => {
      cancel();
      socket.close();
    },
  };
}

function hasNews(drained: Drained | undefined, onTrouble: (message: string) => void): boolean {
  if (drained === undefined) return true;
  if (drained.overrun) onTrouble("events of interfaces were lost");
  return drained.overrun || drained.messages.some(({ type }) => NEWSWORTHY.has(type));
}

/** @returns `undefined` when the kernel's bytes made no sense. */
function guarded<T>(read: () => T, onTrouble: (message: string) => void): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    onTrouble(error.message);
    return undefined;
  }
}
