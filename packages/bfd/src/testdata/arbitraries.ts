import fc from "fast-check";
import type { ControlPacket } from "../packet.ts";

const U32 = fc.integer({ min: 0, max: 0xffffffff });

/** Any that can be encoded. */
export const PACKET: fc.Arbitrary<ControlPacket> = fc.record(
  {
    diagnostic: fc.integer({ min: 0, max: 31 }),
    state: fc.constantFrom("admin-down", "down", "init", "up"),
    poll: fc.boolean(),
    final: fc.boolean(),
    controlPlaneIndependent: fc.boolean(),
    demand: fc.boolean(),
    detectMultiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffffffff }),
    yourDiscriminator: U32,
    desiredMinTxMicros: U32,
    requiredMinRxMicros: U32,
    requiredMinEchoRxMicros: U32,
    authentication: fc.option(
      fc.record(
        { type: fc.integer({ min: 0, max: 255 }), data: fc.uint8Array({ maxLength: 229 }) },
        { noNullPrototype: true },
      ),
      { nil: undefined },
    ),
  },
  { noNullPrototype: true },
);
