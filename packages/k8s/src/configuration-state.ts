import { metaTime } from "./meta-time.ts";
import { labelValue } from "./service-status.ts";
import {
  type OwnerPod,
  type StatusKind,
  type StatusObject,
  type StatusObjectPorts,
  writeStatusObject,
} from "./status-object.ts";

/** The kind of object in which every program says what it makes of the configuration. */
export const CONFIGURATION_STATES = {
  version: "v1beta1",
  plural: "configurationstates",
  kind: "ConfigurationState",
} as const satisfies StatusKind;

/** Who says it. */
export type ConfigurationReader =
  | { readonly program: "controller" }
  | { readonly program: "speaker"; readonly node: string };

/** What the message of a condition may have; the summary has no bound but that of etcd. */
const MAX_MESSAGE = 32_768;

/**
 * Sees to it that the reader's object says what is wrong with the configuration, in MetalLB's words; but the time tells
 * when it became so, not when it was looked at last: nothing is rewritten.
 *
 * @param lines one for each mistake; none: all of it is in force.
 * @param epochMs now, milliseconds since 1970.
 * @throws {ApiError} see {@link writeStatusObject}.
 */
export function writeConfigurationState(
  ports: StatusObjectPorts,
  reader: ConfigurationReader,
  lines: readonly string[],
  owner: OwnerPod | undefined,
  epochMs: number,
): Promise<"written" | "unchanged"> {
  const status: StatusObject["status"] = (before) => statusOf(reader, lines, before, epochMs);
  return writeStatusObject(ports, { kind: CONFIGURATION_STATES, ...headOf(reader), status }, owner);
}

/** MetalLB's names and labels. */
function headOf(reader: ConfigurationReader): Pick<StatusObject, "name" | "labels"> {
  const labels = { "metallb.io/component-type": reader.program };
  if (reader.program === "controller") return { name: "controller", labels };
  return {
    name: `speaker-${reader.node}`,
    labels: { ...labels, "metallb.io/node-name": labelValue(reader.node) },
  };
}

function statusOf(
  { program }: ConfigurationReader,
  lines: readonly string[],
  before: Readonly<Record<string, unknown>> | undefined,
  epochMs: number,
): Readonly<Record<string, unknown>> {
  const isGood = lines.length === 0;
  const type = program === "controller" ? "poolReconcilerValid" : "configReconcilerValid";
  const status = isGood ? "True" : "False";
  const conditions = (before?.["conditions"] ?? []) as readonly Readonly<Record<string, string>>[];
  const since = conditions.find((each) => each["type"] === type && each["status"] === status);
  const now = metaTime(epochMs);
  return {
    result: isGood ? "Valid" : "Invalid",
    errorSummary: cut(lines.join("\n")),
    conditions: [
      {
        type,
        status,
        reason: isGood ? "Reconciled" : "ConfigurationError",
        message: isGood ? "" : cut(`configuration error: ${lines.join("; ")}`),
        lastTransitionTime: since?.["lastTransitionTime"] ?? now,
      },
    ],
  };
}

function cut(text: string): string {
  return text.length > MAX_MESSAGE ? `${text.slice(0, MAX_MESSAGE - 1)}…` : text;
}
