import { z } from "zod";
import { readRange, textOf } from "../text-field.ts";
import type { Column, CrdKind } from "./crd-kind.ts";
import { validations } from "./rules.ts";
import { names, selectors } from "./selectors.ts";
import { matches, RANGE } from "./text-patterns.ts";

/** More than anybody has; the API server must afford to look at each. */
const MAX_ADDRESSES = 3_000;
const MAX_RANGE_LENGTH = 128;
const [MIN_I32, MAX_I32] = [-0x8000_0000, 0x7fff_ffff];

const address = textOf(
  {
    description: "A CIDR (`192.0.2.0/24`) or both ends of a range (`192.0.2.10-192.0.2.40`).",
    maxLength: MAX_RANGE_LENGTH,
    ...validations([
      {
        cel: matches(RANGE),
        message:
          "want a CIDR such as 192.0.2.0/24, 192.0.2.7/32 for a single address, or a range such as 192.0.2.10-192.0.2.40",
      },
    ]),
  },
  readRange,
);

const serviceAllocation = z.object({
  priority: z.int().min(MIN_I32).max(MAX_I32).optional().meta({
    description: "Pools with a lower number are preferred; 0 comes last.",
    format: "int32",
  }),
  namespaces: names(
    "Namespaces whose Services may use the pool; together with `namespaceSelectors`, by default all.",
    "Name of a namespace.",
  ),
  namespaceSelectors: selectors("Namespaces whose Services may use the pool, by their labels."),
  serviceSelectors: selectors("Services that may use the pool, by their labels; by default all."),
});

export const IpAddressPoolSpec = z
  .object({
    addresses: z.array(address).min(1).max(MAX_ADDRESSES).meta({
      description: "The addresses of the pool, given out in this order; IPv4 and IPv6 may be mixed.",
    }),
    autoAssign: z.boolean().default(true).meta({
      description: "Whether Services that ask for no pool and no address may be served from here.",
    }),
    avoidBuggyIPs: z.boolean().default(false).meta({
      description: "Never give out IPv4 addresses that end in .0 or .255, which old equipment drops.",
    }),
    serviceAllocation: serviceAllocation.optional().meta({
      description: "Which Services may use the pool, and how it ranks among those that they may use.",
    }),
  })
  .meta({ description: "Which addresses, and for whom." });

const count = (description: string) => z.int().meta({ description, format: "int64" });

export const IpAddressPoolStatus = z
  .object({
    assignedIPv4: count("IPv4 addresses in use; a shared one counts once."),
    assignedIPv6: count("IPv6 addresses in use; a shared one counts once."),
    availableIPv4: count("IPv4 addresses that can still be given out."),
    availableIPv6: count("IPv6 addresses that can still be given out; huge numbers stop at 2^53 - 1."),
  })
  .meta({ description: "How full the pool is; the controller writes it." });

/** Beyond MetalLB's, which therefore come first. */
const COUNT_COLUMNS: readonly Column[] = [
  {
    name: "Free IPv4",
    type: "integer",
    jsonPath: ".status.availableIPv4",
    description: "IPv4 addresses that can still be given out.",
  },
  {
    name: "Free IPv6",
    type: "integer",
    jsonPath: ".status.availableIPv6",
    description: "IPv6 addresses that can still be given out.",
  },
  {
    name: "Used IPv4",
    type: "integer",
    jsonPath: ".status.assignedIPv4",
    description: "IPv4 addresses in use.",
    priority: 10,
  },
  {
    name: "Used IPv6",
    type: "integer",
    jsonPath: ".status.assignedIPv6",
    description: "IPv6 addresses in use.",
    priority: 10,
  },
];

export const IP_ADDRESS_POOL: CrdKind = {
  kind: "IPAddressPool",
  plural: "ipaddresspools",
  about: "Addresses to give to Services of type LoadBalancer.",
  versions: [
    {
      name: "v1beta1",
      isStored: true,
      spec: IpAddressPoolSpec,
      needsSpec: true,
      status: IpAddressPoolStatus,
      columns: [
        {
          name: "Auto Assign",
          type: "boolean",
          jsonPath: ".spec.autoAssign",
          description: "Whether Services that ask for no pool may be served from here.",
        },
        {
          name: "Avoid Buggy IPs",
          type: "boolean",
          jsonPath: ".spec.avoidBuggyIPs",
          description: "Whether addresses that end in .0 or .255 are left out.",
        },
        {
          name: "Addresses",
          type: "string",
          jsonPath: ".spec.addresses",
          description: "The addresses of the pool.",
        },
        ...COUNT_COLUMNS,
      ],
    },
  ],
};
