import { copyFileSync, mkdirSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** What of a package with compiled parts is needed to run it: no sources, no other platform's binaries. */
const FILES: Readonly<Record<string, readonly string[]>> = {
  cap: ["package.json", "LICENSE", "lib/Cap.js", "lib/Decoders.js", "build/Release/cap.node"],
  koffi: ["package.json", "LICENSE.txt", "index.js", "src/koffi/index.js", "src/koffi/src/static.js"],
};

/** Binaries that live in a package of their own, one per platform; in it are glibc's and musl's. */
const platform = `linux-${process.arch}`;
const PLATFORM: Readonly<Record<string, { readonly name: string; readonly files: readonly string[] }>> = {
  koffi: {
    name: `@koromix/koffi-${platform}`,
    files: ["package.json", "index.js", `${platform.replace("-", "_")}/koffi.node`],
  },
};

/**
 * Copies packages as they were installed for `user`.
 *
 * @param user folder of the workspace package that depends on them.
 * @returns the folders copied from.
 */
export function copyAddons(names: readonly string[], user: string, nodeModules: string): readonly string[] {
  return names.map((name) => {
    const files = FILES[name];
    if (files === undefined)
      throw new Error(`docker/addons.ts does not say which files of ${name} are needed`);
    const source = realpathSync(join(user, "node_modules", name));
    copy(source, join(nodeModules, name), files);
    const own = PLATFORM[name];
    if (own !== undefined) copy(siblingOf(source, own.name), join(nodeModules, own.name), own.files);
    return source;
  });
}

function copy(from: string, to: string, files: readonly string[]): void {
  for (const file of files) {
    const target = join(to, file);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(from, file), target);
  }
}

/** Folder of a package that another one depends on. */
function siblingOf(folder: string, name: string): string {
  const require = createRequire(join(folder, "package.json"));
  return dirname(realpathSync(require.resolve(`${name}/package.json`)));
}
