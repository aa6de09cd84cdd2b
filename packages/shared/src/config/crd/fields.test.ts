import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CrdVersion } from "./crd-kind.ts";
import { CRD_KINDS } from "./kinds.ts";
import { crdManifest, objectSchema, type StructuralSchema } from "./manifest.ts";

/** Every field below a node as a line: its path, what it takes, and what else the API server knows of it. */
function fieldsOf(schema: StructuralSchema, path: string): readonly string[] {
  if (schema.properties?.["matchLabels"] !== undefined) return [];
  const { properties = {}, items, required = [] } = schema;
  return [
    ...Object.entries(properties).flatMap(([name, field]) => {
      const at = `${path}${path === "" ? "" : "."}${name}`;
      const need = required.includes(name) ? ["required"] : [];
      return [`${at}: ${[...takes(field), ...need].join(", ")}`, ...fieldsOf(field, at)];
    }),
    ...(items === undefined
      ? []
      : items.properties === undefined
        ? [`${path}[]: ${takes(items).join(", ")}`]
        : fieldsOf(items, `${path}[]`)),
  ];
}

/** A field in words, without what it means. */
function takes(schema: StructuralSchema): readonly string[] {
  const { enum: choices, format, pattern, default: preset } = schema;
  return [
    typeOf(schema),
    ...(choices === undefined ? [] : [choices.join(" or ")]),
    ...boundsOf(schema),
    ...(format === undefined ? [] : [format]),
    ...(pattern === undefined ? [] : ["pattern"]),
    ...(schema["x-kubernetes-list-type"] === undefined ? [] : [schema["x-kubernetes-list-type"]]),
    ...(schema["x-kubernetes-validations"] === undefined ? [] : ["rules"]),
    ...(preset === undefined ? [] : [`default ${preset}`]),
  ];
}

function typeOf({ type, properties, items }: StructuralSchema): string {
  if (properties?.["matchLabels"] !== undefined) return "selector";
  return items?.properties?.["matchLabels"] === undefined ? type : "selectors";
}

function boundsOf(schema: StructuralSchema): readonly string[] {
  const bounds = [
    [schema.minimum, schema.maximum, ""],
    [schema.minLength, schema.maxLength, " characters"],
    [schema.minItems, schema.maxItems, " entries"],
  ] as const;
  return bounds.flatMap(([least, most, of]) =>
    least === undefined && most === undefined ? [] : [`${least ?? ""}..${most ?? ""}${of}`],
  );
}

const BASICS = ["apiVersion: string", "kind: string", "metadata: object"];

const fields = (version: CrdVersion) =>
  fieldsOf(objectSchema(version, ""), "").filter((line) => !BASICS.includes(line));

/** What both kinds of advertisement begin with. */
const ADVERTISEMENT = `
  spec.ipAddressPools: array, set
  spec.ipAddressPools[]: string, 1.. characters
  spec.ipAddressPoolSelectors: selectors, ..2000 entries
  spec.nodeSelectors: selectors, ..2000 entries
  spec.serviceSelectors: selectors, ..2000 entries`;

/** Both versions: what one knows the other does not lose. */
const PEER = `
  spec: object, rules, required
  spec.myASN: integer, 1..4294967295, int64, required
  spec.peerASN: integer, 0..4294967295, int64
  spec.dynamicASN: string, internal or external
  spec.localASN: integer, 1..4294967295, int64
  spec.peerAddress: string, ..45 characters, rules
  spec.interface: string
  spec.sourceAddress: string, ..45 characters, rules
  spec.holdTime: string, ..64 characters, rules
  spec.keepaliveTime: string, ..64 characters, rules
  spec.connectTime: string, ..64 characters, rules
  spec.routerID: string, ..45 characters, rules
  spec.nodeSelectors: selectors, ..2000 entries
  spec.password: string
  spec.passwordSecret: object
  spec.passwordSecret.name: string
  spec.passwordSecret.namespace: string
  spec.bfdProfile: string
  spec.enableGracefulRestart: boolean, rules
  spec.ebgpMultiHop: boolean
  spec.vrf: string
  spec.peerPort: integer, 0..16384, default 179
  spec.dualStackAddressFamily: boolean, default false
  spec.disableMP: boolean, default false
  status: object
    status.sessions: integer, int64
    status.established: integer, int64
    status.summary: string
    status.troubles: array
    status.troubles[]: string`;

const SERVICE_STATUS = `
  spec: object
  status: object
  status.node: string, rules
  status.serviceName: string, rules
  status.serviceNamespace: string, rules`;

/**
 * MetalLB's contract, field by field; where a bound or a rule is ours its webhook refuses the same, or nobody has
 * so many. Selectors are `metav1.LabelSelector`s, looked at below.
 */
const FIELDS: Readonly<Record<string, string>> = {
  "IPAddressPool v1beta1": `
    spec: object, required
    spec.addresses: array, 1..3000 entries, required
    spec.addresses[]: string, ..128 characters, rules
    spec.autoAssign: boolean, default true
    spec.avoidBuggyIPs: boolean, default false
    spec.serviceAllocation: object
    spec.serviceAllocation.priority: integer, -2147483648..2147483647, int32
    spec.serviceAllocation.namespaces: array, set
    spec.serviceAllocation.namespaces[]: string, 1.. characters
    spec.serviceAllocation.namespaceSelectors: selectors, ..2000 entries
    spec.serviceAllocation.serviceSelectors: selectors, ..2000 entries
    status: object
    status.assignedIPv4: integer, int64, required
    status.assignedIPv6: integer, int64, required
    status.availableIPv4: integer, int64, required
    status.availableIPv6: integer, int64, required`,
  "L2Advertisement v1beta1": `
    spec: object
    ${ADVERTISEMENT}
    spec.interfaces: array
    spec.interfaces[]: string, 1.. characters
    spec.preferredNodeSelectors: array, ..2000 entries
    spec.preferredNodeSelectors[].weight: integer, 1..100, int32, required
    spec.preferredNodeSelectors[].preference: selector, required
    status: object`,
  "BGPAdvertisement v1beta1": `
    spec: object, rules
    ${ADVERTISEMENT}
    spec.aggregationLength: integer, 1..32, int32, default 32
    spec.aggregationLengthV6: integer, 0..128, int32, default 128
    spec.localPref: integer, 0..4294967295, int64
    spec.communities: array, set
    spec.communities[]: string, 1.. characters
    spec.peers: array, set
    spec.peers[]: string, 1.. characters
    status: object`,
  "BGPPeer v1beta1": PEER,
  "BGPPeer v1beta2": PEER,
  "BFDProfile v1beta1": `
    spec: object
    spec.receiveInterval: integer, 10..60000, int32
    spec.transmitInterval: integer, 10..60000, int32
    spec.detectMultiplier: integer, 2..255, int32
    spec.echoInterval: integer, 10..60000, int32
    spec.echoMode: boolean
    spec.passiveMode: boolean
    spec.minimumTtl: integer, 1..254, int32
    status: object`,
  "Community v1beta1": `
    spec: object
    spec.communities: array, ..4000 entries
    spec.communities[].name: string, 1.. characters, required
    spec.communities[].value: string, ..64 characters, rules, required
    status: object`,
  "ServiceL2Status v1beta1": `
    ${SERVICE_STATUS}
    status.interfaces: array
    status.interfaces[].name: string`,
  "ServiceBGPStatus v1beta1": `
    ${SERVICE_STATUS}
    status.peers: array
    status.peers[]: string`,
  "BGPSessionState v1beta1": `
    status: object
    status.node: string
    status.peer: string
    status.address: string
    status.vrf: string
    status.bgpStatus: string, Established or Down
    status.bfdStatus: string, Up or Down or N/A
    status.since: string, date-time
    status.lastError: string
    status.lastErrorTime: string, date-time`,
  "ConfigurationState v1beta1": `
    status: object
    status.result: string, Valid or Invalid or Unknown
    status.errorSummary: string
    status.conditions: array, map
    status.conditions[].type: string, ..316 characters, pattern, required
    status.conditions[].status: string, True or False or Unknown, required
    status.conditions[].reason: string, 1..1024 characters, pattern, required
    status.conditions[].message: string, ..32768 characters, required
    status.conditions[].lastTransitionTime: string, date-time, required
    status.conditions[].observedGeneration: integer, 0.., int64`,
};

const POOL_COLUMNS = ["IPAddressPools: string", "IPAddressPool Selectors: string"];
const SERVICE_COLUMNS = ["Service Name: string", "Service Namespace: string"];
const PEER_COLUMNS = [
  "Address: string",
  "ASN: string",
  "BFD Profile: string",
  "Multi Hops: string",
  "Sessions: string",
];

/** Ours, after MetalLB's: how full a pool is. */
const COUNT_COLUMNS = [
  "Free IPv4: integer",
  "Free IPv6: integer",
  "(Used IPv4: integer)",
  "(Used IPv6: integer)",
];

/** What `kubectl get` shows; in brackets only with `--output=wide`. */
const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  "IPAddressPool v1beta1": [
    "Auto Assign: boolean",
    "Avoid Buggy IPs: boolean",
    "Addresses: string",
    ...COUNT_COLUMNS,
  ],
  "L2Advertisement v1beta1": [...POOL_COLUMNS, "Interfaces: string", "(Node Selectors: string)"],
  "BGPAdvertisement v1beta1": [...POOL_COLUMNS, "Peers: string", "(Node Selectors: string)"],
  "BGPPeer v1beta1": PEER_COLUMNS,
  "BGPPeer v1beta2": PEER_COLUMNS,
  "BFDProfile v1beta1": [
    "Passive Mode: boolean",
    "Transmit Interval: integer",
    "Receive Interval: integer",
    "Multiplier: integer",
  ],
  "Community v1beta1": [],
  "ServiceL2Status v1beta1": ["Allocated Node: string", ...SERVICE_COLUMNS],
  "ServiceBGPStatus v1beta1": ["Node: string", ...SERVICE_COLUMNS],
  "BGPSessionState v1beta1": [
    ...["Node: string", "Peer: string", "BGP: string", "BFD: string", "Since: date", "Last Error: string"],
    ...["(Address: string)", "(VRF: string)"],
  ],
  "ConfigurationState v1beta1": ["Result: string", "ErrorSummary: string", "Age: date"],
};

const VERSIONS = CRD_KINDS.flatMap((kind) => kind.versions.map((version) => ({ kind, version })));
const nameOf = ({ kind, version }: (typeof VERSIONS)[number]) => `${kind.kind} ${version.name}`;

describe("MetalLB's kinds", () => {
  it("are all there, and of others BGPSessionState alone", () => {
    assert.deepEqual(VERSIONS.map(nameOf).sort(), Object.keys(FIELDS).sort());
  });

  for (const each of VERSIONS) {
    const name = nameOf(each);
    it(`have its fields, types, defaults and bounds: ${name}`, () => {
      const lines = (FIELDS[name] ?? "").split("\n").map((line) => line.trim());
      assert.deepEqual(
        fields(each.version),
        lines.filter((line) => line !== ""),
      );
    });

    it(`show its columns: ${name}`, () => {
      const shown = each.version.columns.map(({ name, type, priority = 0 }) =>
        priority === 0 ? `${name}: ${type}` : `(${name}: ${type})`,
      );
      assert.deepEqual(shown, COLUMNS[name]);
    });
  }

  it("select by labels as everything in Kubernetes does", () => {
    const selectors = VERSIONS.flatMap(({ version }) => selectorsIn(objectSchema(version, "")));
    assert.equal(selectors.length, 11);
    for (const schema of selectors) {
      assert.equal(schema["x-kubernetes-map-type"], "atomic");
      const { matchLabels, matchExpressions } = schema.properties ?? {};
      assert.equal(matchLabels?.additionalProperties?.type, "string");
      assert.deepEqual(fieldsOf(matchExpressions as StructuralSchema, "").map(bare), [
        "[].key: string, required",
        "[].operator: string, In or NotIn or Exists or DoesNotExist, required",
        "[].values: array, atomic",
        "[].values[]: string",
      ]);
    }
  });

  it("are namespaced, served in every version, without short names, with a status that is written by itself", () => {
    for (const kind of CRD_KINDS) {
      const { spec } = crdManifest(kind) as { readonly spec: Manifest };
      const singular = kind.kind.toLowerCase();
      assert.deepEqual(
        { ...spec, versions: spec.versions.map(({ served, subresources }) => ({ served, subresources })) },
        {
          group: "metallb.io",
          names: { kind: kind.kind, listKind: `${kind.kind}List`, plural: kind.plural, singular },
          scope: "Namespaced",
          conversion: { strategy: "None", webhook: null },
          versions: kind.versions.map(() => ({ served: true, subresources: { status: {} } })),
        },
      );
    }
  });

  it("store BGPPeers in the new version and warn of the old one", () => {
    const peer = CRD_KINDS.find(({ kind }) => kind === "BGPPeer");
    const { spec } = crdManifest(peer as (typeof CRD_KINDS)[number]) as { readonly spec: Manifest };
    assert.deepEqual(
      spec.versions.map(({ name, storage, deprecated, deprecationWarning }) => [
        name,
        storage,
        deprecated,
        deprecationWarning,
      ]),
      [
        ["v1beta1", false, true, "v1beta1 is deprecated, please use v1beta2"],
        ["v1beta2", true, undefined, undefined],
      ],
    );
  });
});

interface Manifest {
  readonly versions: readonly {
    readonly name: string;
    readonly served: boolean;
    readonly storage: boolean;
    readonly subresources: object;
    readonly deprecated?: boolean;
    readonly deprecationWarning?: string;
  }[];
}

function selectorsIn(schema: StructuralSchema): readonly StructuralSchema[] {
  if (schema.properties?.["matchLabels"] !== undefined) return [schema];
  const below = [...Object.values(schema.properties ?? {}), ...(schema.items ? [schema.items] : [])];
  return below.flatMap(selectorsIn);
}

/** Without the patterns of label keys and values. */
function bare(line: string): string {
  return line.replace(", pattern", "");
}
