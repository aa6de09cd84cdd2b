import { fromOctets, type IpAddress, type IpFamily } from "@herald/shared/ip/address";
import fc from "fast-check";
import type { AsPath, AsSegment } from "../as-path.ts";
import type { Capability } from "../capability.ts";
import { encodeNlri, type Nlri, type NlriField } from "../nlri.ts";
import type { Open } from "../open.ts";
import type { PathAttributes } from "../path-attributes.ts";
import { type Prefix, prefixFrom } from "../prefix.ts";
import type { NextHop, Reach, Update, UpdateContext } from "../update.ts";

const U8 = fc.integer({ min: 0, max: 0xff });
const U16 = fc.integer({ min: 0, max: 0xffff });
const U32 = fc.integer({ min: 0, max: 0xffff_ffff });
const octets = (count: number) => fc.uint8Array({ minLength: count, maxLength: count });

function record<T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(fields, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const IPV4: fc.Arbitrary<IpAddress> = octets(4).map(fromOctets);
/** Documentation's own (RFC 3849): none that is an IPv4 address in disguise. */
const IPV6: fc.Arbitrary<IpAddress> = octets(12).map((low) => fromOctets(Uint8Array.of(0x20, 1, 0x0d, 0xb8, ...low)));

export const PREFIX = (family: IpFamily): fc.Arbitrary<Prefix> =>
  fc
    .tuple(octets(family === 4 ? 4 : 16), fc.integer({ min: 0, max: family === 4 ? 32 : 128 }))
    .map(([bits, length]) => prefixFrom(family, bits, length));

export const NLRI = (family: IpFamily, pathIds: boolean): fc.Arbitrary<readonly Nlri[]> =>
  fc.array(record<Nlri>({ prefix: PREFIX(family), pathId: pathIds ? U32 : fc.constant(undefined) }), {
    maxLength: 8,
  });

const FIELD = (family: IpFamily, pathIds: boolean): fc.Arbitrary<NlriField> =>
  NLRI(family, pathIds).map((all) => ({ ...encodeNlri(family, all), pathIds }));

const FAMILY = record({ afi: U16, safi: U8 });
const FLAG = fc.boolean();
/** What a capability of 255 octets has room for. */
const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 6 });
const NAME = fc.stringMatching(/^[a-z0-9.-]{0,60}$/);

export const CAPABILITY: fc.Arbitrary<Capability> = fc.oneof(
  record({ type: fc.constant("multiprotocol" as const), family: FAMILY }),
  fc.constantFrom(
    { type: "route-refresh" as const },
    { type: "extended-message" as const },
    { type: "enhanced-route-refresh" as const },
  ),
  record({
    type: fc.constant("extended-next-hop" as const),
    nextHops: list(record({ family: record({ afi: U16, safi: U16 }), nextHopAfi: U16 })),
  }),
  record({
    type: fc.constant("role" as const),
    role: fc.constantFrom("provider", "route-server", "route-server-client", "customer", "peer"),
  }),
  record({
    type: fc.constant("graceful-restart" as const),
    restarting: FLAG,
    notifications: FLAG,
    restartTimeSeconds: fc.integer({ min: 0, max: 0xfff }),
    families: list(record({ family: FAMILY, forwarding: FLAG })),
  }),
  record({ type: fc.constant("four-octet-asn" as const), asn: U32 }),
  record({
    type: fc.constant("add-path" as const),
    families: list(record({ family: FAMILY, mode: fc.constantFrom("receive", "send", "both") })),
  }),
  record({
    type: fc.constant("long-lived-graceful-restart" as const),
    families: list(
      record({ family: FAMILY, forwarding: FLAG, staleTimeSeconds: fc.integer({ min: 0, max: 0xff_ffff }) }),
    ),
  }),
  record({ type: fc.constant("fqdn" as const), host: NAME, domain: NAME }),
  record({
    type: fc.constant("unknown" as const),
    code: fc.integer({ min: 128, max: 255 }),
    value: fc.uint8Array({ maxLength: 20 }),
  }),
);

export const OPEN: fc.Arbitrary<Open> = record<Open>({
  type: fc.constant("open"),
  version: fc.constant(4),
  asn: U16,
  holdTimeSeconds: U16,
  routerId: IPV4,
  capabilities: fc.array(CAPABILITY, { maxLength: 20 }),
});

const SEGMENT = record<AsSegment>({
  type: fc.constantFrom("set", "sequence"),
  asns: fc.array(U32, { minLength: 1, maxLength: 6 }),
});
const AS_PATH: fc.Arbitrary<AsPath> = fc.array(SEGMENT, { maxLength: 4 });

const some = <T>(of: fc.Arbitrary<T>) => fc.array(of, { minLength: 1, maxLength: 5 });
const standard = fc.tuple(U16, U16).map((numbers) => numbers.join(":"));
const large = fc.tuple(U32, U32, U32).map((numbers) => numbers.join(":"));
const extended = octets(8).map((all) => Array.from(all, (one) => one.toString(16).padStart(2, "0")).join(""));

/** All that an internal peer may send; what is left out is absent, not `undefined`. */
const ATTRIBUTES: fc.Arbitrary<PathAttributes> = fc.record(
  {
    origin: fc.constantFrom("igp", "egp", "incomplete"),
    asPath: AS_PATH,
    nextHop: IPV4,
    localPref: U32,
    med: U32,
    atomicAggregate: fc.constant(true),
    aggregator: record({ asn: U32, address: IPV4 }),
    communities: some(standard),
    extendedCommunities: some(extended),
    largeCommunities: some(large).map((all) => [...new Set(all)]),
    originatorId: IPV4,
    clusterList: some(IPV4),
    onlyToCustomer: U32,
    unknown: fc.constant([{ flags: 0xe0, code: 200, value: Uint8Array.of(1, 2, 3) }]),
  },
  { noNullPrototype: true, requiredKeys: ["origin", "asPath", "nextHop", "localPref"] },
) as fc.Arbitrary<PathAttributes>;

const NEXT_HOP: fc.Arbitrary<NextHop> = record<NextHop>({
  address: IPV6,
  linkLocal: fc.option(IPV6, { nil: undefined }),
});

/** From within our AS, with ASNs of four octets. */
export const UPDATE: fc.Arbitrary<{ update: Update; context: UpdateContext }> = fc
  .subarray([4, 6] as IpFamily[])
  .chain((pathIds) => {
    const [four, six] = [pathIds.includes(4), pathIds.includes(6)];
    const reach = fc.constantFrom(4 as const, 6 as const).chain((family) =>
      record<Reach>({ nextHop: NEXT_HOP, nlri: FIELD(family, family === 4 ? four : six) }),
    );
    return record({
      context: fc.constant<UpdateContext>({ asnOctets: 4, external: false, pathIds }),
      update: record<Update>({
        type: fc.constant("update"),
        withdrawn: FIELD(4, four),
        attributes: ATTRIBUTES,
        announced: FIELD(4, four),
        reach: fc.option(reach, { nil: undefined }),
        unreach: fc.option(FIELD(6, six), { nil: undefined }),
      }),
    });
  });
