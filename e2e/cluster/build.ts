import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";
import { findGo, type GoToolchain } from "./go-toolchain.ts";
import { alone } from "./image/lock.ts";
import { GO_PROGRAMS, type GoProgram } from "./program-list.ts";
import { type OnProgress, withProgress } from "./progress.ts";

const MODULE = join(import.meta.dirname, "go");
const BUILD_TIMEOUT_MS = 30 * 60_000;

/** Folder of the programs this very module builds: another version is another folder. */
export function builtFolder(cache: string): string {
  const hash = createHash("sha256");
  for (const name of ["go.mod", "go.sum", "etcd/main.go", "pause/main.go"])
    hash.update(readFileSync(join(MODULE, name)));
  hash.update(JSON.stringify(GO_PROGRAMS)).update(process.arch);
  return join(cache, "programs", `${kubernetesVersion()}-${hash.digest("hex").slice(0, 12)}`);
}

/** Builds what is missing, one program after the other, so that an interrupted build goes on where it was. */
export async function buildPrograms(
  names: readonly GoProgram[],
  cache: string,
  onProgress: OnProgress,
): Promise<ReadonlyMap<GoProgram, string>> {
  const folder = builtFolder(cache);
  mkdirSync(folder, { recursive: true });
  if (missingIn(folder, names).length > 0) {
    await alone(join(cache, "programs.lock"), onProgress, async () => {
      removeUnfinished(folder);
      await buildMissing(missingIn(folder, names), folder, cache, onProgress);
    });
  }
  return new Map(names.map((name) => [name, join(folder, name)]));
}

async function buildMissing(
  missing: readonly GoProgram[],
  folder: string,
  cache: string,
  onProgress: OnProgress,
): Promise<void> {
  if (missing.length === 0) return; // another process has built them meanwhile
  onProgress(`building ${missing.join(", ")}: once, some minutes; kept in ${folder}`);
  const toolchain = await findGo(MODULE, cache, onProgress);
  for (const [index, name] of missing.entries()) {
    const what = `building ${name} (${index + 1} of ${missing.length})`;
    await withProgress(onProgress, what, () => build(toolchain, name, folder));
  }
}

function missingIn(folder: string, names: readonly GoProgram[]): readonly GoProgram[] {
  return names.filter((name) => !existsSync(join(folder, name)));
}

async function build({ go, env }: GoToolchain, name: GoProgram, folder: string): Promise<void> {
  const { goPackage, goTags } = GO_PROGRAMS[name];
  const unfinished = join(folder, `${name}.tmp`);
  const tags = goTags === undefined ? [] : ["-tags", goTags];
  await command(
    [go, "build", "-p", "2", "-trimpath", ...tags, "-ldflags", linkerFlags(), "-o", unfinished, goPackage],
    {
      cwd: MODULE,
      env: { ...env, CGO_ENABLED: "0" },
      timeoutMs: BUILD_TIMEOUT_MS,
    },
  );
  renameSync(unfinished, join(folder, name));
}

/** Without the stamp the programs call themselves v0.0.0, and clients see an odd server. */
function linkerFlags(): string {
  const version = kubernetesVersion();
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  const stamps = { gitVersion: version, gitMajor: major, gitMinor: minor, gitTreeState: "clean" };
  const words = Object.entries(stamps).map(
    ([key, value]) => `-X k8s.io/component-base/version.${key}=${value}`,
  );
  return ["-s", "-w", ...words].join(" ");
}

function kubernetesVersion(): string {
  const version = /^\s+k8s\.io\/kubernetes (v\S+)/m.exec(readFileSync(join(MODULE, "go.mod"), "utf8"))?.[1];
  if (version === undefined) throw new Error("go/go.mod names no k8s.io/kubernetes");
  return version;
}

/** What builds left that were killed. Only for who holds the lock: nobody else writes here then. */
function removeUnfinished(folder: string): void {
  for (const path of globSync(join(folder, "*.tmp"))) rmSync(path, { recursive: true, force: true });
}
