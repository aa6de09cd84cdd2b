import { existsSync } from "node:fs";
import { command } from "./command.ts";
import { type OnProgress, withProgress } from "./progress.ts";
import { onPath, type Size } from "./requirements.ts";

/** What the distribution has in good shape: package, and a file or program that shows it is there. */
const PLAIN = {
  nftables: "nft",
  iproute2: "ip",
  conntrack: "conntrack",
  tcpdump: "tcpdump",
  "iputils-arping": "arping",
};
// Why Debian's runc: one built from Go without cgo has no seccomp, and kubelet's default profile needs that.
const FOR_KUBELETS = {
  iptables: "iptables",
  runc: "runc",
  "containernetworking-plugins": "/usr/lib/cni/bridge",
};

/** Where Debian puts the CNI plugins. */
export const CNI_PLUGINS = "/usr/lib/cni";

/** Installs what is missing, through apt-get. */
export async function installPackages({ kubelets }: Size, onProgress: OnProgress): Promise<void> {
  const wanted = { ...PLAIN, ...(kubelets ? FOR_KUBELETS : {}) };
  const missing = Object.entries(wanted)
    .filter(([, proof]) => !(proof.startsWith("/") ? existsSync(proof) : onPath(proof)))
    .map(([name]) => name);
  if (missing.length === 0) return;
  const apt = onPath("apt-get");
  if (apt === undefined) throw new Error(`the cluster needs these packages: ${missing.join(", ")}`);
  await withProgress(onProgress, `installing ${missing.join(", ")}`, async () => {
    const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: 600_000 };
    const waiting = ["-o", "DPkg::Lock::Timeout=300"];
    await command([apt, ...waiting, "update", "-qq"], options);
    await command([apt, ...waiting, "install", "-y", "-qq", "--no-install-recommends", ...missing], options);
  });
}
