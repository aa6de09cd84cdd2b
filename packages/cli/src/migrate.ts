import { bool, type FlagValues, oneOf, type Program, text } from "@herald/daemon/flags";
import type { ApiClient } from "@herald/k8s/api";
import { connect } from "@herald/k8s/client";
import manifest from "../package.json" with { type: "json" };
import { readCluster } from "./cluster-reading.ts";
import { exitCodeOf, judge } from "./judge.ts";
import { CommandError, type Output, textOf } from "./output.ts";
import { reportJson, reportText } from "./report-text.ts";

const flags = {
  check: {
    schema: bool,
    description:
      "Read the cluster and tell. There is nothing else that this command does; it writes nothing, ever.",
    default: "false",
    boolean: true,
  },
  config: {
    schema: text,
    description: "Name of the ConfigMap with the configuration, if there is one.",
    default: "config",
    placeholder: "NAME",
  },
  kubeconfig: {
    schema: text,
    description:
      "File that says where the cluster is. Without it: the service account, then $KUBECONFIG, then ~/.kube/config.",
    default: "",
    placeholder: "FILE",
  },
  "lb-class": {
    schema: text,
    description: "The loadBalancerClass that Herald is to serve.",
    defaultText: "that of MetalLB's controller",
    placeholder: "CLASS",
  },
  namespace: {
    schema: text,
    description: "Where MetalLB runs, and Herald will.",
    default: "metallb-system",
    placeholder: "NAME",
  },
  output: {
    short: "o",
    schema: oneOf("text", "json"),
    description: "How it is told.",
    default: "text",
    placeholder: "text|json",
  },
  "sharing-across-namespaces": {
    schema: bool,
    description: "As Herald's controller with this flag: a sharing key means the same in every namespace.",
    default: "false",
    boolean: true,
  },
} as const;

export const MIGRATE = {
  name: "herald migrate",
  version: manifest.version,
  about:
    "reads a cluster with MetalLB in it and lists every object, whether it behaves the same under Herald, and what becomes of every address.",
  flags,
  exitCodes: {
    0: "All is the same.",
    2: "The flags are wrong, or something that all hinges on cannot be read.",
    3: "Something differs; no address changes, and none falls silent.",
    4: "Something is refused, an address would change, or one would not be announced any more.",
  },
} satisfies Program<typeof flags>;

type Values = FlagValues<typeof flags>;

/** @throws {CommandError} when the cluster cannot be read. */
export async function runMigrate(values: Values): Promise<Output> {
  if (!values.check) throw new CommandError("want --check, which only reads: nothing else is done for you");
  const client = await reach(values.kubeconfig);
  try {
    return await check(client, values);
  } finally {
    client.close();
  }
}

export async function check(
  client: ApiClient,
  values: Omit<Values, "kubeconfig" | "check">,
): Promise<Output> {
  const { namespace, config } = values;
  const reading = await readCluster(client, { namespace, config });
  const report = judge(reading, {
    lbClass: values["lb-class"],
    sharingAcrossNamespaces: values["sharing-across-namespaces"],
  });
  const lines = values.output === "json" ? [JSON.stringify(reportJson(report), null, 2)] : reportText(report);
  return { stdout: textOf(lines), stderr: "", exitCode: exitCodeOf(report) };
}

async function reach(kubeconfig: string): Promise<ApiClient> {
  try {
    return await connect({ kubeconfig, userAgent: `herald-migrate/${manifest.version}` });
  } catch (error) {
    throw new CommandError(error instanceof Error ? error.message : String(error));
  }
}
