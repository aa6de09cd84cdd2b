import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { bundle, type Output, PROGRAMS, type ProgramName, repository } from "./bundle.ts";

const scratch = mkdtempSync(join(tmpdir(), "herald-bundle-"));
after(() => rmSync(scratch, { recursive: true }));

const bundles = new Map<ProgramName, readonly Output[]>();
for (const name of Object.keys(PROGRAMS) as ProgramName[]) {
  bundles.set(name, await bundle(PROGRAMS[name], join(scratch, name)));
}

const startOctets = (name: ProgramName): number =>
  (bundles.get(name) ?? []).filter(({ atStart }) => atStart).reduce((sum, { octets }) => sum + octets, 0);

describe("bundle", () => {
  for (const [name, outputs] of bundles) {
    it(`starts ${name} without client-node, which only a kubeconfig needs`, () => {
      const loaders = outputs.filter(({ packages }) => packages.includes("@kubernetes/client-node"));
      assert.deepEqual(
        loaders.map(({ atStart }) => atStart),
        [false],
      );
    });

    it(`leaves fastify's compilers of schemas out of ${name}, which has none`, () => {
      const packages = outputs.flatMap((output) => output.packages);
      assert.deepEqual(
        packages.filter((each) => ["ajv", "@fastify/merge-json-schemas"].includes(each)),
        [],
      );
    });

    it(`keeps what ${name} reads at start below 1.75 MiB`, () => {
      assert.ok(startOctets(name) < 1.75 * 1024 * 1024, `${startOctets(name)} octets`);
    });

    it(`runs ${name} from the bundle alone`, () => {
      const program = join(scratch, name, `${name}.js`);
      assert.match(
        execFileSync(process.execPath, [program, "--help"], { cwd: "/", encoding: "utf8" }),
        /--log-level/,
      );
    });

    it(`ships the licences of what is in ${name}`, () => {
      const text = readFileSync(join(scratch, name, "LICENCES"), "utf8");
      const packages = [...new Set(outputs.flatMap((output) => output.packages)), ...PROGRAMS[name].addons];
      assert.deepEqual(
        packages.filter((each) => !text.includes(`${each} `)),
        [],
      );
    });
  }

  it("has the command herald beside the controller, to be called by its name", () => {
    const program = join(scratch, "controller", "herald.js");
    assert.match(readFileSync(program, "utf8"), /^#!\/usr\/bin\/env node\n/);
    const input = "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/24]}]";
    const options = { cwd: "/", encoding: "utf8", input } as const;
    assert.match(execFileSync(process.execPath, [program, "convert"], options), /^kind: IPAddressPool$/m);
  });

  it("gives the speaker the add-ons' code and nothing they were built from", () => {
    const files = readdirSync(join(scratch, "speaker", "node_modules"), {
      recursive: true,
      encoding: "utf8",
    });
    const koffi = `@koromix/koffi-linux-${process.arch}`;
    assert.deepEqual(files.filter((file) => /\.(node|js|cc|gyp)$/.test(file)).sort(), [
      `${koffi}/index.js`,
      `${koffi}/linux_${process.arch}/koffi.node`,
      "cap/build/Release/cap.node",
      "cap/lib/Cap.js",
      "cap/lib/Decoders.js",
      "koffi/index.js",
      "koffi/src/koffi/index.js",
      "koffi/src/koffi/src/static.js",
    ]);
  });

  it("keeps YAML out of the thread that answers, where a large configuration would hold it up", () => {
    const files = new Set(["speaker.js"]);
    for (const file of files) {
      const code = readFileSync(join(scratch, "speaker", file), "utf8");
      for (const [, next = ""] of code.matchAll(/(?:from|import)"\.\/([^"]+)"/g)) files.add(next);
    }
    const loaded = (bundles.get("speaker") ?? []).filter(({ file }) => files.has(file));
    assert.equal(loaded.length, files.size);
    assert.deepEqual(
      loaded.filter(({ packages }) => packages.includes("yaml")),
      [],
    );
  });

  it("starts the worker by its bundled name", () => {
    const code = readdirSync(join(scratch, "speaker"))
      .filter((file) => file.endsWith(".js"))
      .map((file) => readFileSync(join(scratch, "speaker", file), "utf8"))
      .join("");
    assert.match(code, /new URL\("\.\/kubernetes-worker\.js"/);
  });
});

describe("Dockerfiles", () => {
  const text = (name: ProgramName): string =>
    readFileSync(join(repository, `docker/${name}.Dockerfile`), "utf8");
  const buildStage = (name: ProgramName): string =>
    /^ARG BUILD_IMAGE[\s\S]*?(?=^# ---- run)/m.exec(text(name))?.[0] ?? name;
  const entrypoint = (name: ProgramName): readonly string[] =>
    JSON.parse(/^ENTRYPOINT (.*)$/m.exec(text(name))?.[1] ?? "[]") as string[];

  it("have one build stage in common, so that it is built once", () => {
    assert.equal(buildStage("controller"), buildStage("speaker"));
  });

  it("install from the manifest of every package", () => {
    const folders = readdirSync(join(repository, "packages"), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    const missing = folders.filter(
      ({ name }) => !text("speaker").includes(`COPY packages/${name}/package.json`),
    );
    assert.deepEqual(
      missing.map(({ name }) => name),
      [],
      "add a COPY line for each to both Dockerfiles",
    );
  });

  it("pin their bases by digest", () => {
    const bases = [...text("speaker").matchAll(/^ARG \w+_IMAGE=(.*)$/gm)].map((match) => match[1] ?? "");
    assert.equal(bases.length, 2);
    for (const base of bases) assert.match(base, /@sha256:[0-9a-f]{64}$/);
  });

  it("start the programs with the flags their compile cache was made with", () => {
    const warm = readFileSync(join(repository, "docker/warm.ts"), "utf8");
    const flags = JSON.parse(/^const FLAGS = (.*);$/m.exec(warm)?.[1] ?? "[]") as string[];
    for (const name of ["controller", "speaker"] as const) {
      assert.deepEqual(entrypoint(name), ["/usr/local/bin/node", ...flags, `/${name}/${name}.js`]);
    }
  });
});
