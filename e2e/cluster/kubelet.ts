import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { nodeAddresses, nodeIndex, podNetworks } from "./addresses.ts";
import { command } from "./command.ts";
import { CNI_PLUGINS } from "./debian.ts";
import { inNetwork, launch, type Running, until } from "./launch.ts";
import type { NodeParts } from "./node.ts";
import { PAUSE_IMAGE } from "./plain-image.ts";
import { onPath } from "./requirements.ts";

const CONTAINERD_WITHIN_MS = 60_000;
const IMPORT_WITHIN_MS = 180_000;

/** containerd and kubelet of one node, with folders and a socket of their own. */
export class Kubelet {
  readonly #parts: NodeParts;

  constructor(parts: NodeParts) {
    this.#parts = parts;
  }

  async start(pauseImage: string): Promise<readonly Running[]> {
    const { folder } = this.#parts;
    for (const name of ["cni", "containerd", "kubelet", "pod-logs", "volume-plugins"]) {
      mkdirSync(join(folder, name), { recursive: true });
    }
    this.#writeNetworkConfig();
    const containerd = this.#startContainerd();
    await until(containerd, `${this.#parts.node} containerd`, CONTAINERD_WITHIN_MS, () => this.#answers());
    await this.importImage(pauseImage);
    return [containerd, this.#startKubelet()];
  }

  /** Imports an image archive, OCI or Docker. */
  async importImage(archivePath: string): Promise<void> {
    await this.ctr(["images", "import", archivePath], IMPORT_WITHIN_MS);
  }

  /** Runs `ctr` in the namespace of Kubernetes' images and containers. */
  ctr(args: readonly string[], timeoutMs = 60_000): Promise<string> {
    const { programs } = this.#parts;
    const argv = [programs.path("ctr"), "--address", this.#socket, "--namespace", "k8s.io", ...args];
    return command(argv, { timeoutMs });
  }

  get #socket(): string {
    return join(this.#parts.folder, "containerd.sock");
  }

  async #answers(): Promise<boolean> {
    const { programs } = this.#parts;
    const argv = [programs.path("ctr"), "--address", this.#socket, "--connect-timeout", "1s", "version"];
    return command(argv).then(
      () => true,
      () => false,
    );
  }

  #startContainerd(): Running {
    const { programs, node, folder, logFolder } = this.#parts;
    const config = join(folder, "containerd.toml");
    writeFileSync(config, this.#containerdConfig());
    const shims = dirname(programs.path("containerd-shim-runc-v2"));
    return this.#launch([programs.path("containerd"), "--config", config], {
      what: `${node} containerd`,
      env: { PATH: `${shims}:${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
      logPath: join(logFolder, `${node}-containerd.log`),
    });
  }

  #startKubelet(): Running {
    const { programs, credentials, node, folder, logFolder } = this.#parts;
    const config = join(folder, "kubelet.json");
    writeFileSync(config, JSON.stringify(this.#kubeletConfig()));
    const { ipv4, ipv6 } = nodeAddresses(node);
    const args = [
      `--config=${config}`,
      `--kubeconfig=${credentials.kubeconfig("admin")}`,
      `--hostname-override=${node}`,
      `--node-ip=${ipv4},${ipv6}`,
      `--root-dir=${join(folder, "kubelet")}`,
      `--cert-dir=${join(folder, "kubelet-pki")}`,
      "--v=2",
    ];
    return this.#launch([programs.path("kubelet"), ...args], {
      what: `${node} kubelet`,
      env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` },
      logPath: join(logFolder, `${node}-kubelet.log`),
    });
  }

  /** In the node's network and nothing else of its own: `ip netns exec` would hide the control groups. */
  #launch(argv: readonly string[], rest: { what: string; env: Record<string, string>; logPath: string }) {
    const { ledger, namespace } = this.#parts;
    return launch(ledger, { argv: [...inNetwork(namespace), ...argv], ...rest });
  }

  #kubeletConfig(): object {
    const { folder } = this.#parts;
    return {
      apiVersion: "kubelet.config.k8s.io/v1beta1",
      kind: "KubeletConfiguration",
      authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
      authorization: { mode: "AlwaysAllow" },
      cgroupDriver: "cgroupfs",
      cgroupsPerQOS: false,
      containerRuntimeEndpoint: `unix://${this.#socket}`,
      enforceNodeAllocatable: [],
      evictionHard: { "memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%" },
      failCgroupV1: false,
      failSwapOn: false,
      imageGCHighThresholdPercent: 100,
      localStorageCapacityIsolation: false,
      makeIPTablesUtilChains: false,
      nodeStatusReportFrequency: "10s",
      podLogsDir: join(folder, "pod-logs"),
      volumePluginDir: join(folder, "volume-plugins"),
    };
  }

  #containerdConfig(): string {
    const { folder } = this.#parts;
    const runtime = `plugins."io.containerd.cri.v1.runtime"`;
    const runc = onPath("runc") ?? "runc";
    return `version = 3
root = "${join(folder, "containerd", "root")}"
state = "${join(folder, "containerd", "state")}"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.internal.v1.opt"]

[grpc]
address = "${this.#socket}"

[ttrpc]
address = "${this.#socket}.ttrpc"

[plugins."io.containerd.cri.v1.images"]
snapshotter = "overlayfs"

[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${PAUSE_IMAGE}"

[${runtime}]
disable_apparmor = true
# Without it no sandbox starts where the machine withholds CAP_SYS_RESOURCE.
restrict_oom_score_adj = true
# Pods' network namespaces go with the node's folder.
netns_mounts_under_state_dir = true

[${runtime}.cni]
bin_dirs = ["${CNI_PLUGINS}"]
conf_dir = "${join(folder, "cni")}"

[${runtime}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[${runtime}.containerd.runtimes.runc.options]
BinaryName = "${runc}"
Root = "${join(folder, "runc")}"
SystemdCgroup = false
`;
  }

  #writeNetworkConfig(): void {
    const { node, folder } = this.#parts;
    const { ipv4, ipv6 } = podNetworks(node);
    const bridge = {
      type: "bridge",
      bridge: "cni0",
      isDefaultGateway: true,
      hairpinMode: true,
      ipam: {
        type: "host-local",
        dataDir: join(folder, "cni-addresses"),
        ranges: [[{ subnet: ipv4 }], [{ subnet: ipv6 }]],
      },
    };
    const config = { cniVersion: "1.0.0", name: `herald-${nodeIndex(node)}`, plugins: [bridge] };
    writeFileSync(join(folder, "cni", "10-herald.conflist"), JSON.stringify(config));
  }
}
