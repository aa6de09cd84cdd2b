import { Reader, Writer } from "@herald/wire/bytes";
import {
  CEASE,
  ERROR,
  HEADER_ERROR,
  OPEN_ERROR,
  REFRESH_ERROR,
  STATE_MACHINE_ERROR,
  UPDATE_ERROR,
} from "./iana.ts";
import { decodeText, encodeText } from "./text.ts";

/**
 * The last word on a connection (RFC 4271 §4.5), behind the header:
 *
 *   0      1         2
 *   | code | subcode | data … |
 */
export interface Notification {
  readonly type: "notification";
  /** `ERROR` in iana.ts. */
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** Longest text of a shutdown, octets of UTF-8 (RFC 9003 §2). */
export const MAX_SHUTDOWN_OCTETS = 255;

export function notification(code: number, subcode: number, data: Uint8Array = NOTHING): Notification {
  return { type: "notification", code, subcode, data };
}

/**
 * Cease with a word for the operator on the other side (RFC 9003 §2): one octet of length, then UTF-8.
 *
 * @param text cut off behind 255 octets; nothing is sent for an empty one.
 */
export function cease(subcode: number, text = ""): Notification {
  const octets = encodeText(text, MAX_SHUTDOWN_OCTETS);
  if (octets.length === 0) return notification(ERROR.cease, subcode);
  return notification(ERROR.cease, subcode, Uint8Array.of(octets.length, ...octets));
}

/** Wraps what would start a graceful restart, so that it does not (RFC 8538 §3.1). */
export function hardReset({ code, subcode, data }: Notification): Notification {
  return notification(ERROR.cease, CEASE.hardReset, Uint8Array.of(code, subcode, ...data));
}

/** @throws {DecodeError} `truncated` without code and subcode. */
export function decodeNotification(body: Uint8Array): Notification {
  const r = new Reader(body);
  const code = r.u8("notification.code");
  const subcode = r.u8("notification.subcode");
  return notification(code, subcode, r.rest().slice());
}

/** @returns what stands behind the header. */
export function encodeNotification({ code, subcode, data }: Notification): Uint8Array {
  return new Writer(new Uint8Array(2 + data.length)).u8(code).u8(subcode).bytes(data).finish();
}

/** `Cease, administrative shutdown: "back at noon"`; for logs and status. */
export function describeNotification({ code, subcode, data }: Notification): string {
  const inside = code === ERROR.cease && subcode === CEASE.hardReset && data.length >= 2;
  if (!inside) return describeOne(code, subcode, data);
  const { code: why, subcode: detail, data: rest } = decodeNotification(data);
  return `${describeCodes(code, subcode)} (${describeOne(why, detail, rest)})`;
}

function describeOne(code: number, subcode: number, data: Uint8Array): string {
  const text = shutdownText(code, subcode, data);
  return describeCodes(code, subcode) + (text === "" ? "" : `: "${text}"`);
}

/** @returns "" when there is none, or when it cannot be one. */
function shutdownText(code: number, subcode: number, data: Uint8Array): string {
  if (code !== ERROR.cease || (subcode !== CEASE.shutdown && subcode !== CEASE.reset)) return "";
  const octets = data[0] ?? 0;
  return octets < data.length ? decodeText(data.subarray(1, 1 + octets)) : "";
}

function describeCodes(code: number, subcode: number): string {
  const { name, subcodes } = NAMES[code] ?? { name: `error code ${code}`, subcodes: {} };
  if (subcode === 0) return name;
  return `${name}, ${subcodes[subcode] ?? `subcode ${subcode}`}`;
}

const NAMES: Readonly<Record<number, { name: string; subcodes: Readonly<Record<number, string>> }>> = {
  [ERROR.header]: {
    name: "message header error",
    subcodes: {
      [HEADER_ERROR.notSynchronized]: "connection not synchronized",
      [HEADER_ERROR.badLength]: "bad message length",
      [HEADER_ERROR.badType]: "bad message type",
    },
  },
  [ERROR.open]: {
    name: "OPEN message error",
    subcodes: {
      [OPEN_ERROR.unsupportedVersion]: "unsupported version number",
      [OPEN_ERROR.badPeerAs]: "bad peer AS",
      [OPEN_ERROR.badIdentifier]: "bad BGP identifier",
      [OPEN_ERROR.unsupportedParameter]: "unsupported optional parameter",
      [OPEN_ERROR.unacceptableHoldTime]: "unacceptable hold time",
      [OPEN_ERROR.unsupportedCapability]: "unsupported capability",
      [OPEN_ERROR.roleMismatch]: "role mismatch",
    },
  },
  [ERROR.update]: {
    name: "UPDATE message error",
    subcodes: {
      [UPDATE_ERROR.malformedAttributeList]: "malformed attribute list",
      [UPDATE_ERROR.unrecognizedWellKnown]: "unrecognized well-known attribute",
      [UPDATE_ERROR.missingWellKnown]: "missing well-known attribute",
      [UPDATE_ERROR.attributeFlags]: "attribute flags error",
      [UPDATE_ERROR.attributeLength]: "attribute length error",
      [UPDATE_ERROR.invalidOrigin]: "invalid ORIGIN attribute",
      [UPDATE_ERROR.invalidNextHop]: "invalid NEXT_HOP attribute",
      [UPDATE_ERROR.optionalAttribute]: "optional attribute error",
      [UPDATE_ERROR.invalidNetwork]: "invalid network field",
      [UPDATE_ERROR.malformedAsPath]: "malformed AS_PATH",
    },
  },
  [ERROR.holdTimer]: { name: "hold timer expired", subcodes: {} },
  [ERROR.stateMachine]: {
    name: "finite state machine error",
    subcodes: {
      [STATE_MACHINE_ERROR.openSent]: "unexpected message in OpenSent",
      [STATE_MACHINE_ERROR.openConfirm]: "unexpected message in OpenConfirm",
      [STATE_MACHINE_ERROR.established]: "unexpected message in Established",
    },
  },
  [ERROR.cease]: {
    name: "Cease",
    subcodes: {
      [CEASE.maxPrefixes]: "maximum number of prefixes reached",
      [CEASE.shutdown]: "administrative shutdown",
      [CEASE.deconfigured]: "peer de-configured",
      [CEASE.reset]: "administrative reset",
      [CEASE.rejected]: "connection rejected",
      [CEASE.otherConfigurationChange]: "other configuration change",
      [CEASE.collision]: "connection collision resolution",
      [CEASE.outOfResources]: "out of resources",
      [CEASE.hardReset]: "hard reset",
      [CEASE.bfdDown]: "BFD down",
    },
  },
  [ERROR.routeRefresh]: {
    name: "ROUTE-REFRESH message error",
    subcodes: { [REFRESH_ERROR.invalidLength]: "invalid message length" },
  },
  [ERROR.sendHoldTimer]: { name: "send hold timer expired", subcodes: {} },
};
