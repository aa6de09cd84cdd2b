import assert from "node:assert/strict";
import type { FuzzTarget } from "@herald/lab/fuzz";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { decodePacket, encodePacket } from "../packet.ts";
import { PACKET } from "./arbitraries.ts";

/** Control packets, as they stand behind UDP. */
export const BFD_FUZZ: FuzzTarget = {
  name: "bfd",
  samples: fc.sample(PACKET, { numRuns: 200, seed: 1 }).map(encodePacket),
  judge: (input, thorough) => {
    try {
      const packet = decodePacket(input);
      if (thorough) assert.deepEqual(decodePacket(encodePacket(packet)), packet);
      return "taken";
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return "refused";
    }
  },
};
