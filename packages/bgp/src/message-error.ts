import { DecodeError, type DecodeReason } from "@herald/wire/bytes";
import { ERROR, HEADER_ERROR, MESSAGE_TYPE, OPEN_ERROR, REFRESH_ERROR, UPDATE_ERROR } from "./iana.ts";
import { type Notification, notification } from "./notification.ts";

/** A message that costs the session, and what to tell its sender before it is closed (RFC 4271 §6). */
export class MessageError extends DecodeError {
  readonly notification: Notification;
  constructor(reason: DecodeReason, field: string, detail: string, answer: Notification) {
    super(reason, field, detail);
    this.notification = answer;
  }
}

/**
 * The NOTIFICATION that an error deserves.
 *
 * @param type of the message that was refused; `undefined` while not even its header was read.
 * @returns `undefined` for a NOTIFICATION: nobody answers one (RFC 4271 §6.4).
 */
export function notificationFor(error: DecodeError, type: number | undefined): Notification | undefined {
  if (type === MESSAGE_TYPE.notification) return undefined;
  if (error instanceof MessageError) return error.notification;
  switch (type) {
    case MESSAGE_TYPE.open:
      return notification(ERROR.open, OPEN_ERROR.unspecific);
    case MESSAGE_TYPE.update:
      return notification(ERROR.update, UPDATE_ERROR.malformedAttributeList);
    case MESSAGE_TYPE.routeRefresh:
      return notification(ERROR.routeRefresh, REFRESH_ERROR.invalidLength);
    default:
      return notification(ERROR.header, HEADER_ERROR.badLength);
  }
}
