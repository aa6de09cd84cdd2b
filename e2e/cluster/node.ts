import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type NodeName, nodeAddresses, POD_NETWORKS, podNetworks } from "./addresses.ts";
import { type Api, ApiError } from "./api.ts";
import { command } from "./command.ts";
import type { Credentials } from "./credentials.ts";
import { inNetwork, launch, type Running } from "./launch.ts";
import type { Ledger } from "./ledger.ts";
import type { Programs } from "./programs.ts";

/** What every node of either size is made from. */
export interface NodeParts {
  readonly ledger: Ledger;
  readonly programs: Programs;
  readonly credentials: Credentials;
  readonly node: NodeName;
  /** Its network namespace. */
  readonly namespace: string;
  /** Its files. */
  readonly folder: string;
  readonly logFolder: string;
}

/** Posts the Node object: the address ranges of its pods, and who it is. */
export async function postNode(api: Api, node: NodeName): Promise<void> {
  const pods = podNetworks(node);
  const labels = {
    "kubernetes.io/hostname": node,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": process.arch === "x64" ? "amd64" : process.arch,
  };
  try {
    await api.post("/api/v1/nodes", {
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: node, labels },
      spec: { podCIDR: pods.ipv4, podCIDRs: [pods.ipv4, pods.ipv6] },
    });
  } catch (error) {
    if (!(error instanceof ApiError && error.status === 409)) throw error;
  }
}

/** Says of a node what its kubelet would say, where there is none. */
export async function setNodeReady(api: Api, node: NodeName, ready: boolean): Promise<void> {
  const { ipv4, ipv6 } = nodeAddresses(node);
  const now = new Date().toISOString();
  const condition = {
    type: "Ready",
    status: ready ? "True" : "Unknown",
    reason: ready ? "KubeletReady" : "NodeStatusUnknown",
    lastHeartbeatTime: now,
    lastTransitionTime: now,
  };
  const addresses = [
    { type: "InternalIP", address: ipv4 },
    { type: "InternalIP", address: ipv6 },
    { type: "Hostname", address: node },
  ];
  await api.patch(`/api/v1/nodes/${node}/status`, { status: { addresses, conditions: [condition] } });
  // The admission of a new Node taints it; the controller that would take the taint away is not run here.
  const taint = { key: "node.kubernetes.io/unreachable", effect: "NoExecute" };
  await api.patch(`/api/v1/nodes/${node}`, { spec: { taints: ready ? null : [taint] } });
}

/** Starts kube-proxy on a node. */
export function startKubeProxy(parts: NodeParts): Running {
  const { ledger, programs, credentials, node, namespace, folder, logFolder } = parts;
  mkdirSync(folder, { recursive: true });
  const config = join(folder, "kube-proxy.json");
  writeFileSync(
    config,
    JSON.stringify({
      apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
      kind: "KubeProxyConfiguration",
      mode: "nftables",
      hostnameOverride: node,
      clientConnection: { kubeconfig: credentials.kubeconfig("kube-proxy") },
      clusterCIDR: `${POD_NETWORKS.ipv4},${POD_NETWORKS.ipv6}`,
      // 0 leaves these alone: they belong to the machine, and a network namespace has none of its own.
      conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
    }),
  );
  return launch(ledger, {
    what: `${node} kube-proxy`,
    argv: [...inNetwork(namespace), programs.path("kube-proxy"), `--config=${config}`, "--v=2"],
    logPath: join(logFolder, `${node}-kube-proxy.log`),
  });
}

/** True when kube-proxy of that node has written its first rules. */
export async function proxyIsReady(namespace: string): Promise<boolean> {
  return (await command([...inNetwork(namespace), "nft", "list", "tables"])).includes("kube-proxy");
}
