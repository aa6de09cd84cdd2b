import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../cluster/command.ts";
import { cacheFolder } from "../../cluster/folders.ts";
import { alone } from "../../cluster/image/lock.ts";
import { withProgress } from "../../cluster/progress.ts";
import { onPath } from "../../cluster/requirements.ts";

/** The routers and a BMP station, by package of the distribution, and a file that shows it is there. */
const ROUTERS: Readonly<Record<string, string>> = {
  frr: "/usr/lib/frr/bgpd",
  bird2: "/usr/sbin/bird",
  gobgpd: "/usr/bin/gobgpd",
  pmacct: "/usr/sbin/pmbmpd",
  "python3-exabgp": "/usr/lib/python3/dist-packages/exabgp/__init__.py",
};

/** Installs the routers that are missing, through apt-get. None of them is started. */
export async function installRouters(): Promise<void> {
  if (missing().length === 0) return;
  mkdirSync(cacheFolder(), { recursive: true });
  const onProgress = (): void => {};
  await alone(join(cacheFolder(), "packages.lock"), onProgress, async () => {
    const names = missing(); // another process may have installed them meanwhile
    const apt = onPath("apt-get");
    if (names.length === 0) return;
    if (apt === undefined) throw new Error(`these tests need the packages ${names.join(", ")}`);
    await withProgress(onProgress, `installing ${names.join(", ")}`, () => install(apt, names));
  });
}

function missing(): readonly string[] {
  return Object.entries(ROUTERS)
    .filter(([, proof]) => !existsSync(proof))
    .map(([name]) => name);
}

async function install(apt: string, names: readonly string[]): Promise<void> {
  // Why a runlevel: in single user mode no package starts its daemons on this machine.
  const options = { env: { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" }, timeoutMs: 600_000 };
  const waiting = ["-o", "DPkg::Lock::Timeout=300"];
  await command([apt, ...waiting, "update", "-qq"], options);
  await command([apt, ...waiting, "install", "-y", "-qq", "--no-install-recommends", ...names], options);
}
