import type { ApiObject } from "@herald/k8s/api";

/** A Deployment or DaemonSet of MetalLB or Herald, as far as it decides how things behave. */
export interface Workload {
  readonly kind: "Deployment" | "DaemonSet";
  /** `namespace/name` */
  readonly name: string;
  readonly product: "MetalLB" | "Herald";
  readonly program: "controller" | "speaker";
  /** As the tag of its image says; "" when that says nothing. */
  readonly version: string;
  readonly bgp: "native" | "frr" | "frr-k8s";
  /** Of a speaker: whether it has an address for the gossip. */
  readonly gossips: boolean;
  readonly gossipSecret: string | undefined;
  /** "" for none. */
  readonly lbClass: string;
  /** See `releaseOf`; "" when it goes with none. */
  readonly release: string;
}

/** `name in namespace` of the Helm release that an object goes with; "" when it goes with none. */
export function releaseOf(annotations: Readonly<Record<string, string>> = {}): string {
  const name = annotations["meta.helm.sh/release-name"];
  return name === undefined ? "" : `${name} in ${annotations["meta.helm.sh/release-namespace"]}`;
}

export interface RawWorkload extends ApiObject {
  readonly metadata?: ApiObject["metadata"] & { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: {
    readonly template?: {
      readonly metadata?: { readonly labels?: Readonly<Record<string, string>> };
      readonly spec?: RawPod;
    };
  };
}

interface RawPod {
  readonly containers?: readonly RawContainer[];
  readonly volumes?: readonly {
    readonly name?: string;
    readonly secret?: { readonly secretName?: string };
  }[];
}

interface RawContainer {
  readonly name?: string;
  readonly image?: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
}

/** `quay.io/metallb/speaker:v0.14.9`, whatever registry it was copied to. */
const IMAGE = /(?:^|\/)(metallb|herald)[^:@]*[/-](controller|speaker)(?::([^@]+))?(?:@.*)?$/;

/** @returns `undefined` for what is neither MetalLB's nor ours. */
export function workloadOf(kind: Workload["kind"], raw: RawWorkload): Workload | undefined {
  const { spec: pod = {}, metadata: podMetadata } = raw.spec?.template ?? {};
  const recognised = recognise(pod, podMetadata?.labels ?? {});
  if (recognised === undefined) return undefined;
  const { container, ...rest } = recognised;
  const env = new Map(container.env?.map(({ name, value = "" }) => [name, value]));
  const secret = pod.volumes?.find(
    ({ secret, name }) => secret !== undefined && name?.includes("memberlist"),
  );
  return {
    ...rest,
    kind,
    name: `${raw.metadata?.namespace}/${raw.metadata?.name}`,
    bgp: bgpOf(env.get("METALLB_BGP_TYPE"), pod),
    gossips: env.has("METALLB_ML_BIND_ADDR"),
    gossipSecret: secret?.secret?.secretName ?? (env.get("METALLB_ML_SECRET_NAME") || undefined),
    lbClass: lbClassIn(container.args ?? []),
    release: releaseOf(raw.metadata?.annotations),
  };
}

type Recognised = Pick<Workload, "product" | "program" | "version"> & { readonly container: RawContainer };

function recognise(
  { containers = [] }: RawPod,
  labels: Readonly<Record<string, string>>,
): Recognised | undefined {
  for (const container of containers) {
    const [, product, program, version = ""] = IMAGE.exec(container.image ?? "") ?? [];
    if (!isProgram(program)) continue;
    return { product: product === "herald" ? "Herald" : "MetalLB", program, version, container };
  }
  return recogniseByLabels(containers, labels);
}

/** A mirror may call the image anything. */
function recogniseByLabels(
  containers: readonly RawContainer[],
  labels: Readonly<Record<string, string>>,
): Recognised | undefined {
  const app = labels["app"] ?? labels["app.kubernetes.io/name"];
  const program = labels["component"] ?? labels["app.kubernetes.io/component"];
  const container = containers.find(({ name }) => name === program);
  if (container === undefined || !isProgram(program)) return undefined;
  if (app !== "metallb" && app !== "herald") return undefined;
  return { product: app === "herald" ? "Herald" : "MetalLB", program, version: "", container };
}

function isProgram(name: string | undefined): name is Workload["program"] {
  return name === "controller" || name === "speaker";
}

function bgpOf(type: string | undefined, { containers = [] }: RawPod): Workload["bgp"] {
  if (type === "frr" || type === "frr-k8s" || type === "native") return type;
  return containers.some(({ name }) => name === "frr") ? "frr" : "native";
}

function lbClassIn(args: readonly string[]): string {
  const at = args.findIndex((arg) => /^--?lb-class(=|$)/.test(arg));
  const [, attached] = /^--?lb-class=(.*)$/s.exec(args[at] ?? "") ?? [];
  return attached ?? (at < 0 ? "" : (args[at + 1] ?? ""));
}
