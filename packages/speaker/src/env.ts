import { existsSync, readFileSync } from "node:fs";
import {
  bool,
  className,
  type Flag,
  type FlagValues,
  objectName,
  oneOf,
  type Program,
  port,
  text,
  wholeNumber,
} from "@herald/daemon/flags";
import { LOG_LEVELS } from "@herald/daemon/log";
import { parseAddress } from "@herald/shared/ip/address";
import { z } from "zod";
import manifest from "../package.json" with { type: "json" };
import { type BmpStation, parseStation } from "./bmp-station.ts";

/** The kubelet mounts the pod's own namespace here. */
const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
const DEFAULT_NAMESPACE = "metallb-system";

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `5s`, `500ms`, `1m30s`: Go's way of writing how long, in milliseconds. */
const durationMs: z.ZodType<number, string> = z
  .string()
  .regex(/^(\d+(\.\d+)?(ms|s|m))+$/, "want a duration such as 5s or 500ms")
  .transform(toMs)
  .refine((ms) => ms <= 60_000, "want at most 1m");

/** How long to leave things as they are, ms; Infinity: for good. */
const quietMs: z.ZodType<number, string> = z
  .string()
  .regex(/^(never|(\d+(\.\d+)?(ms|s|m|h))+)$/, "want never or a duration such as 5m, 1h or 0s")
  .transform((written) => (written === "never" ? Number.POSITIVE_INFINITY : toMs(written)))
  .refine((ms) => ms <= 86_400_000 || ms === Number.POSITIVE_INFINITY, "want at most 24h, or never");

function toMs(written: string): number {
  let sum = 0;
  for (const [, count, unit = ""] of written.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)) {
    sum += Number(count) * (UNIT_MS[unit] ?? 0);
  }
  return sum;
}

const labelSelector: z.ZodType<string, string> = z
  .string()
  .regex(/^$|^[\w./-]+=[\w.-]*(,[\w./-]+=[\w.-]*)*$/, "want labels such as app=metallb,component=speaker");

const address: z.ZodType<string, string> = z
  .string()
  .refine((written) => written === "" || parseAddress(written) !== undefined, "want an IP address");

const bmpStation: z.ZodType<BmpStation | undefined, string> = z.string().transform((written, context) => {
  if (written === "") return undefined;
  const station = parseStation(written);
  if (station === undefined)
    context.addIssue({ code: "custom", message: "want an address and a port, such as 192.0.2.9:11019" });
  return station;
});

const absolutePath: z.ZodType<string, string> = z.string().regex(/^(|\/.*)$/s, "want an absolute path");

/** Regular expressions, comma separated. */
const patterns: z.ZodType<readonly RegExp[], string> = z.string().transform((written, context) => {
  const found: RegExp[] = [];
  for (const part of written.split(",").filter((word) => word !== "")) {
    const pattern = compile(part);
    if (typeof pattern !== "string") found.push(pattern);
    else
      context.addIssue({
        code: "custom",
        message: `want regular expressions, and ${part} is none: ${pattern}`,
      });
  }
  return found;
});

export const program = {
  name: "herald-speaker",
  version: manifest.version,
  about:
    "draws the traffic of Services to this node: answers ARP and NDP for their addresses, or tells routers of them by BGP.",
  flags: {
    namespace: {
      schema: objectName,
      description: "Namespace of this pod, of the other speakers and of the ConfigMap.",
      env: "METALLB_NAMESPACE",
      defaultText: `the service account's, else ${DEFAULT_NAMESPACE}`,
      placeholder: "NAME",
    },
    "node-name": {
      schema: objectName,
      description: "Name of the Node this speaker runs on, spec.nodeName of its pod.",
      env: "METALLB_NODE_NAME",
      required: true,
      placeholder: "NAME",
    },
    "pod-name": {
      schema: text,
      description: "Name of this pod, for Events.",
      env: "METALLB_POD_NAME",
      default: "",
      placeholder: "NAME",
    },
    host: {
      schema: address,
      description: "Address to serve metrics and probes on; every address when empty.",
      env: "METALLB_HOST",
      default: "",
      placeholder: "ADDRESS",
    },
    port: {
      schema: port,
      description: "Port of /metrics, /healthz and /readyz, over HTTP.",
      default: "7472",
      placeholder: "NUMBER",
    },
    "log-level": {
      schema: oneOf(...LOG_LEVELS),
      description: `How much is logged: ${LOG_LEVELS.join(", ")}.`,
      default: "info",
      placeholder: "LEVEL",
    },
    config: {
      schema: objectName,
      description: "Name of the ConfigMap with the configuration.",
      default: "config",
      placeholder: "NAME",
    },
    kubeconfig: {
      schema: text,
      description: "Path of a kubeconfig file, to run outside the cluster.",
      default: "",
      placeholder: "PATH",
    },
    "lb-class": {
      schema: className,
      description: "Serve Services of this loadBalancerClass only; when empty, those that name none.",
      default: "",
      placeholder: "CLASS",
    },
    "ignore-exclude-lb": {
      schema: bool,
      description:
        "Use nodes although they carry the label node.kubernetes.io/exclude-from-external-load-balancers.",
      default: "false",
      boolean: true,
    },
    "drain-on-cordon": {
      schema: bool,
      description:
        "A cordoned node gives its addresses away while another node can serve them (docs/drain.md); kubectl drain cordons first.",
      default: "false",
      boolean: true,
    },
    "drain-on-not-ready": {
      schema: bool,
      description:
        "A node whose condition Ready is not True gives its addresses away while another node can serve them (docs/drain.md).",
      default: "false",
      boolean: true,
    },
    "exclude-interfaces": {
      schema: patterns,
      description:
        "Network interfaces to leave alone: regular expressions, comma separated. Wins over the file /etc/metallb/excludel2.yaml.",
      defaultText: "the file's list, else what container networks are called",
      placeholder: "PATTERNS",
    },
    "drain-timeout": {
      schema: durationMs,
      description:
        "How long an address that moves away is still answered for while its new owner is not heard, and how long routers that were asked to prefer other ways (GRACEFUL_SHUTDOWN) keep their routes to this node.",
      default: "5s",
      placeholder: "DURATION",
    },
    "fail-back-after": {
      schema: quietMs,
      description:
        "How long a node that is to own an address, as the hash has it, waits until it takes it from the node that holds it: moving an address breaks its connections. With 0s it moves at once, as with MetalLB; with never only for the node's annotation herald.io/fail-back. Without gossip, or with speakers of MetalLB in it, addresses move at once.",
      default: "5m",
      placeholder: "DURATION",
    },
    "conflict-detection": {
      schema: oneOf("off", "report", "defend"),
      description:
        "What is done when another machine has an address that is to be announced (docs/conflicts.md): report says so on the Service; defend also insists once, and leaves the address to a machine that does not give way; with off nobody is asked before an address is announced, either.",
      default: "defend",
      placeholder: "WHAT",
    },
    "bgp-listen": {
      schema: bool,
      description:
        "Let routers begin BGP sessions, too (docs/bgp.md): listen on the addresses that peers are spoken to from. Without it this node connects to them, which is enough unless a firewall is in its way.",
      default: "false",
      boolean: true,
    },
    "bgp-listen-port": {
      schema: wholeNumber(1, 65_535),
      description:
        "Port for sessions that routers begin. Routers know no other than 179 unless they are told.",
      default: "179",
      placeholder: "NUMBER",
    },
    "bmp-station": {
      schema: bmpStation,
      description:
        "Address and port of a BMP monitoring station (RFC 7854), such as 192.0.2.9:11019 or [2001:db8::9]:11019, which is told of all BGP sessions and of what routers are told in them (docs/bgp.md). None when empty.",
      default: "",
      placeholder: "ADDRESS:PORT",
    },
    "observe-only": {
      schema: bool,
      description:
        "Announce nothing, join no gossip, open no session and write nothing: only tell, in the log, in metrics and at /would, what this node would announce (docs/migrate.md).",
      default: "false",
      boolean: true,
    },
    "ml-labels": {
      schema: labelSelector,
      description:
        "Labels of the speakers' pods: nodes with such a pod that is Ready may own addresses; every node when empty.",
      env: "METALLB_ML_LABELS",
      default: "",
      placeholder: "LABELS",
    },
    "ml-bindaddr": {
      schema: address,
      description:
        "Address for gossip with the other speakers, this node's own. With it and --ml-labels speakers watch each other; without, the readiness of their pods decides who may own addresses, and a crash takes as long to be noticed as Kubernetes needs.",
      env: "METALLB_ML_BIND_ADDR",
      default: "",
      placeholder: "ADDRESS",
    },
    "ml-bindport": {
      schema: wholeNumber(1, 65_535),
      description: "Port for gossip, TCP and UDP; the same on every node.",
      env: "METALLB_ML_BIND_PORT",
      default: "7946",
      placeholder: "NUMBER",
    },
    "gossip-profile": {
      schema: oneOf("fast", "default", "lan"),
      description:
        "How closely speakers watch each other (docs/gossip.md): lan is as slow as MetalLB and tolerates pauses of seconds.",
      default: "default",
      placeholder: "NAME",
    },
    "ml-secret-key-path": {
      schema: absolutePath,
      description:
        "Folder with the file secretkey, which gossip is encrypted with; without it gossip is in the clear.",
      env: "METALLB_ML_SECRET_KEY_PATH",
      default: "",
      placeholder: "PATH",
    },
  },
  refused: {
    "health-probe-port": { because: "health is served on --port; probe /healthz and /readyz there." },
    "pprof-bind-address": { because: "there is no Go profile here; /metrics has memory and event loop." },
    "frrk8s-namespace": { env: "FRRK8S_NAMESPACE", because: "there is no FRR here; leave it out." },
    "frrk8s-secret-passthrough": { because: "there is no FRR here; leave it out." },
  },
} as const satisfies Program<Readonly<Record<string, Flag>>>;

export type SpeakerFlags = FlagValues<(typeof program)["flags"]>;

export function namespaceOf({ namespace }: SpeakerFlags): string {
  if (namespace !== undefined) return namespace;
  return existsSync(NAMESPACE_FILE) ? readFileSync(NAMESPACE_FILE, "utf8").trim() : DEFAULT_NAMESPACE;
}

/** @returns the pattern, or why the text is none. */
export function compile(pattern: string): RegExp | string {
  try {
    return new RegExp(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return error.message;
  }
}
