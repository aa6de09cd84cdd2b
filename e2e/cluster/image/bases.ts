import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { command } from "../command.ts";
import { type OnProgress, withProgress } from "../progress.ts";
import type { Buildah } from "./buildah.ts";
import type { HostSettings } from "./host-settings.ts";

/** Images that stand in for those the Dockerfiles name, which only a registry has. */
export interface Bases {
  /** For debian:bookworm-slim. */
  readonly run: string;
  /** For node:24-bookworm. */
  readonly build: string;
}

const BUILD_BASE = join(import.meta.dirname, "build-base.Dockerfile");
const SUITE = "bookworm";
/** For the build stage alone: it fetches pnpm. */
const NPM = "npm@11.6.2";
/** As Debian's slim images have it. */
const LEFT_OUT = [
  "usr/share/doc",
  "usr/share/man",
  "usr/share/locale",
  "usr/share/info",
  "var/cache/apt",
  "var/lib/apt/lists",
  "var/log",
];
const TEN_MINUTES_MS = 600_000;

/** The distribution of the Node that runs this: bin/node and include/node below it. */
const nodeHome = dirname(dirname(process.execPath));

/** Names of the bases; what they are made of is in their names. */
export function baseNames(): Bases {
  const run = digest(SUITE, process.arch, LEFT_OUT.join());
  const build = digest(run, readFileSync(BUILD_BASE, "utf8"), NPM, process.version);
  return { run: `localhost/herald-run-base:${run}`, build: `localhost/herald-build-base:${build}` };
}

/** Makes what is not there yet: once on a machine, about a minute and a half. */
export async function makeBases(
  buildah: Buildah,
  host: HostSettings,
  onProgress: OnProgress,
): Promise<Bases> {
  const names = baseNames();
  if (!(await buildah.has(names.run))) {
    await withProgress(onProgress, `making a small Debian ${SUITE} to build images on`, () =>
      makeRunBase(buildah, host, names.run),
    );
  }
  if (!(await buildah.has(names.build))) {
    await withProgress(onProgress, "adding compilers and Node to it, to build images with", () =>
      makeBuildBase(buildah, host, names),
    );
  }
  return names;
}

async function makeRunBase(buildah: Buildah, { debianMirror }: HostSettings, name: string): Promise<void> {
  const container = (await buildah.run(["from", "scratch"])).trim();
  try {
    const root = (await buildah.run(["mount", container])).trim();
    await command(["debootstrap", "--variant=minbase", SUITE, root, debianMirror], {
      timeoutMs: TEN_MINUTES_MS,
    });
    for (const path of LEFT_OUT) {
      rmSync(join(root, path), { recursive: true, force: true });
      mkdirSync(join(root, path), { recursive: true });
    }
    // The machine's own mirror is not the image's business: build steps mount theirs over it.
    writeFileSync(join(root, "etc/apt/sources.list"), "");
    for (const file of ["etc/resolv.conf", "etc/hostname"]) rmSync(join(root, file), { force: true });
    await buildah.run(["commit", "--quiet", container, name], { timeoutMs: TEN_MINUTES_MS });
  } finally {
    await buildah.run(["rm", container]);
  }
}

async function makeBuildBase(buildah: Buildah, host: HostSettings, { run, build }: Bases): Promise<void> {
  const context = mkdtempSync("/var/tmp/herald-base-");
  try {
    mkdirSync(join(context, "bin"));
    cpSync(process.execPath, join(context, "bin", "node"));
    cpSync(join(nodeHome, "include"), join(context, "include"), { recursive: true });
    const npm = [
      "npm",
      "install",
      "--prefix",
      join(context, "lib"),
      "--no-audit",
      "--no-fund",
      "--no-save",
      NPM,
    ];
    await command(npm, { timeoutMs: TEN_MINUTES_MS });
    const options = ["--build-arg", `RUN_BASE=${run}`, "--pull=false", "--file", BUILD_BASE, "--tag", build];
    await buildah.run(["build", ...options, ...host.buildArgs, context], { timeoutMs: TEN_MINUTES_MS });
  } finally {
    rmSync(context, { recursive: true, force: true });
  }
}

export function digest(...parts: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(`${part.length} `).update(part);
  return hash.digest("hex").slice(0, 16);
}
