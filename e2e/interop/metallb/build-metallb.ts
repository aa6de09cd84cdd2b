import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { command } from "../../cluster/command.ts";
import { cacheFolder } from "../../cluster/folders.ts";
import { findGo, type GoToolchain } from "../../cluster/go-toolchain.ts";
import { alone } from "../../cluster/image/lock.ts";
import { type OnProgress, withProgress } from "../../cluster/progress.ts";

const MODULE = "go.universe.tf/metallb";
/** The release that stands for those since 0.13, and what its module must add up to: its go.sum pins the rest. */
const VERSION = "v0.14.9";
const SUM = "h1:FYLII4Rpnju8pLY79H0BIoJVQI4mmEzeO9BJ0X44HX8=";
/** Any module of ours that says which Go it wants. */
const OUR_MODULE = join(import.meta.dirname, "../memberlist");

/** MetalLB itself. */
export interface MetalLb {
  readonly version: string;
  /** Path of the program. */
  readonly controller: string;
  readonly speaker: string;
  /** YAML of its CustomResourceDefinitions, as `kubectl apply` takes it. */
  readonly kinds: string;
  /** Folder of its chart. */
  readonly chart: string;
}

/** Takes MetalLB's sources from the Go module proxy, builds its programs once, and keeps them. */
export async function buildMetalLb(onProgress: OnProgress = () => {}): Promise<MetalLb> {
  const cache = cacheFolder();
  const { go, env } = await findGo(OUR_MODULE, cache, onProgress);
  const folder = join(cache, "peers", `metallb-${VERSION}-${process.arch}`);
  const sources = await download(go, env);
  if (!existsSync(folder)) {
    mkdirSync(join(cache, "peers"), { recursive: true });
    // Why alone: of two that come with theirs at the same time the second finds a folder that is not empty.
    await alone(join(cache, "peers", "metallb.lock"), onProgress, async () => {
      if (!existsSync(folder)) await build({ go, env }, sources, folder, onProgress);
    });
  }
  return {
    version: VERSION,
    controller: join(folder, "controller"),
    speaker: join(folder, "speaker"),
    kinds: readFileSync(join(sources, "charts/metallb/charts/crds/templates/crds.yaml"), "utf8"),
    chart: join(sources, "charts/metallb"),
  };
}

async function build(
  { go, env }: GoToolchain,
  sources: string,
  folder: string,
  onProgress: OnProgress,
): Promise<void> {
  const unfinished = `${folder}.${process.pid}.tmp`;
  mkdirSync(unfinished);
  const words = ["build", "-trimpath", "-ldflags=-s -w", "-o", `${unfinished}/`, "./controller", "./speaker"];
  try {
    await withProgress(onProgress, `building MetalLB ${VERSION}`, () =>
      command([go, ...words], { cwd: sources, env: { ...env, CGO_ENABLED: "0" }, timeoutMs: 1_200_000 }),
    );
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/** @returns the folder of the module's files; it is read-only, and Go's own. */
async function download(go: string, env: Readonly<Record<string, string>>): Promise<string> {
  const told = await command([go, "mod", "download", "-json", `${MODULE}@${VERSION}`], {
    cwd: "/",
    env: { ...env, GOFLAGS: "-mod=mod" },
    timeoutMs: 300_000,
  });
  const { Dir, Sum } = JSON.parse(told) as { readonly Dir: string; readonly Sum: string };
  if (Sum !== SUM) throw new Error(`${MODULE}@${VERSION} is ${Sum}, want ${SUM}`);
  return Dir;
}
