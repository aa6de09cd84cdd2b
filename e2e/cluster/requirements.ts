import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What a cluster is to do; kubelets need more of the machine. */
export interface Size {
  readonly kubelets: boolean;
}

/** Why this machine cannot run a cluster, in one sentence; undefined when it can. Tests report it as skipped. */
export function whyNot({ kubelets }: Size): string | undefined {
  const rules: readonly (readonly [boolean | (() => boolean), string])[] = [
    [process.platform === "linux", `a cluster needs Linux, and this is ${process.platform}`],
    [process.getuid?.() === 0, "a cluster needs root, to make network namespaces"],
    [() => isThereSoon("ip"), "a cluster needs the command ip (package iproute2)"],
    [() => onPath("setpriv") !== undefined, "a cluster needs the command setpriv (package util-linux)"],
    [canMakeNetworks, "this machine does not let root make network namespaces joined by veth pairs"],
    [canFilter, "this kernel has no nftables, which kube-proxy needs"],
    [!kubelets || existsSync("/sys/fs/cgroup"), "kubelets need control groups at /sys/fs/cgroup"],
    [!kubelets || canMount, "kubelets need to mount file systems, and this machine does not let root do so"],
  ];
  return rules.find(([holds]) => !(typeof holds === "function" ? holds() : holds))?.[1];
}

/** Full path of a program; undefined when PATH, and the folders only root has on it, do not hold it. */
export function onPath(program: string): string | undefined {
  const folders = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`.split(delimiter);
  return folders.map((folder) => join(folder, program)).find(isExecutable);
}

export function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  }
}

/** Whether it is there, or is installed with all that a cluster needs. */
function isThereSoon(program: string): boolean {
  return onPath(program) !== undefined || onPath("apt-get") !== undefined;
}

/** Tries it in a namespace that goes away with the command. True also where ip is still to be installed. */
function canMakeNetworks(): boolean {
  if (onPath("ip") === undefined) return true;
  return succeeds(
    "unshare",
    "--net",
    "sh",
    "-c",
    "ip link add dev va type veth peer name vb && ip link add dev br type bridge",
  );
}

/** True also where nft is still to be installed, or is just being so: then nothing can be said before. */
function canFilter(): boolean {
  return !succeeds("nft", "--version") || succeeds("unshare", "--net", "nft", "add", "table", "ip", "probe");
}

function canMount(): boolean {
  return succeeds("unshare", "--mount", "mount", "-t", "tmpfs", "none", "/mnt");
}

function succeeds(program: string, ...args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}
