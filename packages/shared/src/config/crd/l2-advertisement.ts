import { z } from "zod";
import { ADVERTISEMENT_FIELDS, NODE_COLUMN, POOL_COLUMNS } from "./advertisement-fields.ts";
import type { CrdKind } from "./crd-kind.ts";
import { EmptyStatus } from "./empty-status.ts";
import { selector } from "./selectors.ts";

const preferred = z
  .object({
    weight: z.int().min(1).max(100).meta({ description: "How much the node is preferred.", format: "int32" }),
    preference: selector("Labels of the nodes that are preferred; an empty one prefers every node."),
  })
  .meta({ description: "Some nodes, and how much they are preferred." });

export const L2AdvertisementSpec = z
  .object({
    ...ADVERTISEMENT_FIELDS,
    interfaces: z
      .array(z.string().min(1).meta({ description: "Exact name of an interface." }))
      .optional()
      .meta({ description: "Interfaces to announce on; by default all that are fit." }),
    preferredNodeSelectors: z.array(preferred).max(2_000).optional().meta({
      description:
        "Nodes that are rather to announce: of those that may, the one with the greatest sum of weights does.",
    }),
  })
  .meta({ description: "Which addresses, and from where. Without anything: all of them, from everywhere." });

export const L2_ADVERTISEMENT: CrdKind = {
  kind: "L2Advertisement",
  plural: "l2advertisements",
  about: "Lets nodes announce addresses of pools on the local network, by ARP and NDP.",
  versions: [
    {
      name: "v1beta1",
      isStored: true,
      spec: L2AdvertisementSpec,
      status: EmptyStatus,
      columns: [
        ...POOL_COLUMNS,
        {
          name: "Interfaces",
          type: "string",
          jsonPath: ".spec.interfaces",
          description: "Interfaces to announce on.",
        },
        NODE_COLUMN,
      ],
    },
  ],
};
