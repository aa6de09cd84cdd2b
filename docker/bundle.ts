// node docker/bundle.ts FOLDER [PROGRAM...]: what an image holds besides Node, one folder per program.
import { mkdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Metafile, type Plugin } from "esbuild";
import { copyAddons } from "./addons.ts";
import { licences } from "./licences.ts";

/** What to bundle for one image. */
export interface Bundled {
  /** Entry modules by the name of their bundle; the first one is the program. Paths from the repository's root. */
  readonly entries: Readonly<Record<string, string>>;
  /** Packages with compiled parts: they stay packages, in `node_modules` beside the bundle. */
  readonly addons: readonly string[];
}

export const PROGRAMS = {
  controller: {
    entries: { controller: "packages/controller/src/main.ts", herald: "packages/cli/src/main.ts" },
    addons: [],
  },
  speaker: {
    entries: {
      speaker: "packages/speaker/src/main.ts",
      "kubernetes-worker": "packages/speaker/src/kubernetes-worker.ts",
      "bfd-worker": "packages/speaker/src/bfd-worker.ts",
    },
    addons: ["cap", "koffi"],
  },
} as const satisfies Readonly<Record<string, Bundled>>;

export type ProgramName = keyof typeof PROGRAMS;

/** One file of a bundle. */
export interface Output {
  readonly file: string;
  readonly octets: number;
  /** True when the program itself, or one of its workers, reads it at start; false for what `import()` may ask for later. */
  readonly atStart: boolean;
  /** Packages of others with code in it. */
  readonly packages: readonly string[];
}

export const repository = fileURLToPath(new URL("..", import.meta.url));

/**
 * Writes a program's bundle, its addons and the licences of everything in it to a folder, which is emptied first.
 *
 * @param root where the entries' paths begin.
 */
export async function bundle(
  program: Bundled,
  folder: string,
  root = repository,
): Promise<readonly Output[]> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.entries(program.entries).map(([out, path]) => ({ in: path, out })),
    outdir: folder,
    // Flat: a worker's path is relative to whichever file its starter ends up in.
    entryNames: "[name]",
    chunkNames: "chunk-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node24",
    minifyWhitespace: true,
    minifySyntax: true,
    // Why not identifiers: a crash's stack must name the function, and the compile cache makes up for the octets.
    minifyIdentifiers: false,
    legalComments: "none", // the licences file has them whole
    external: [...program.addons],
    // CommonJS packages in the bundle ask for Node's modules with `require`, which an ES module lacks.
    banner: {
      js: 'import{createRequire as $require}from"node:module";const require=$require(import.meta.url);',
    },
    plugins: [workerPaths(program), onlyEnglish, noSchemas],
    metafile: true,
    logLevel: "warning",
  });
  writeFileSync(join(folder, "package.json"), '{"type":"module"}\n');
  const addonFolders = copyAddons(
    program.addons,
    join(root, "packages/speaker"),
    join(folder, "node_modules"),
  );
  writeFileSync(join(folder, "LICENCES"), licences(metafile, addonFolders, root));
  return outputs(metafile, folder, root);
}

/** Sources start a worker by its TypeScript file; in the bundle its name is another. */
function workerPaths(program: Bundled): Plugin {
  const names = new Set(Object.keys(program.entries));
  return {
    name: "worker-paths",
    setup: ({ onLoad }) => {
      onLoad({ filter: /\/packages\/[^/]+\/src\/.*\.ts$/ }, async ({ path }) => {
        const source = await readFile(path, "utf8");
        const contents = source.replace(
          /new URL\("([^"]+)\.ts", import\.meta\.url\)/g,
          (_, target: string) => {
            const name = basename(target);
            if (!names.has(name))
              throw new Error(`${path} starts ${target}.ts, which docker/bundle.ts does not bundle`);
            return `new URL("./${name}.js", import.meta.url)`;
          },
        );
        return { contents, loader: "ts" };
      });
    },
  };
}

/** zod's messages in forty other languages would be read at every start. */
const onlyEnglish: Plugin = {
  name: "only-english",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};

/** What fastify would compile schemas with; packages/daemon/src/http.ts sees to it that it never asks. */
const noSchemas: Plugin = {
  name: "no-schemas",
  setup: ({ onLoad }) => {
    onLoad({ filter: /\/@fastify\/(ajv-compiler|fast-json-stringify-compiler)\/index\.js$/ }, () => ({
      contents: 'throw new Error("schema compilers are left out of the bundle");',
    }));
  },
};

function outputs(metafile: Metafile, folder: string, root: string): readonly Output[] {
  const early = readAtStart(metafile);
  return Object.entries(metafile.outputs).map(([path, { bytes, inputs }]) => ({
    file: relative(realpathSync(folder), realpathSync(join(root, path))),
    octets: bytes,
    atStart: early.has(path),
    packages: [...new Set(Object.keys(inputs).flatMap(packageOf))].sort(),
  }));
}

/** Entries, and what they import without `import()`. */
function readAtStart(metafile: Metafile): ReadonlySet<string> {
  const dynamic = new Set(
    Object.values(metafile.outputs).flatMap(({ imports }) =>
      imports.filter(({ kind }) => kind === "dynamic-import").map(({ path }) => path),
    ),
  );
  const found = new Set<string>();
  const visit = (path: string): void => {
    if (found.has(path)) return;
    found.add(path);
    for (const { path: next, kind, external } of metafile.outputs[path]?.imports ?? []) {
      if (kind === "import-statement" && external !== true) visit(next);
    }
  };
  for (const [path, { entryPoint }] of Object.entries(metafile.outputs)) {
    if (entryPoint !== undefined && !dynamic.has(path)) visit(path);
  }
  return found;
}

/** Name of the package a file below node_modules belongs to; none for our own files. */
export function packageOf(path: string): readonly string[] {
  const [, after] = /.*\/node_modules\/(.+)$/.exec(`/${path}`) ?? [];
  return after === undefined ? [] : [after.split("/", after.startsWith("@") ? 2 : 1).join("/")];
}

async function main([folder, ...names]: readonly string[]): Promise<void> {
  if (folder === undefined) throw new Error("usage: node docker/bundle.ts FOLDER [PROGRAM...]");
  const wanted = names.length === 0 ? Object.keys(PROGRAMS) : names;
  for (const name of wanted) {
    const program: Bundled | undefined = PROGRAMS[name as ProgramName];
    if (program === undefined)
      throw new Error(`no program ${name}: there are ${Object.keys(PROGRAMS).join(", ")}`);
    for (const { file, octets, atStart } of await bundle(program, join(folder, name))) {
      const when = atStart ? "at start" : "when asked for";
      process.stdout.write(
        `${name}/${file.padEnd(24)} ${(octets / 1024).toFixed(0).padStart(6)} KiB  ${when}\n`,
      );
    }
  }
}

if (import.meta.main) await main(process.argv.slice(2));
