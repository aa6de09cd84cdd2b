import { spawnSync } from "node:child_process";
import { existsSync, globSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { stateFolder } from "./folders.ts";
import { Ledger } from "./ledger.ts";
import {
  commandLineOf,
  inodeOf,
  isAlive,
  listProcesses,
  networkOf,
  type ProcessIdentity,
  type ProcessRow,
} from "./process-table.ts";

/** Only for failing: a busy machine takes its time also for ending. */
const GONE_WITHIN_MS = 60_000;

/** The process that runs this cluster now; undefined when nobody does. */
export function ownerOf(cluster: string): ProcessIdentity | undefined {
  const folder = stateFolder(cluster);
  if (!existsSync(folder)) return undefined;
  return new Ledger(folder).entries().findLast((entry) => entry.type === "owner" && isAlive(entry)) as
    | ProcessIdentity
    | undefined;
}

/**
 * Takes a cluster out of the machine: processes, mounts, network namespaces, control groups, files. Synchronous, so
 * that it also runs while the harness exits; harmless when there is nothing. Logs are kept.
 */
export function sweep(cluster: string): void {
  const folder = stateFolder(cluster);
  if (!existsSync(folder)) return;
  const entries = new Ledger(folder).entries();
  const namespaces = entries.filter((entry) => entry.type === "namespace").map((entry) => entry.name);
  const recorded = entries.filter((entry) => entry.type === "process");
  killAll(() => [...recorded.filter(isAlive), ...processesOf(folder, namespaces)]);
  removeContainers(folder);
  unmountBelow(folder);
  deleteNamespaces(namespaces);
  for (const name of readdirSync(folder)) {
    // The ledger goes last: until then a second attempt knows what is left.
    if (name !== "logs" && name !== "ledger.jsonl")
      rmSync(join(folder, name), { recursive: true, force: true });
  }
  rmSync(join(folder, "ledger.jsonl"), { force: true });
}

/**
 * Every process in one of the namespaces, in a pod's namespace mounted below the folder, or below a container
 * shim that serves the folder.
 */
export function processesOf(folder: string, namespaces: readonly string[]): readonly ProcessRow[] {
  const named = namespaces
    .map((name) => inodeOf(`/run/netns/${name}`))
    .filter((inode) => inode !== undefined);
  const networks = new Set([...named, ...mountsBelow(folder).flatMap(({ network }) => network ?? [])]);
  const all = listProcesses().filter((row) => row.state !== "Z");
  const chosen = new Set<number>();
  for (const row of all) {
    const inside = networks.has(networkOf(row.pid) ?? -1);
    const serves = row.name.startsWith("containerd-shim") && commandLineOf(row.pid).includes(`${folder}/`);
    if (inside || serves) chosen.add(row.pid);
  }
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    for (const row of all) if (chosen.has(row.parent)) chosen.add(row.pid);
  }
  return all.filter((row) => chosen.has(row.pid) && row.pid !== process.pid);
}

/** Kills until `find` finds nothing: what is being killed may still be starting things. */
export function killAll(find: () => readonly ProcessIdentity[]): void {
  const due = performance.now() + GONE_WITHIN_MS;
  for (let left = find(); left.length > 0; left = find()) {
    if (performance.now() > due)
      throw new Error(`still there after SIGKILL: ${left.map((p) => p.pid).join(", ")}`);
    for (const victim of left) if (isAlive(victim)) signal(victim.pid);
    sleepMs(20);
  }
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}

function sleepMs(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function unmountBelow(folder: string): void {
  const points = mountsBelow(folder).map(({ point }) => point);
  if (points.length > 0) run(["umount", "--lazy", ...points.reverse()]);
}

/** proc(5), mountinfo: the fourth field of a mounted network namespace is `net:[inode]`. */
function mountsBelow(
  folder: string,
): readonly { readonly point: string; readonly network: number | undefined }[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .map((line) => line.split(" "))
    .filter((fields) => fields[4]?.startsWith(`${folder}/`))
    .map((fields) => ({ point: fields[4] ?? "", network: networkIn(fields[3] ?? "") }));
}

function networkIn(root: string): number | undefined {
  const inode = /^net:\[(\d+)\]$/.exec(root)?.[1];
  return inode === undefined ? undefined : Number(inode);
}

function deleteNamespaces(names: readonly string[]): void {
  const left = names.filter((name) => existsSync(`/run/netns/${name}`));
  if (left.length > 0)
    run(["ip", "-force", "-batch", "-"], left.map((name) => `netns del ${name}\n`).join(""));
}

/**
 * What containers leave outside the cluster's folder: a control group each, and their shims' sockets. containerd keeps
 * a folder for each container, by its id.
 */
function removeContainers(folder: string): void {
  for (const path of globSync(
    join(folder, "*", "containerd", "state", "io.containerd.runtime.v2.task", "k8s.io", "*"),
  )) {
    const groups = globSync([
      `/sys/fs/cgroup/*/k8s.io/${basename(path)}`,
      `/sys/fs/cgroup/k8s.io/${basename(path)}`,
    ]);
    if (groups.length > 0) run(["find", ...groups, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]);
    const socket = shimSocket(join(path, "bootstrap.json"));
    if (socket !== undefined) rmSync(socket, { force: true });
  }
}

function shimSocket(bootstrap: string): string | undefined {
  if (!existsSync(bootstrap)) return undefined;
  const { address } = JSON.parse(readFileSync(bootstrap, "utf8")) as { readonly address?: string };
  return address?.replace(/^unix:\/\//, "");
}

function run(argv: readonly [string, ...string[]], input = ""): void {
  const { status, stderr, error } = spawnSync(argv[0], argv.slice(1), { input, encoding: "utf8" });
  if (error) throw error;
  if (status !== 0) process.stderr.write(`${argv.slice(0, 2).join(" ")}: ${stderr.trim()}\n`);
}
