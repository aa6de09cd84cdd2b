import { z } from "zod";
import type { CrdKind } from "./crd-kind.ts";

const text = (description: string) => z.string().optional().meta({ description });
const moment = (description: string) => z.string().optional().meta({ description, format: "date-time" });

export const BgpSessionStateStatus = z
  .object({
    node: text("Name of the node."),
    peer: text("Name of the BGPPeer, or of the peer in the ConfigMap."),
    address: text("Address and port of the router, or the interface it is on."),
    vrf: text("VRF of the node that the session is in; `default` for the main one."),
    bgpStatus: z.enum(["Established", "Down"]).optional().meta({
      description: "Whether there is a session. Attempts to get one are not told one by one.",
    }),
    bfdStatus: z.enum(["Up", "Down", "N/A"]).optional().meta({
      description: "Whether BFD hears the router; `N/A`: nobody asked it to.",
    }),
    since: moment("Since when `bgpStatus` is so."),
    lastError: text("What went wrong last, also when all is well again; empty: nothing did."),
    lastErrorTime: moment("When that went wrong first."),
  })
  .meta({ description: "How the session stands; the speaker of the node writes it." });

/** MetalLB has none; frr-k8s has one of the same name, with the same `bgpStatus`, `bfdStatus`, `node` and `vrf`. */
export const BGP_SESSION_STATE: CrdKind = {
  kind: "BGPSessionState",
  plural: "bgpsessionstates",
  about: "How the session of one node with one router stands, and what went wrong last.",
  versions: [
    {
      name: "v1beta1",
      isStored: true,
      status: BgpSessionStateStatus,
      columns: [
        { name: "Node", type: "string", jsonPath: ".status.node", description: "Name of the node." },
        { name: "Peer", type: "string", jsonPath: ".status.peer", description: "Name of the peer." },
        {
          name: "BGP",
          type: "string",
          jsonPath: ".status.bgpStatus",
          description: "Whether there is a session.",
        },
        { name: "BFD", type: "string", jsonPath: ".status.bfdStatus", description: "What BFD has to say." },
        { name: "Since", type: "date", jsonPath: ".status.since", description: "Since when it is so." },
        {
          name: "Last Error",
          type: "string",
          jsonPath: ".status.lastError",
          description: "What went wrong last, also when all is well again.",
        },
        {
          name: "Address",
          type: "string",
          jsonPath: ".status.address",
          description: "Where the router is.",
          priority: 10,
        },
        {
          name: "VRF",
          type: "string",
          jsonPath: ".status.vrf",
          description: "VRF of the node.",
          priority: 10,
        },
      ],
    },
  ],
};
