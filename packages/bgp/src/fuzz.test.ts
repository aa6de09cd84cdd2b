import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { Framer } from "./framer.ts";
import { frame, HEADER_OCTETS } from "./header.ts";
import { MESSAGE_TYPE } from "./iana.ts";
import { encodeMessage } from "./message.ts";
import { notificationFor } from "./message-error.ts";
import { decodeNlri } from "./nlri.ts";
import { cease, decodeNotification, describeNotification, hardReset } from "./notification.ts";
import { decodeOpen, encodeOpen } from "./open.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "./route-refresh.ts";
import { OPEN, UPDATE } from "./testdata/arbitraries.ts";
import { decodeUpdate, encodeUpdate, type UpdateContext } from "./update.ts";

/** Inputs to try. More of them: `HERALD_BGP_FUZZ=1000000`. */
const INPUTS = Number(process.env["HERALD_BGP_FUZZ"] ?? 40_000);

const CONTEXTS: readonly UpdateContext[] = [
  { asnOctets: 4, external: true, pathIds: [] },
  { asnOctets: 2, external: false, pathIds: [4, 6] },
];

/** Good ones to begin with, each with its header. */
const samples: readonly Uint8Array[] = [
  ...fc.sample(OPEN, { numRuns: 60, seed: 1 }).map((open) => encodeMessage(open)),
  ...fc
    .sample(UPDATE, { numRuns: 200, seed: 2 })
    .map(({ update }, index) => frame(MESSAGE_TYPE.update, encodeUpdate(update, index % 2 === 0 ? 4 : 2))),
  encodeMessage(hardReset(cease(2, "bye"))),
  encodeMessage({ type: "route-refresh", family: { afi: 1, safi: 1 }, subtype: 0 }),
  encodeMessage({ type: "keepalive" }),
];

/** Either a value whose octets can be written again, or a DecodeError with an answer. */
function survive(type: number, body: Uint8Array): "taken" | "refused" {
  try {
    take(type, body);
    return "taken";
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const answer = notificationFor(error, type);
    if (answer !== undefined) describeNotification(answer);
    return "refused";
  }
}

function take(type: number, body: Uint8Array): void {
  switch (type) {
    case MESSAGE_TYPE.open: {
      const open = decodeOpen(body);
      assert.equal(decodeOpen(encodeOpen({ ...open, capabilities: [] })).asn, open.asn);
      return;
    }
    case MESSAGE_TYPE.update:
      for (const context of CONTEXTS) takeUpdate(body, context);
      return;
    case MESSAGE_TYPE.notification:
      describeNotification(decodeNotification(body));
      return;
    case MESSAGE_TYPE.routeRefresh:
      encodeRouteRefresh(decodeRouteRefresh(body));
  }
}

function takeUpdate(body: Uint8Array, context: UpdateContext): void {
  const { update } = decodeUpdate(body, context);
  const fields = [update.withdrawn, update.announced, update.reach?.nlri, update.unreach];
  for (const field of fields) {
    if (field !== undefined) assert.equal(decodeNlri(field).length, field.count);
  }
  const again = decodeUpdate(encodeUpdate(update, context.asnOctets), { ...context, external: false });
  assert.deepEqual(again.update.announced, update.announced);
}

describe("the decoders under rubbish", () => {
  it("refuse every sample that is cut off, or take what is left", () => {
    for (const sample of samples.filter((_, index) => index % 5 === 0)) {
      for (let end = HEADER_OCTETS; end < sample.length; end += 1) {
        survive(sample[18] as number, sample.subarray(HEADER_OCTETS, end));
      }
    }
  });

  it(`survive ${INPUTS} messages in which something changed`, () => {
    const random = new SeededRandom(11);
    const outcomes = { taken: 0, refused: 0 };
    for (let turn = 0; turn < INPUTS; turn += 1) {
      const sample = samples[turn % samples.length] as Uint8Array;
      const body = mutated(sample.subarray(HEADER_OCTETS), random);
      outcomes[survive(sample[18] as number, body)] += 1;
    }
    assert.ok(outcomes.taken > INPUTS / 50 && outcomes.refused > INPUTS / 50, JSON.stringify(outcomes));
  });

  it("survive anything that comes out of a connection", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), fc.integer({ min: 1, max: 5 }), (body, type) => {
        survive(type, body);
        const framer = new Framer();
        framer.push(body);
        try {
          framer.next();
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

/** One to three changes. */
function mutated(bytes: Uint8Array, random: SeededRandom): Uint8Array {
  const octets = [...bytes];
  for (let left = 1 + below(3, random); left > 0; left -= 1) {
    CHANGES[below(CHANGES.length, random)]?.(octets, below(octets.length + 1, random), random);
  }
  return Uint8Array.from(octets);
}

const CHANGES: readonly ((octets: number[], at: number, random: SeededRandom) => void)[] = [
  function flipBit(octets, at, random) {
    octets[at] = (octets[at] ?? 0) ^ (1 << below(8, random));
  },
  function setOctet(octets, at, random) {
    octets[at] = below(256, random);
  },
  function leaveOut(octets, at, random) {
    octets.splice(at, below(8, random));
  },
  function double(octets, at, random) {
    octets.splice(at, 0, ...octets.slice(at, at + below(8, random)));
  },
  function cutOff(octets, at, random) {
    if (below(4, random) === 0) octets.length = Math.min(octets.length, at);
  },
];

function below(end: number, random: SeededRandom): number {
  return Math.floor(random.next() * end);
}
