import { readFileSync } from "node:fs";
import { parseHex } from "@herald/lab/hex";
import type { IpFamily } from "@herald/shared/ip/address";
import type { AttributeError } from "../decode-attributes.ts";
import { Framer } from "../framer.ts";
import { frame } from "../header.ts";
import { MESSAGE_TYPE } from "../iana.ts";
import { encodeMessage, type Message } from "../message.ts";
import { decodeNlri, type NlriField } from "../nlri.ts";
import { decodeNotification } from "../notification.ts";
import { decodeOpen } from "../open.ts";
import type { PathAttributes } from "../path-attributes.ts";
import { formatPrefix } from "../prefix.ts";
import { decodeRouteRefresh } from "../route-refresh.ts";
import {
  type DecodedUpdate,
  decodeUpdate,
  encodeUpdate,
  type NextHop,
  type Update,
  type UpdateContext,
} from "../update.ts";

/** An UPDATE as a person reads it: prefixes as texts, with path ids as `1 203.0.113.0/24`; what is empty is not there. */
export interface ReadUpdate {
  readonly type: "update";
  readonly withdrawn?: readonly string[];
  readonly attributes: PathAttributes;
  readonly announced?: readonly string[];
  readonly reach?: { readonly nextHop: NextHop; readonly nlri: readonly string[] };
  readonly unreach?: { readonly family: IpFamily; readonly nlri: readonly string[] };
  readonly errors?: readonly AttributeError[];
  readonly treatAsWithdraw?: true;
}

/** A message that was recorded, and whether what it means is written by us in the same octets. */
export interface Heard {
  readonly message: Message | ReadUpdate;
  readonly isWrittenAlike: boolean;
}

/** @param name of a file beside this one, written by e2e/interop/bgp/record/record.ts: all that a router said. */
export function hearRecorded(name: string, context: UpdateContext): readonly Heard[] {
  const framer = new Framer();
  framer.push(parseHex(readFileSync(new URL(`recorded/${name}.hex`, import.meta.url), "utf8")));
  const heard: Heard[] = [];
  for (let next = framer.next(); next !== undefined; next = framer.next()) {
    const whole = frame(next.type, next.body);
    heard.push(next.type === MESSAGE_TYPE.update ? hearUpdate(whole, next.body, context) : hear(next.type, whole, next.body));
  }
  return heard;
}

function hear(type: number, whole: Uint8Array, body: Uint8Array): Heard {
  const message = decode(type, body);
  return { message, isWrittenAlike: equal(encodeMessage(message), whole) };
}

function decode(type: number, body: Uint8Array): Message {
  switch (type) {
    case MESSAGE_TYPE.open:
      return decodeOpen(body);
    case MESSAGE_TYPE.notification:
      return decodeNotification(body);
    case MESSAGE_TYPE.routeRefresh:
      return decodeRouteRefresh(body);
    default:
      return { type: "keepalive" };
  }
}

function hearUpdate(whole: Uint8Array, body: Uint8Array, context: UpdateContext): Heard {
  const decoded = decodeUpdate(body, context);
  const ours = frame(MESSAGE_TYPE.update, encodeUpdate(decoded.update, context.asnOctets));
  return { message: readUpdate(decoded), isWrittenAlike: equal(ours, whole) };
}

function readUpdate({ update, errors, treatAsWithdraw }: DecodedUpdate): ReadUpdate {
  const { type, withdrawn, attributes, announced, reach, unreach }: Update = update;
  return {
    type,
    ...(withdrawn.count > 0 && { withdrawn: textsOf(withdrawn) }),
    attributes,
    ...(announced.count > 0 && { announced: textsOf(announced) }),
    ...(reach && { reach: { nextHop: reach.nextHop, nlri: textsOf(reach.nlri) } }),
    ...(unreach && { unreach: { family: unreach.family, nlri: textsOf(unreach) } }),
    ...(errors.length > 0 && { errors }),
    ...(treatAsWithdraw && { treatAsWithdraw }),
  };
}

function textsOf(field: NlriField): readonly string[] {
  return decodeNlri(field).map(({ prefix, pathId }) =>
    pathId === undefined ? formatPrefix(prefix) : `${pathId} ${formatPrefix(prefix)}`,
  );
}

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((octet, index) => octet === other[index]);
}
