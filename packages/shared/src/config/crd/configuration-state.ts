import { z } from "zod";
import type { CrdKind } from "./crd-kind.ts";

/** As everywhere in Kubernetes. */
const condition = z
  .object({
    type: z
      .string()
      .max(316)
      .meta({ description: "What it is about.", pattern: "^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$" }),
    status: z.enum(["True", "False", "Unknown"]).meta({ description: "Whether it holds." }),
    reason: z.string().min(1).max(1024).meta({
      description: "Why, in a word of a closed set.",
      pattern: "^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$",
    }),
    message: z.string().max(32_768).meta({ description: "Why, for a person." }),
    lastTransitionTime: z.string().meta({ description: "When it was looked at last.", format: "date-time" }),
    observedGeneration: z.int().min(0).optional().meta({
      description: "Generation of the object that was looked at.",
      format: "int64",
    }),
  })
  .meta({ description: "One thing that may be right or wrong." });

export const ConfigurationStateStatus = z
  .object({
    result: z.enum(["Valid", "Invalid", "Unknown"]).optional().meta({
      description: "Whether the configuration is in force: Invalid while the last good one is, instead.",
    }),
    errorSummary: z.string().optional().meta({ description: "What is wrong, a line for each mistake." }),
    conditions: z
      .array(condition)
      .optional()
      .meta({
        description: "The same in parts.",
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["type"],
      }),
  })
  .meta({ description: "What the program makes of the configuration; it writes it itself." });

export const CONFIGURATION_STATE: CrdKind = {
  kind: "ConfigurationState",
  plural: "configurationstates",
  about: "What the controller, or the speaker of one node, makes of the configuration.",
  versions: [
    {
      name: "v1beta1",
      isStored: true,
      status: ConfigurationStateStatus,
      columns: [
        {
          name: "Result",
          type: "string",
          jsonPath: ".status.result",
          description: "Whether the configuration is in force.",
        },
        {
          name: "ErrorSummary",
          type: "string",
          jsonPath: ".status.errorSummary",
          description: "What is wrong.",
        },
        {
          name: "Age",
          type: "date",
          jsonPath: ".metadata.creationTimestamp",
          description: "Time since it was made.",
        },
      ],
    },
  ],
};
