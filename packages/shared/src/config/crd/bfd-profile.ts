import { z } from "zod";
import type { CrdKind } from "./crd-kind.ts";
import { EmptyStatus } from "./empty-status.ts";

const number = (minimum: number, maximum: number, description: string) =>
  z.int().min(minimum).max(maximum).optional().meta({ description, format: "int32" });

export const BfdProfileSpec = z
  .object({
    receiveInterval: number(10, 60_000, "Shortest gap between packets that we can receive, in milliseconds."),
    transmitInterval: number(
      10,
      60_000,
      "Shortest gap between packets that we want to send, in milliseconds.",
    ),
    detectMultiplier: number(2, 255, "How many packets in a row must be missed before the session is down."),
    echoInterval: number(10, 60_000, "Shortest gap between echo packets, in milliseconds."),
    echoMode: z.boolean().optional().meta({
      description: "Whether to use echo packets. Not for peers that are told of pools with IPv6 addresses.",
    }),
    passiveMode: z.boolean().optional().meta({
      description: "Whether to wait for the router to start the session.",
    }),
    minimumTtl: number(1, 254, "Lowest TTL of packets accepted over several hops."),
  })
  .meta({ description: "Timers and modes; what is left out is up to the program that runs BFD." });

export const BFD_PROFILE: CrdKind = {
  kind: "BFDProfile",
  plural: "bfdprofiles",
  about: "Settings of Bidirectional Forwarding Detection (RFC 5880) that BGPPeers name.",
  versions: [
    {
      name: "v1beta1",
      isStored: true,
      spec: BfdProfileSpec,
      status: EmptyStatus,
      columns: [
        {
          name: "Passive Mode",
          type: "boolean",
          jsonPath: ".spec.passiveMode",
          description: "Whether the router starts the session.",
        },
        {
          name: "Transmit Interval",
          type: "integer",
          jsonPath: ".spec.transmitInterval",
          description: "Shortest gap between packets that we want to send, in milliseconds.",
        },
        {
          name: "Receive Interval",
          type: "integer",
          jsonPath: ".spec.receiveInterval",
          description: "Shortest gap between packets that we can receive, in milliseconds.",
        },
        {
          name: "Multiplier",
          type: "integer",
          jsonPath: ".spec.detectMultiplier",
          description: "Packets in a row that must be missed.",
        },
      ],
    },
  ],
};
