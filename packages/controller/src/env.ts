import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import {
  bool,
  className,
  objectName,
  oneOf,
  type Program,
  port,
  readFlags,
  text,
} from "@herald/daemon/flags";
import { LOG_LEVELS, type LogLevel } from "@herald/daemon/log";
import { z } from "zod";
import manifest from "../package.json" with { type: "json" };
import type { ControllerOptions } from "./controller.ts";
import { WEBHOOK_FLAGS, type WebhookSettings, webhookSettings } from "./webhook/webhook-flags.ts";

/** Everything the outside decides about this process. */
export interface ControllerEnv extends ControllerOptions {
  readonly version: string;
  readonly podName: string;
  readonly host: string;
  readonly port: number;
  readonly logLevel: LogLevel;
  /** "" for the service account, or else the usual places. */
  readonly kubeconfig: string;
  /** "": none is made. */
  readonly gossipSecret: string;
  /** Deployment of this controller; "" when unknown. */
  readonly deployment: string;
  /** Nothing is written; it only tells what it would do. */
  readonly observeOnly: boolean;
  /** `undefined`: there is none. */
  readonly webhook: WebhookSettings | undefined;
}

const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

const flags = {
  config: {
    schema: objectName,
    description: "Name of the ConfigMap with the address pools, in the controller's namespace.",
    default: "config",
    placeholder: "NAME",
  },
  host: {
    schema: text,
    description: "Address to serve metrics, health and the webhook on; every address when empty.",
    env: "METALLB_HOST",
    default: "",
    placeholder: "ADDRESS",
  },
  kubeconfig: {
    schema: text,
    description:
      "File that says where the cluster is. Without it: the service account, then $KUBECONFIG, then ~/.kube/config.",
    default: "",
    placeholder: "FILE",
  },
  deployment: {
    schema: z.union([z.literal(""), objectName]),
    description:
      "Deployment of this controller, in its namespace: the Secret of the gossip is deleted with it.",
    env: "METALLB_DEPLOYMENT",
    default: "",
    placeholder: "NAME",
  },
  "lb-class": {
    schema: className,
    description:
      "Serve only Services with this spec.loadBalancerClass; when empty, only those that name no class.",
    default: "",
    placeholder: "CLASS",
  },
  "leader-elect": {
    schema: bool,
    description:
      "Elect one of several replicas by a Lease. Turn it off only where one replica runs for sure.",
    default: "true",
    boolean: true,
  },
  "log-level": {
    schema: oneOf(...LOG_LEVELS),
    description: `How much is logged: ${LOG_LEVELS.join(", ")}.`,
    default: "info",
    placeholder: "LEVEL",
  },
  "ml-secret-name": {
    schema: z.union([z.literal(""), objectName]),
    description:
      "Secret to make at the start, unless there is one, with a key that speakers encrypt their gossip with; none when empty.",
    env: "METALLB_ML_SECRET_NAME",
    default: "",
    placeholder: "NAME",
  },
  namespace: {
    schema: objectName,
    description: "Where the ConfigMap and the Lease are.",
    env: "METALLB_NAMESPACE",
    defaultText: "the pod's namespace, else metallb-system",
    placeholder: "NAMESPACE",
  },
  "observe-only": {
    schema: bool,
    description:
      "Give out nothing and write nothing, whoever leads: only tell, in the log, in metrics and at /would, what this controller would do (docs/migrate.md).",
    default: "false",
    boolean: true,
  },
  "pod-name": {
    schema: objectName,
    description: "Who this replica is among those that compete for the Lease; every replica needs its own.",
    env: "METALLB_POD_NAME",
    defaultText: "the host name, made unique",
    placeholder: "NAME",
  },
  port: {
    schema: port,
    description: "Port of /metrics, /healthz and /readyz.",
    default: "7472",
    placeholder: "NUMBER",
  },
  "sharing-across-namespaces": {
    schema: bool,
    description:
      "Let a sharing key mean the same in every namespace, as with MetalLB. Otherwise Services of different namespaces share an address only where its pool allows that.",
    default: "false",
    boolean: true,
  },
  ...WEBHOOK_FLAGS,
} as const;

/** The flags, their help and what of MetalLB's cannot be honoured. */
export const PROGRAM = {
  name: "herald-controller",
  version: manifest.version,
  about: "gives Services of type LoadBalancer their addresses.",
  flags,
  refused: {
    "health-probe-port": { because: "health is served on --port; probe /healthz and /readyz there." },
  },
} satisfies Program<typeof flags>;

/** Reads this process's flags and environment; prints and exits on --help, --version and mistakes. */
export function readControllerEnv(): ControllerEnv {
  return controllerEnv(readFlags(PROGRAM), {
    hostname: hostname(),
    podNamespace: readPodNamespace(),
    nonce: randomUUID(),
  });
}

/** What flags default to. */
export interface Machine {
  readonly hostname: string;
  /** `undefined` outside a pod. */
  readonly podNamespace: string | undefined;
  /** Differs from start to start. */
  readonly nonce: string;
}

export function controllerEnv(
  values: ReturnType<typeof readFlags<typeof flags>>,
  machine: Machine,
): ControllerEnv {
  const podName = values["pod-name"] ?? machine.hostname;
  return {
    version: PROGRAM.version,
    podName,
    // Why: a container that restarts in its pod may go on with its own lease; two programs on one host may not.
    identity: values["pod-name"] ?? `${machine.hostname}-${machine.nonce}`,
    namespace: values.namespace ?? machine.podNamespace ?? "metallb-system",
    configName: values.config,
    lbClass: values["lb-class"],
    sharingAcrossNamespaces: values["sharing-across-namespaces"],
    leaderElect: values["leader-elect"],
    observeOnly: values["observe-only"],
    host: values.host,
    port: values.port,
    logLevel: values["log-level"],
    kubeconfig: values.kubeconfig,
    gossipSecret: values["ml-secret-name"],
    deployment: values.deployment,
    webhook: webhookSettings(values),
  };
}

function readPodNamespace(): string | undefined {
  try {
    return readFileSync(NAMESPACE_FILE, "utf8").trim();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
