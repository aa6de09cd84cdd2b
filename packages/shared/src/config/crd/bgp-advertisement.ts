import { z } from "zod";
import { MAX_U32 } from "../text-field.ts";
import { ADVERTISEMENT_FIELDS, NODE_COLUMN, POOL_COLUMNS } from "./advertisement-fields.ts";
import type { CrdKind } from "./crd-kind.ts";
import { EmptyStatus } from "./empty-status.ts";
import { ruled } from "./rules.ts";
import { names } from "./selectors.ts";

export const BgpAdvertisementSpec = ruled(
  z.object({
    ...ADVERTISEMENT_FIELDS,
    aggregationLength: z.int().min(1).max(32).default(32).meta({
      description:
        "Prefix length that IPv4 addresses are advertised with. No entry of a pool may be narrower than it.",
      format: "int32",
    }),
    aggregationLengthV6: z.int().min(0).max(128).default(128).meta({
      description:
        "Prefix length that IPv6 addresses are advertised with. No entry of a pool may be narrower than it.",
      format: "int32",
    }),
    localPref: z.int().min(0).max(MAX_U32).optional().meta({
      description:
        "LOCAL_PREF told to routers of our own autonomous system; 0 is as good as none. Two advertisements of one prefix to one router must agree on it.",
      format: "int64",
    }),
    communities: names(
      "Communities to attach.",
      "A community like `64512:100` or `large:64512:100:7`, or a name that a Community object gives to one.",
    ),
    peers: names(
      "Routers to tell; by default all.",
      "Name of a BGPPeer; one that does not exist does no harm.",
    ),
  }),
  {
    description: "Which addresses, in which words, and to whom. Without anything: all of them, to everybody.",
  },
  [
    {
      cel: "!has(self.serviceSelectors) || size(self.serviceSelectors) == 0 || ((!has(self.aggregationLength) || self.aggregationLength == 32) && (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))",
      message:
        "serviceSelectors choose single addresses: with them aggregationLength must be 32 and aggregationLengthV6 128",
      holds: ({ serviceSelectors = [], aggregationLength, aggregationLengthV6 }) =>
        serviceSelectors.length === 0 || (aggregationLength === 32 && aggregationLengthV6 === 128),
      at: "serviceSelectors",
    },
  ],
);

export const BGP_ADVERTISEMENT: CrdKind = {
  kind: "BGPAdvertisement",
  plural: "bgpadvertisements",
  about: "Lets nodes advertise addresses of pools to BGP routers.",
  versions: [
    {
      name: "v1beta1",
      isStored: true,
      spec: BgpAdvertisementSpec,
      status: EmptyStatus,
      columns: [
        ...POOL_COLUMNS,
        { name: "Peers", type: "string", jsonPath: ".spec.peers", description: "Routers to tell." },
        NODE_COLUMN,
      ],
    },
  ],
};
