import { z } from "zod";
import { parseCommunity } from "./community.ts";
import {
  DEFAULT_HOLD_TIME_SECONDS,
  labelKey,
  labelValue,
  MAX_U32,
  readAddress,
  readHoldTime,
  readOptionalAddress,
  readRange,
  readSeconds,
  textOf,
} from "./text-field.ts";

/** An address that may be left out, as it may be empty. */
function optionalAddress(description: string) {
  return textOf(description, readOptionalAddress)
    .transform(({ address }) => address)
    .optional();
}

const LabelExpressionSchema = z
  .strictObject({
    key: labelKey,
    operator: z
      .enum(["In", "NotIn", "Exists", "DoesNotExist"])
      .meta({ description: "How the label's value compares with `values`." }),
    values: z.array(labelValue).default([]).meta({ description: "For In and NotIn: at least one value." }),
  })
  .check(({ value: { operator, values }, issues }) => {
    const wantsValues = operator === "In" || operator === "NotIn";
    if (wantsValues === values.length > 0) return;
    const message = wantsValues ? `${operator} needs at least one value` : `${operator} takes no values`;
    issues.push({ code: "custom", input: values, path: ["values"], message });
  })
  .meta({ description: "One condition on a label." });

const NodeSelectorSchema = z
  .strictObject({
    "match-labels": z
      .record(labelKey, labelValue)
      .default({})
      .meta({ description: "Labels that the node must have." }),
    "match-expressions": z
      .array(LabelExpressionSchema)
      .default([])
      .meta({ description: "Conditions that must all hold." }),
  })
  .meta({ description: "Selects nodes by label; an empty one selects all." });

export const PeerSchema = z
  .strictObject({
    "my-asn": z.int().min(1).max(MAX_U32).meta({ description: "Our autonomous system number." }),
    "peer-asn": z.int().min(1).max(MAX_U32).meta({ description: "The router's autonomous system number." }),
    "peer-address": textOf("Address of the router.", readAddress).transform(({ address }) => address),
    "source-address": optionalAddress(
      "Our own address for the session, of the family of the router's; by default the system chooses.",
    ),
    "peer-port": z
      .int()
      .min(0)
      .max(0xffff)
      .default(179)
      .meta({ description: "TCP port of the router; 0 means 179." }),
    "hold-time": textOf(
      "How long the router may be silent before the session counts as lost, as a duration like `90s`: " +
        "0 for never, else at least 3s.",
      readHoldTime,
    )
      .transform(({ seconds }) => seconds ?? DEFAULT_HOLD_TIME_SECONDS)
      .prefault(`${DEFAULT_HOLD_TIME_SECONDS}s`),
    "keepalive-time": textOf(
      "How often we tell the router that we live; by default a third of `hold-time`.",
      readSeconds,
    )
      .transform(({ seconds }) => seconds)
      .optional(),
    "router-id": optionalAddress("Our BGP identifier; by default an address of the node."),
    "node-selectors": z
      .array(NodeSelectorSchema)
      .default([])
      .meta({ description: "Nodes that connect to the router, any selector matching; by default all." }),
    password: z.string().default("").meta({ description: "Secret for TCP MD5 signatures (RFC 2385)." }),
    "bfd-profile": z
      .string()
      .default("")
      .meta({ description: "Name of a `bfd-profiles` entry; by default no BFD." }),
    "ebgp-multihop": z
      .boolean()
      .default(false)
      .meta({ description: "Whether a router of another autonomous system may be several hops away." }),
  })
  .meta({ description: "A BGP router that speakers connect to." });

const AdvertisementSchema = z
  .strictObject({
    "aggregation-length": z
      .int()
      .min(0)
      .max(32)
      .default(32)
      .meta({ description: "Prefix length that IPv4 addresses are advertised with." }),
    "aggregation-length-v6": z
      .int()
      .min(0)
      .max(128)
      .default(128)
      .meta({ description: "Prefix length that IPv6 addresses are advertised with." }),
    localpref: z.int().min(0).max(MAX_U32).optional().meta({
      description: "LOCAL_PREF told to routers of our own autonomous system; 0 is as good as none.",
    }),
    communities: z
      .array(
        z.string().meta({ description: "A community like `64512:100` or `large:64512:100:7`, or an alias." }),
      )
      .default([])
      .meta({ description: "Communities to attach; aliases are those of `bgp-communities`." }),
  })
  .meta({ description: "How addresses of a pool are advertised to BGP routers." });

/** One `address-pools[]` entry. Unknown keys are errors: a typo must not fall back to a default. */
export const PoolSchema = z
  .strictObject({
    name: z.string().min(1).meta({ description: "Unique; Services name it in the address-pool annotation." }),
    protocol: z
      .enum(["layer2", "bgp"])
      .meta({ description: "How speakers announce addresses of this pool." }),
    addresses: z
      .array(textOf("A CIDR (`192.0.2.0/24`) or both ends of a range (`192.0.2.10-192.0.2.40`).", readRange))
      .min(1)
      .meta({
        description: "The addresses of the pool, given out in this order; IPv4 and IPv6 may be mixed.",
      }),
    "avoid-buggy-ips": z
      .boolean()
      .default(false)
      .meta({ description: "Never give out IPv4 addresses that end in .0 or .255." }),
    "auto-assign": z
      .boolean()
      .default(true)
      .meta({ description: "Whether Services that ask for no pool and no address may be served from here." }),
    "bgp-advertisements": z
      .array(AdvertisementSchema)
      .default([])
      .meta({ description: "Only with protocol bgp; by default one advertisement with its defaults." }),
  })
  .meta({ description: "A pool of addresses for Services." });

function bfdInterval(description: string) {
  return z.int().min(10).max(60_000).optional().meta({ description });
}

export const BfdProfileSchema = z
  .strictObject({
    name: z.string().min(1).meta({ description: "Unique; peers name it in `bfd-profile`." }),
    "receive-interval": bfdInterval("Shortest gap between packets that we can receive, in milliseconds."),
    "transmit-interval": bfdInterval("Shortest gap between packets that we want to send, in milliseconds."),
    "detect-multiplier": z
      .int()
      .min(2)
      .max(255)
      .optional()
      .meta({ description: "How many packets in a row must be missed before the session is down." }),
    "echo-interval": bfdInterval("Shortest gap between echo packets, in milliseconds."),
    "echo-mode": z.boolean().default(false).meta({ description: "Whether to use echo packets." }),
    "passive-mode": z
      .boolean()
      .default(false)
      .meta({ description: "Whether to wait for the router to start the session." }),
    "minimum-ttl": z
      .int()
      .min(1)
      .max(254)
      .optional()
      .meta({ description: "Lowest TTL of packets accepted over several hops." }),
  })
  .meta({ description: "Timers and modes of Bidirectional Forwarding Detection (RFC 5880)." });

const CommunitySchema = textOf("A community like `64512:100` or `large:64512:100:7`.", (text) =>
  parseCommunity(text),
).transform(({ community }) => community);

/** The whole document under the ConfigMap's key `config`. */
export const ConfigSchema = z
  .strictObject({
    "address-pools": z
      .array(PoolSchema)
      .default([])
      .meta({ description: "Where addresses for Services come from." }),
    peers: z.array(PeerSchema).default([]).meta({ description: "BGP routers that speakers connect to." }),
    "bfd-profiles": z
      .array(BfdProfileSchema)
      .default([])
      .meta({ description: "BFD settings that peers name." }),
    "bgp-communities": z
      .record(z.string(), CommunitySchema)
      .default({})
      .meta({ description: "Names for communities, for use in `bgp-advertisements`." }),
  })
  .meta({ title: "Configuration", description: "Configuration in the format of MetalLB's ConfigMap." });

export type ParsedConfig = z.output<typeof ConfigSchema>;
export type ParsedPool = z.output<typeof PoolSchema>;
export type ParsedPeer = z.output<typeof PeerSchema>;
export type ParsedBfdProfile = z.output<typeof BfdProfileSchema>;
