import { z } from "zod";
import { quoted } from "../../quoted.ts";
import { parseDuration } from "../duration.ts";
import { MAX_U32, readHoldTime, readOptionalAddress, readSeconds, textOf } from "../text-field.ts";
import type { Column, CrdKind, CrdVersion } from "./crd-kind.ts";
import { IMMUTABLE, type Rule, ruled, validations } from "./rules.ts";
import { selectors } from "./selectors.ts";
import { ADDRESS, DURATION, matches } from "./text-patterns.ts";

/** As MetalLB has it, though TCP knows more: a peer that says more could not go back. */
const MAX_PORT = 16_384;
const DEFAULT_PORT = 179;
const MAX_ADDRESS_LENGTH = 45;
const MAX_DURATION_LENGTH = 64;

function address(description: string) {
  const rule = {
    cel: `self == '' || ${matches(ADDRESS)}`,
    message: "want an IPv4 or IPv6 address",
  };
  return textOf({ description, maxLength: MAX_ADDRESS_LENGTH, ...validations([rule]) }, readOptionalAddress)
    .transform((read) => read.address)
    .optional();
}

const WANT_DURATION = "want a duration such as 90s or 1m30s, of at most 65535s";

function duration(
  description: string,
  { cel, message }: Pick<Rule<never>, "cel" | "message">,
  read: typeof readSeconds,
) {
  // Why in one rule: CEL would stumble over its own `duration` where the text is none.
  const rules = [{ cel: `${matches(DURATION)} && ${cel}`, message }];
  const unlessEmpty = (text: string) => (text === "" ? { mistake: WANT_DURATION } : read(text));
  return textOf({ description, maxLength: MAX_DURATION_LENGTH, ...validations(rules) }, unlessEmpty)
    .transform(({ seconds }) => seconds)
    .optional();
}

const IN_RANGE = "duration(self) >= duration('0s') && duration(self).getSeconds() <= 65535";

/** Whole seconds, at least one. */
function readConnectTime(text: string): ReturnType<typeof readSeconds> {
  const read = readSeconds(text);
  if ("mistake" in read || read.seconds === undefined) return read;
  const parsed = parseDuration(text);
  const isWhole = "milliseconds" in parsed && parsed.milliseconds === read.seconds * 1000;
  return isWhole && read.seconds > 0
    ? read
    : { mistake: `${quoted(text)} is no whole number of seconds, want at least "1s"` };
}

const asn = (minimum: number, description: string) =>
  z.int().min(minimum).max(MAX_U32).meta({ description, format: "int64" });

const flag = (description: string) => z.boolean().optional().meta({ description });

const FIELDS = {
  myASN: asn(1, "Our autonomous system number."),
  peerASN: asn(0, "The router's autonomous system number; this or `dynamicASN`.").optional(),
  dynamicASN: z.enum(["internal", "external"]).optional().meta({
    description:
      "Takes any number for the router's: `internal` our own, `external` any other. This or `peerASN`.",
  }),
  localASN: asn(1, "What we say our number is to this router, instead of `myASN`.").optional(),
  peerAddress: address("Address of the router; this or `interface`, or both for a link-local IPv6 address."),
  interface: z.string().optional().meta({
    description:
      "Interface to find the router on, by its link-local IPv6 address (unnumbered BGP); this or `peerAddress`. With a `peerAddress` that is link-local: the interface it is on.",
  }),
  sourceAddress: address(
    "Our own address for the session, of the family of the router's; by default the system chooses.",
  ),
  holdTime: duration(
    "How long the router may be silent before the session counts as lost, as a duration like `90s`: 0 for never, else at least 3s. By default 90s, or three times `keepaliveTime`.",
    {
      cel: `${IN_RANGE} && (duration(self).getSeconds() == 0 || duration(self).getSeconds() >= 3)`,
      message: `${WANT_DURATION}: 0s, or at least 3s`,
    },
    readHoldTime,
  ),
  keepaliveTime: duration(
    "How often we tell the router that we live; by default a third of `holdTime`.",
    { cel: IN_RANGE, message: WANT_DURATION },
    readSeconds,
  ),
  connectTime: duration(
    "How long to wait between two attempts to connect, in whole seconds.",
    {
      cel: `${IN_RANGE} && duration(self) >= duration('1s') && duration(self).getMilliseconds() % 1000 == 0`,
      message: `${WANT_DURATION}: whole seconds, at least 1s`,
    },
    readConnectTime,
  ),
  routerID: address("Our BGP identifier, as an address; by default one of the node's."),
  nodeSelectors: selectors("Nodes that connect to the router, by their labels; by default all."),
  password: z.string().optional().meta({
    description: "Secret for TCP MD5 signatures (RFC 2385), for everybody to read who may read this object.",
  }),
  passwordSecret: z
    .object({
      name: z.string().optional().meta({ description: "Name of the Secret." }),
      namespace: z
        .string()
        .optional()
        .meta({ description: "Not used: it is looked for beside this object." }),
    })
    .optional()
    .meta({
      description: "Secret of type `kubernetes.io/basic-auth`, whose key `password` is used like `password`.",
      "x-kubernetes-map-type": "atomic",
    }),
  bfdProfile: z.string().optional().meta({ description: "Name of a BFDProfile; by default no BFD." }),
  enableGracefulRestart: ruled(
    z.boolean().optional(),
    { description: "Whether the router keeps our routes while we restart (RFC 4724)." },
    [IMMUTABLE],
  ),
  ebgpMultiHop: flag("Whether a router of another autonomous system may be several hops away."),
  vrf: z.string().optional().meta({ description: "VRF of the node to connect in; by default the main one." }),
  peerPort: z
    .int()
    .min(0)
    .max(MAX_PORT)
    .default(DEFAULT_PORT)
    .meta({ description: "TCP port of the router; 0 means 179." }),
  dualStackAddressFamily: z.boolean().default(false).meta({
    description: "Whether prefixes of both families go over this session, and not only those of its own.",
  }),
  disableMP: z
    .boolean()
    .default(false)
    .meta({ description: "Does nothing any more; use `dualStackAddressFamily`." }),
};

const isSet = (text: unknown) => text !== undefined && text !== "";
const celSet = (field: string, nothing: string) => `(has(self.${field}) && self.${field} != ${nothing})`;

/** fe80::/10, of which the first 16 bits are told by any way to write it. */
const LINK_LOCAL = { pattern: /^fe[89ab][0-9a-f]:/i, cel: "(?i)^fe[89ab][0-9a-f]:" };

/** As much of a parsed spec as the rules look at. */
interface Ruled {
  readonly myASN: number;
  readonly peerASN?: number | undefined;
  readonly dynamicASN?: string | undefined;
  readonly peerAddress?: string | undefined;
  readonly interface?: string | undefined;
  readonly holdTime?: number | undefined;
  readonly keepaliveTime?: number | undefined;
  readonly password?: string | undefined;
  readonly passwordSecret?: { readonly name?: string | undefined } | undefined;
  readonly ebgpMultiHop?: boolean | undefined;
}

const RULES: readonly Rule<Ruled>[] = [
  {
    cel: `${celSet("peerASN", "0")} != has(self.dynamicASN)`,
    message: "want either peerASN or dynamicASN",
    holds: ({ peerASN, dynamicASN }) => ((peerASN ?? 0) !== 0) !== (dynamicASN !== undefined),
    at: "peerASN",
  },
  {
    cel: `${celSet("peerAddress", "''")} != ${celSet("interface", "''")} || (${celSet("interface", "''")} && has(self.peerAddress) && self.peerAddress.matches('${LINK_LOCAL.cel}'))`,
    message: "want either peerAddress or interface, or both where the address is link-local",
    holds: ({ peerAddress, interface: link }) =>
      isSet(peerAddress) !== isSet(link) || (isSet(link) && LINK_LOCAL.pattern.test(peerAddress ?? "")),
    at: "peerAddress",
  },
  {
    cel: "!has(self.holdTime) || !has(self.keepaliveTime) || duration(self.keepaliveTime).getSeconds() <= duration(self.holdTime).getSeconds()",
    message: "keepaliveTime is longer than holdTime",
    holds: ({ holdTime = Infinity, keepaliveTime = 0 }) => keepaliveTime <= holdTime,
    at: "keepaliveTime",
  },
  {
    cel: `!(${celSet("password", "''")} && has(self.passwordSecret) && has(self.passwordSecret.name) && self.passwordSecret.name != '')`,
    message: "want either password or passwordSecret",
    holds: ({ password, passwordSecret }) => !(isSet(password) && isSet(passwordSecret?.name)),
    at: "passwordSecret",
  },
  {
    cel: "!has(self.ebgpMultiHop) || !self.ebgpMultiHop || !has(self.peerASN) || self.peerASN != self.myASN",
    message: "routers of one autonomous system need no ebgpMultiHop: peerASN is myASN",
    holds: ({ ebgpMultiHop = false, peerASN, myASN }) => !ebgpMultiHop || peerASN !== myASN,
    at: "ebgpMultiHop",
  },
];

export const BgpPeerSpec = ruled(
  z.object(FIELDS),
  { description: "Who we are, where the router is, and how we speak with it." },
  RULES,
);

/** What tells its password, whatever is wrong with the rest. */
export const BgpPeerPasswordSpec = z.object({
  password: FIELDS.password,
  passwordSecret: FIELDS.passwordSecret,
});

export const BgpPeerStatus = z
  .object({
    sessions: z.int().optional().meta({
      description: "How many nodes are to have a session with the router.",
      format: "int64",
    }),
    established: z.int().optional().meta({
      description: "How many of them have one, as far as they are ready.",
      format: "int64",
    }),
    summary: z.string().optional().meta({ description: "Both in words." }),
    troubles: z
      .array(z.string().meta({ description: "A node, and what went wrong there last." }))
      .optional()
      .meta({ description: "Nodes without a session, or that are not ready, sorted; the first ten." }),
  })
  .meta({
    description:
      "How many nodes have a session; the controller sums up the BGPSessionStates, which say more.",
  });

const COLUMNS: readonly Column[] = [
  { name: "Address", type: "string", jsonPath: ".spec.peerAddress", description: "Address of the router." },
  { name: "ASN", type: "string", jsonPath: ".spec.peerASN", description: "The router's number." },
  {
    name: "BFD Profile",
    type: "string",
    jsonPath: ".spec.bfdProfile",
    description: "Name of its BFDProfile.",
  },
  {
    name: "Multi Hops",
    type: "string",
    jsonPath: ".spec.ebgpMultiHop",
    description: "Whether it may be several hops away.",
  },
  // Beyond MetalLB's, which therefore come first.
  {
    name: "Sessions",
    type: "string",
    jsonPath: ".status.summary",
    description: "How many nodes have a session with it.",
  },
];

const COMMON: Pick<CrdVersion, "spec" | "needsSpec" | "status" | "columns"> = {
  spec: BgpPeerSpec,
  needsSpec: true,
  status: BgpPeerStatus,
  columns: COLUMNS,
};

/**
 * Both versions have the same fields, so that nothing is lost when the old one is used to change what the new one
 * wrote: the API server drops on the way whatever the version that is asked for does not know, and converts nothing.
 */
export const BGP_PEER: CrdKind = {
  kind: "BGPPeer",
  plural: "bgppeers",
  about: "A BGP router that nodes connect to.",
  versions: [
    {
      name: "v1beta1",
      isStored: false,
      deprecationWarning: "v1beta1 is deprecated, please use v1beta2",
      ...COMMON,
    },
    { name: "v1beta2", isStored: true, ...COMMON },
  ],
};
