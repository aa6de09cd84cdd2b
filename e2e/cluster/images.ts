import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { command } from "./command.ts";
import { cacheFolder } from "./folders.ts";
import { baseNames, digest, makeBases } from "./image/bases.ts";
import { Buildah } from "./image/buildah.ts";
import { hostSettings } from "./image/host-settings.ts";
import { alone } from "./image/lock.ts";
import { type OnProgress, withProgress } from "./progress.ts";
import { onPath } from "./requirements.ts";

/** What the pods of a cluster run; `imagePullPolicy: IfNotPresent` goes with them, as no registry has them. */
export const IMAGE_NAMES = {
  controller: "docker.io/herald/controller:dev",
  speaker: "docker.io/herald/speaker:dev",
  echo: "docker.io/herald/echo:dev",
} as const;

export type ImageName = keyof typeof IMAGE_NAMES;

/** Paths of OCI archives, one for each image, that `ctr images import` takes. */
export type Images = Readonly<Record<ImageName, string>>;

export interface ImageOptions {
  readonly onProgress?: OnProgress;
  /** The repository to build; this one unless told. */
  readonly root?: string;
}

interface Recipe {
  readonly dockerfile: string;
  readonly context: string;
  /** Files the image is made from, relative to the context. */
  readonly inputs: readonly string[];
}

const here = import.meta.dirname;
const repository = fileURLToPath(new URL("../..", import.meta.url));
const BUILD_TIMEOUT_MS = 20 * 60_000;
/** Archives kept of each image: of this checkout and others of the same user. */
const KEPT = 4;

/**
 * The images of this checkout, built from the same Dockerfiles a user builds, on bases made here. What is already
 * built from the same sources is not built again.
 *
 * @throws when the machine has not what it takes; the message says what that is.
 */
export async function buildImages({
  onProgress = () => {},
  root = repository,
}: ImageOptions = {}): Promise<Images> {
  const folder = join(cacheFolder(), "images");
  mkdirSync(folder, { recursive: true });
  const recipes: Readonly<Record<ImageName, Recipe>> = {
    controller: program("controller", root),
    speaker: program("speaker", root),
    echo: {
      dockerfile: join(here, "image/echo.Dockerfile"),
      context: here,
      inputs: ["echo.ts", "image/echo.Dockerfile"],
    },
  };
  const names = Object.keys(recipes) as ImageName[];
  const images = Object.fromEntries(
    names.map((name) => [name, archivePath(folder, name, recipes[name])]),
  ) as Images;
  if (names.some((name) => !existsSync(images[name]))) {
    await alone(join(folder, "lock"), onProgress, () => buildMissing(folder, recipes, images, onProgress));
  }
  return images;
}

function program(name: "controller" | "speaker", root: string): Recipe {
  const inputs = globSync(
    [
      "package.json",
      "pnpm-lock.yaml",
      "pnpm-workspace.yaml",
      ".dockerignore",
      "scripts/toolchain/package.json",
      "patches/*",
      "docker/**/*",
      "packages/**/*",
    ],
    { cwd: root, exclude: ["**/node_modules", "**/testdata", "**/*.test.ts"] },
  ).filter(
    (path) =>
      statSync(join(root, path)).isFile() &&
      !/^docker\/((image|rendered-chart)\.ts|.*\.Dockerfile)$/.test(path),
  );
  const dockerfile = `docker/${name}.Dockerfile`;
  return { dockerfile: join(root, dockerfile), context: root, inputs: [...inputs, dockerfile].sort() };
}

function archivePath(folder: string, name: ImageName, { context, inputs }: Recipe): string {
  const contents = inputs.flatMap((path) => [path, readFileSync(join(context, path))]);
  const { run, build } = baseNames();
  return join(folder, `${name}-${digest(run, build, ...contents)}.tar`);
}

async function buildMissing(
  folder: string,
  recipes: Readonly<Record<ImageName, Recipe>>,
  images: Images,
  onProgress: OnProgress,
): Promise<void> {
  await installBuilders(onProgress);
  const buildah = await Buildah.open(join(folder, "storage"));
  await buildah.forgetWhenFull();
  const host = await hostSettings(join(folder, "settings"));
  const bases = await makeBases(buildah, host, onProgress);
  const bound = [
    "--build-arg",
    `BUILD_IMAGE=${bases.build}`,
    "--build-arg",
    `RUN_IMAGE=${bases.run}`,
    "--pull=false",
  ];
  for (const [name, { dockerfile, context }] of Object.entries(recipes) as [ImageName, Recipe][]) {
    if (existsSync(images[name])) continue;
    await withProgress(onProgress, `building image ${name}`, async () => {
      const tag = IMAGE_NAMES[name];
      const args = [
        "build",
        `--layers=${buildah.keepsLayers}`,
        ...bound,
        ...host.buildArgs,
        "--file",
        dockerfile,
        "--tag",
        tag,
        context,
      ];
      await buildah.run(args, { timeoutMs: BUILD_TIMEOUT_MS });
      const unfinished = join(folder, `${name}.${process.pid}.tmp`);
      await buildah.run(["push", "--quiet", tag, `oci-archive:${unfinished}:${tag}`], {
        timeoutMs: BUILD_TIMEOUT_MS,
      });
      renameSync(unfinished, images[name]);
    });
    forgetOld(folder, name);
  }
}

function forgetOld(folder: string, name: ImageName): void {
  const archives = globSync(join(folder, `${name}-*.tar`)).map((path) => ({
    path,
    at: statSync(path).mtimeMs,
  }));
  for (const { path } of archives.sort((a, b) => b.at - a.at).slice(KEPT)) rmSync(path, { force: true });
}

async function installBuilders(onProgress: OnProgress): Promise<void> {
  const missing = ["buildah", "debootstrap"].filter((program) => onPath(program) === undefined);
  const apt = onPath("apt-get");
  if (apt === undefined) {
    throw new Error(
      "images for the cluster are built on a Debian made here, which needs apt-get (Debian or Ubuntu)",
    );
  }
  if (missing.length === 0) return;
  await withProgress(onProgress, `installing ${missing.join(", ")}`, async () => {
    const options = { env: { DEBIAN_FRONTEND: "noninteractive" }, timeoutMs: BUILD_TIMEOUT_MS };
    const patient = [apt, "-o", "DPkg::Lock::Timeout=300"];
    await command([...patient, "update", "-qq"], options);
    await command([...patient, "install", "-y", "-qq", "--no-install-recommends", ...missing], options);
  });
}

if (import.meta.main) {
  const images = await buildImages({ onProgress: (line) => console.error(line) });
  for (const [name, path] of Object.entries(images)) console.log(`${name} ${path}`);
}
