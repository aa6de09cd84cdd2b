import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Metafile } from "esbuild";

/**
 * The licence texts of everything in a bundle that is not ours, which most licences want to travel with it.
 *
 * @param addonFolders packages that stand beside the bundle.
 * @param root what the metafile's paths are relative to.
 */
export function licences(metafile: Metafile, addonFolders: readonly string[], root: string): string {
  const bundled = Object.keys(metafile.inputs).flatMap((path) => {
    const [folder] = /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(`/${path}`) ?? [];
    return folder === undefined ? [] : [join(root, folder)];
  });
  const folders = [...new Set([...bundled, ...addonFolders])];
  const parts = folders.map((folder) => {
    const { name, version, license } = describe(folder);
    return `${name} ${version} (${license})\n\n${text(folder)}`;
  });
  return `${parts.sort().join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

function describe(folder: string): { name: string; version: string; license: string } {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string;
    licenses?: readonly { type: string }[];
  };
  const { name, version, license, licenses } = manifest;
  return {
    name,
    version,
    license: license ?? licenses?.map(({ type }) => type).join(", ") ?? "licence not named",
  };
}

function text(folder: string): string {
  const file = readdirSync(folder).find((name) => /^licen[cs]e/i.test(name));
  return file === undefined
    ? "The package has no licence file."
    : readFileSync(join(folder, file), "utf8").trim();
}
