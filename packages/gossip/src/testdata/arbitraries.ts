import fc from "fast-check";
import type { DatagramMessage, Endpoint, PushPull, StreamMessage, Versions } from "../message.ts";

const U32 = fc.integer({ min: 0, max: 0xffff_ffff });
const NAME = fc.string({ unit: "grapheme", maxLength: 60 });
const OCTETS = fc.uint8Array({ maxLength: 300 });
const META = fc.uint8Array({ maxLength: 512, size: "max" });
const address = (octets: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: octets, maxLength: octets });
const ADDRESS = fc.oneof(address(4), address(16));

function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const ENDPOINT = record<Endpoint>({ address: ADDRESS, port: fc.integer({ min: 0, max: 0xffff }) });
const SOURCE = fc.option(
  record<Endpoint>({ address: ADDRESS, port: fc.integer({ min: 1, max: 0xffff }) }),
  { nil: undefined },
);
const U8 = fc.integer({ min: 0, max: 0xff });
const VERSIONS = record<Versions>({
  protocolMin: U8,
  protocolMax: U8,
  protocolCurrent: U8,
  applicationMin: U8,
  applicationMax: U8,
  applicationCurrent: U8,
});

const PING = {
  type: fc.constant("ping" as const),
  sequence: U32,
  node: NAME,
  source: SOURCE,
  sourceNode: NAME,
};
const ACK = { type: fc.constant("ack" as const), sequence: U32, payload: OCTETS };
const USER = { type: fc.constant("user" as const), payload: OCTETS };
const ACCUSATION = { incarnation: U32, node: NAME, from: NAME };
const MEMBER = { incarnation: U32, node: NAME, endpoint: ENDPOINT, meta: META, versions: VERSIONS };

export const DATAGRAM_MESSAGE: fc.Arbitrary<DatagramMessage> = fc.oneof(
  record(PING),
  record({
    ...PING,
    type: fc.constant("indirect-ping" as const),
    target: ENDPOINT,
    wantsNack: fc.boolean(),
  }),
  record(ACK),
  record({ type: fc.constant("nack" as const), sequence: U32 }),
  record({ type: fc.constant("suspect" as const), ...ACCUSATION }),
  record({ type: fc.constant("dead" as const), ...ACCUSATION }),
  record({ type: fc.constant("alive" as const), ...MEMBER }),
  record(USER),
);

const PUSH_PULL: fc.Arbitrary<PushPull> = record<PushPull>({
  type: fc.constant("push-pull" as const),
  join: fc.boolean(),
  nodes: fc.array(
    record({ ...MEMBER, state: fc.constantFrom("alive" as const, "suspect" as const, "dead" as const, "left" as const) }),
    { maxLength: 20 },
  ),
  userState: OCTETS,
});

export const STREAM_MESSAGE: fc.Arbitrary<StreamMessage> = fc.oneof(
  PUSH_PULL,
  record(PING),
  record(ACK),
  record(USER),
  record({ type: fc.constant("error" as const), text: NAME }),
);
