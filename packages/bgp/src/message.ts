import { frame } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import { encodeNotification, type Notification } from "./notification.ts";
import { encodeOpen, type Open } from "./open.ts";
import { encodeRouteRefresh, type RouteRefresh } from "./route-refresh.ts";

/** All but UPDATE, whose octets depend on what was negotiated. */
export type Message = Open | Notification | RouteRefresh | { readonly type: "keepalive" };

export type MessageName = "open" | "update" | "notification" | "keepalive" | "route-refresh";

/** @returns the whole message, header first. */
export function encodeMessage(message: Message): Uint8Array {
  switch (message.type) {
    case "open":
      return frame(MESSAGE_TYPE.open, encodeOpen(message));
    case "notification":
      return frame(MESSAGE_TYPE.notification, encodeNotification(message));
    case "route-refresh":
      return frame(MESSAGE_TYPE.routeRefresh, encodeRouteRefresh(message));
    case "keepalive":
      return frame(MESSAGE_TYPE.keepalive, NOTHING);
  }
}

const NOTHING = new Uint8Array(0);
