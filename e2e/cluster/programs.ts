import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { buildPrograms } from "./build.ts";
import { carriedClient } from "./carried-clients.ts";
import { installPackages } from "./debian.ts";
import { cacheFolder } from "./folders.ts";
import {
  type Acceptance,
  CLIENT_PROGRAMS,
  GO_PROGRAMS,
  type GoProgram,
  type ProgramName,
  programsFor,
} from "./program-list.ts";
import type { OnProgress } from "./progress.ts";
import { isExecutable, onPath, type Size } from "./requirements.ts";

/** Full path of each program a size uses. */
export class Programs {
  readonly #paths: ReadonlyMap<ProgramName, string>;

  constructor(paths: ReadonlyMap<ProgramName, string>) {
    this.#paths = paths;
  }

  /** @throws when the cluster's size has no use for it. */
  path(name: ProgramName): string {
    const found = this.#paths.get(name);
    if (found === undefined) throw new Error(`${name} is not part of this cluster's size`);
    return found;
  }
}

/**
 * Finds every program, in this order: the folder HERALD_PROGRAMS names, PATH where the version fits, the cache; what
 * is nowhere is built or unpacked into the cache.
 */
export async function findPrograms(size: Size, onProgress: OnProgress): Promise<Programs> {
  await installPackages(size, onProgress);
  const cache = cacheFolder();
  const { go, client } = programsFor(size);
  const paths = new Map<ProgramName, string>();
  for (const name of [...go, ...client]) {
    const present = presentProgram(name);
    if (present !== undefined) paths.set(name, present);
  }
  const toBuild: readonly GoProgram[] = go.filter((name) => !paths.has(name));
  for (const [name, path] of await buildPrograms(toBuild, cache, onProgress)) paths.set(name, path);
  for (const name of client) if (!paths.has(name)) paths.set(name, carriedClient(name, cache));
  return new Programs(paths);
}

function presentProgram(name: ProgramName): string | undefined {
  const chosen = process.env["HERALD_PROGRAMS"];
  if (chosen && isExecutable(join(chosen, name))) return join(chosen, name);
  const acceptance = name === "kubectl" || name === "helm" ? CLIENT_PROGRAMS[name] : GO_PROGRAMS[name].accept;
  const path = onPath(name);
  return path !== undefined && acceptance !== undefined && fits(path, acceptance) ? path : undefined;
}

function fits(path: string, { versionArgs, from, to }: Acceptance): boolean {
  const { stdout } = spawnSync(path, versionArgs, { encoding: "utf8", timeout: 60_000 });
  const [, major, minor] = /\bv?(\d+)\.(\d+)\.\d+/.exec(stdout ?? "") ?? [];
  if (major === undefined || minor === undefined) return false;
  const version = Number(major) * 1000 + Number(minor);
  return version >= from[0] * 1000 + from[1] && version <= to[0] * 1000 + to[1];
}
