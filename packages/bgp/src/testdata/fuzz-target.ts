import assert from "node:assert/strict";
import type { FuzzTarget } from "@herald/lab/fuzz";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { frame } from "../header.ts";
import { MESSAGE_TYPE } from "../iana.ts";
import { encodeMessage } from "../message.ts";
import { notificationFor } from "../message-error.ts";
import { decodeNlri } from "../nlri.ts";
import { cease, decodeNotification, describeNotification, hardReset } from "../notification.ts";
import { decodeOpen, encodeOpen } from "../open.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "../route-refresh.ts";
import { decodeUpdate, encodeUpdate, type UpdateContext } from "../update.ts";
import { OPEN, UPDATE } from "./arbitraries.ts";

const CONTEXTS: readonly UpdateContext[] = [
  { asnOctets: 4, external: true, pathIds: [] },
  { asnOctets: 2, external: false, pathIds: [4, 6] },
];

/** Long enough for all that an UPDATE may have, if not at once. */
const SHORT_OCTETS = 200;
const ANY = 40;

/** Why mostly short ones: a change in them changes more, and more of them can be tried. */
const UPDATES = fc
  .sample(UPDATE, { numRuns: 800, seed: 2 })
  .map(({ update }, index) => frame(MESSAGE_TYPE.update, encodeUpdate(update, index % 2 === 0 ? 4 : 2)))
  .filter(({ length }, index) => index < ANY || length <= SHORT_OCTETS);

/** Where the type stands in a message. */
const TYPE_AT = 18;

/** Messages from their type on: what is before is the framer's. */
export const BGP_FUZZ: FuzzTarget = {
  name: "bgp",
  samples: [
    ...fc.sample(OPEN, { numRuns: 60, seed: 1 }).map((open) => encodeMessage(open)),
    ...UPDATES,
    encodeMessage(hardReset(cease(2, "bye"))),
    encodeMessage({ type: "route-refresh", family: { afi: 1, safi: 1 }, subtype: 0 }),
    encodeMessage({ type: "keepalive" }),
  ].map((message) => message.subarray(TYPE_AT)),
  judge: (input, thorough) => judgeMessage(input[0] ?? 0, input.subarray(1), thorough),
};

/** Either a value whose octets can be written again, or a DecodeError with an answer. */
export function judgeMessage(type: number, body: Uint8Array, thorough: boolean): "taken" | "refused" {
  try {
    take(type, body, thorough);
    return "taken";
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const answer = notificationFor(error, type);
    if (answer !== undefined) describeNotification(answer);
    return "refused";
  }
}

function take(type: number, body: Uint8Array, thorough: boolean): void {
  switch (type) {
    case MESSAGE_TYPE.open: {
      const open = decodeOpen(body);
      if (thorough) assert.deepEqual(decodeOpen(encodeOpen(open)), open);
      return;
    }
    case MESSAGE_TYPE.update:
      for (const context of thorough ? CONTEXTS : CONTEXTS.slice(0, 1)) takeUpdate(body, context, thorough);
      return;
    case MESSAGE_TYPE.notification:
      describeNotification(decodeNotification(body));
      return;
    case MESSAGE_TYPE.routeRefresh:
      encodeRouteRefresh(decodeRouteRefresh(body));
  }
}

function takeUpdate(body: Uint8Array, context: UpdateContext, thorough: boolean): void {
  const { update } = decodeUpdate(body, context);
  if (!thorough) return;
  for (const field of [update.withdrawn, update.announced, update.reach?.nlri, update.unreach]) {
    if (field !== undefined) assert.equal(decodeNlri(field).length, field.count);
  }
  const again = decodeUpdate(encodeUpdate(update, context.asnOctets), { ...context, external: false });
  assert.deepEqual(again.update.announced, update.announced);
}
