import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";
import { cacheFolder } from "./folders.ts";
import { alone } from "./image/lock.ts";
import { type OnProgress, withProgress } from "./progress.ts";
import { onPath, type Size } from "./requirements.ts";

/** What the distribution has in good shape: package, and a file or program that shows it is there. */
const PLAIN = {
  nftables: "nft",
  iproute2: "ip",
  conntrack: "conntrack",
  curl: "curl",
  tcpdump: "tcpdump",
  // Why this arping and not the one of iputils: it goes on listening, so that a second holder is heard too.
  arping: "/usr/sbin/arping",
  ndisc6: "ndisc6",
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
  mkdirSync(cacheFolder(), { recursive: true });
  // Why also where all is there: a program is in its place before the libraries that it needs.
  await alone(join(cacheFolder(), "packages.lock"), onProgress, () => install(missingOf(wanted), onProgress));
}

function missingOf(wanted: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(wanted)
    .filter(([, proof]) => !(proof.startsWith("/") ? existsSync(proof) : onPath(proof)))
    .map(([name]) => name);
}

async function install(missing: readonly string[], onProgress: OnProgress): Promise<void> {
  if (missing.length === 0) return; // another process has installed them meanwhile
  const apt = onPath("apt-get");
  if (apt === undefined) throw new Error(`the cluster needs these packages: ${missing.join(", ")}`);
  await withProgress(onProgress, `installing ${missing.join(", ")}`, async () => {
    const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: 600_000 };
    const waiting = ["-o", "DPkg::Lock::Timeout=300"];
    await command([apt, ...waiting, "update", "-qq"], options);
    await command([apt, ...waiting, "install", "-y", "-qq", "--no-install-recommends", ...missing], options);
  });
}
