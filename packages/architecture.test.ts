import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const packages = fileURLToPath(new URL(".", import.meta.url));

/** The whole dependency graph. A new edge is a design decision: change this table in the same commit. */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  shared: ["ipaddr.js", "yaml", "zod"],
  layer2: ["@herald/shared", "@herald/wire"],
  gossip: ["@herald/shared", "@herald/wire"],
  bgp: ["@herald/shared", "@herald/wire"],
  bfd: ["@herald/shared", "@herald/wire"],
  k8s: ["@herald/shared", "@kubernetes/client-node"],
  daemon: ["@herald/shared", "fastify", "pino", "prom-client", "zod"],
  controller: [
    "@herald/daemon",
    "@herald/k8s",
    "@herald/shared",
    "@peculiar/x509",
    "prom-client",
    "reflect-metadata",
    "zod",
  ],
  speaker: [
    "@herald/bfd",
    "@herald/bgp",
    "@herald/daemon",
    "@herald/gossip",
    "@herald/k8s",
    "@herald/layer2",
    "@herald/shared",
    "@herald/wire",
    "cap",
    "koffi",
    "prom-client",
    "yaml",
    "zod",
  ],
  cli: [
    "@herald/controller",
    "@herald/daemon",
    "@herald/k8s",
    "@herald/shared",
    "@herald/speaker",
    "yaml",
    "zod",
  ],
  lab: ["@herald/shared", "@herald/wire"],
};

/** Protocols, allocation and configuration: no I/O, no clock, no dice, no promise. */
const PURE = ["wire", "shared", "layer2", "gossip", "bgp", "bfd"];

/** Pure files inside packages that also do I/O. */
const PURE_FILES = [
  "cli/src/address-pools.ts",
  "cli/src/config-source.ts",
  "cli/src/convert.ts",
  "cli/src/judge.ts",
  "cli/src/object-remarks.ts",
  "cli/src/report-text.ts",
  "cli/src/service-findings.ts",
  "cli/src/silences.ts",
  "cli/src/surroundings.ts",
  "cli/src/workloads.ts",
  "controller/src/observe.ts",
  "controller/src/reconcile.ts",
  "controller/src/webhook/certificate-plan.ts",
  "controller/src/webhook/change.ts",
  "controller/src/webhook/judge.ts",
  "controller/src/webhook/mistakes.ts",
  "controller/src/webhook/remarks.ts",
  "k8s/src/events-core.ts",
  "k8s/src/lease-core.ts",
  "k8s/src/queue-core.ts",
  "k8s/src/reflector-core.ts",
  "speaker/src/announcements.ts",
  "speaker/src/plan-scope.ts",
  "speaker/src/bfd-wishes.ts",
  "speaker/src/bgp-peer.ts",
  "speaker/src/bgp-plan.ts",
  "speaker/src/bgp-routes.ts",
  "speaker/src/bgp-wishes.ts",
  "speaker/src/observe.ts",
  "speaker/src/plan.ts",
  "speaker/src/planner.ts",
  "speaker/src/presence.ts",
  "speaker/src/speaker-meta.ts",
  "speaker/src/address-states.ts",
  "speaker/src/announced-condition.ts",
  "speaker/src/conflict-words.ts",
];

/** What big dependencies may be imported by, as a prefix of the file's path below packages/. */
const IMPORTERS: Readonly<Record<string, readonly string[]>> = {
  "@kubernetes/client-node": ["k8s/"],
  cap: ["speaker/src/io/"],
  koffi: ["speaker/src/io/"],
  fastify: ["daemon/"],
  pino: ["daemon/"],
  "ipaddr.js": ["shared/"],
  "@peculiar/x509": ["controller/src/webhook/"],
  "reflect-metadata": ["controller/src/webhook/"],
  "prom-client": ["daemon/src/http", "daemon/src/metrics", "controller/src/", "speaker/src/"],
};

const IMPURE_CODE = /\bDate\b|\bMath\.random\b|\bsetTimeout\b|\bconsole\.|\basync\b|\bPromise\b|from "node:/;

describe("architecture", () => {
  for (const [name, allowed] of Object.entries(MAY_USE)) {
    it(`${name} depends on nothing but ${allowed.join(", ") || "itself"}`, () => {
      const declared = Object.keys(manifest(name).dependencies);
      assert.deepEqual(
        declared.filter((dependency) => !allowed.includes(dependency)),
        [],
      );
    });

    it(`${name} imports nothing that its manifest does not name`, () => {
      const { dependencies, devDependencies } = manifest(name);
      const strangers = sources(name).flatMap(({ path, text }) => {
        const known = Object.keys(isTest(path) ? { ...dependencies, ...devDependencies } : dependencies);
        return importedPackages(text)
          .filter((target) => !known.includes(target) && target !== "fast-check")
          .map((target) => `${path} imports ${target}`);
      });
      assert.deepEqual(strangers, []);
    });
  }

  it("every package stands in the table", () => {
    const folders = readdirSync(packages, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    assert.deepEqual(folders.map((entry) => entry.name).sort(), Object.keys(MAY_USE).sort());
  });

  it("each big dependency has one importer", () => {
    const intruders = Object.keys(MAY_USE)
      .flatMap(sources)
      .filter(({ path }) => !isTest(path))
      .flatMap(({ path, text }) =>
        importedPackages(text)
          .filter((target) => !(IMPORTERS[target] ?? [""]).some((prefix) => path.startsWith(prefix)))
          .map((target) => `${path} imports ${target}`),
      );
    assert.deepEqual(intruders, []);
  });

  it("pure code has no I/O, clock, dice or promise in it", () => {
    const files = [
      ...PURE.flatMap(sources),
      ...PURE_FILES.map((path) => ({ path, text: readFileSync(join(packages, path), "utf8") })),
    ];
    const impure = files
      .filter(({ path }) => !isTest(path))
      .flatMap(({ path, text }) =>
        withoutComments(text)
          .split("\n")
          .filter((line) => IMPURE_CODE.test(line))
          .map((line) => `${path}: ${line.trim()}`),
      );
    assert.deepEqual(impure, []);
  });

  it("only lab and tests import lab", () => {
    const outside = Object.keys(MAY_USE)
      .filter((name) => name !== "lab")
      .flatMap(sources)
      .filter(({ path, text }) => !isTest(path) && importedPackages(text).includes("@herald/lab"));
    assert.deepEqual(
      outside.map(({ path }) => path),
      [],
    );
  });
});

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function manifest(name: string): Manifest {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(
    readFileSync(join(packages, name, "package.json"), "utf8"),
  ) as Partial<Manifest>;
  return { dependencies, devDependencies };
}

function sources(name: string): readonly { path: string; text: string }[] {
  return readdirSync(join(packages, name, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .map((file) => {
      const path = join(name, "src", file);
      return { path, text: readFileSync(join(packages, path), "utf8") };
    });
}

/** What runs in tests only: they, and what they keep beside their recorded bytes. */
function isTest(path: string): boolean {
  return path.endsWith(".test.ts") || path.includes("/testdata/");
}

/** Package names in import and export statements and in `import(…)`; own files and Node's modules left out. */
function importedPackages(text: string): readonly string[] {
  const specifiers = [...text.matchAll(/(?:\bfrom |\bimport\(|^import )"([^"]+)"/gm)].map(
    (match) => match[1] ?? "",
  );
  return specifiers
    .filter((specifier) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
    .map((specifier) => specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/"));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "");
}
