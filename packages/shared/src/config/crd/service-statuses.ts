import { z } from "zod";
import type { Column, CrdKind } from "./crd-kind.ts";
import { IMMUTABLE, ruled } from "./rules.ts";

const fixed = (description: string) => ruled(z.string().optional(), { description }, [IMMUTABLE]);

const SERVICE = {
  node: fixed("Name of the node that announces."),
  serviceName: fixed("Name of the Service."),
  serviceNamespace: fixed("Namespace of the Service."),
};

const EmptySpec = z.object({}).meta({ description: "There is nothing to say: Herald makes these objects." });

const SERVICE_COLUMNS: readonly Column[] = [
  {
    name: "Service Name",
    type: "string",
    jsonPath: ".status.serviceName",
    description: "Name of the Service.",
  },
  {
    name: "Service Namespace",
    type: "string",
    jsonPath: ".status.serviceNamespace",
    description: "Namespace of the Service.",
  },
];

export const ServiceL2StatusStatus = z
  .object({
    ...SERVICE,
    interfaces: z
      .array(
        z
          .object({ name: z.string().optional().meta({ description: "Name of the interface." }) })
          .meta({ description: "An interface of the node." }),
      )
      .optional()
      .meta({ description: "Where the node announces, sorted; empty: on all interfaces that are fit." }),
  })
  .meta({ description: "Who announces the Service; the speaker that does writes it." });

export const SERVICE_L2_STATUS: CrdKind = {
  kind: "ServiceL2Status",
  plural: "servicel2statuses",
  about: "Which node announces a Service on the local network, and on which interfaces.",
  versions: [
    {
      name: "v1beta1",
      isStored: true,
      spec: EmptySpec,
      status: ServiceL2StatusStatus,
      columns: [
        {
          name: "Allocated Node",
          type: "string",
          jsonPath: ".status.node",
          description: "Name of the node that announces.",
        },
        ...SERVICE_COLUMNS,
      ],
    },
  ],
};

export const ServiceBgpStatusStatus = z
  .object({
    ...SERVICE,
    peers: z
      .array(z.string().meta({ description: "Name of a BGPPeer." }))
      .optional()
      .meta({ description: "Routers that the node tells of the Service while it has a session, sorted." }),
  })
  .meta({ description: "Whom a node tells of the Service; its speaker writes it." });

export const SERVICE_BGP_STATUS: CrdKind = {
  kind: "ServiceBGPStatus",
  plural: "servicebgpstatuses",
  about: "Which routers a node tells of a Service.",
  versions: [
    {
      name: "v1beta1",
      isStored: true,
      spec: EmptySpec,
      status: ServiceBgpStatusStatus,
      columns: [
        { name: "Node", type: "string", jsonPath: ".status.node", description: "Name of the node." },
        ...SERVICE_COLUMNS,
      ],
    },
  ],
};
