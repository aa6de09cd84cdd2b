// What `npm test` runs: everything, or with --quick only what needs no cluster (`npm run check`).
//   node scripts/test.ts [--quick] [--only WORD]      WORD: format, types, docs, unit, sim, e2e
import { spawnSync } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

const root = new URL("..", import.meta.url).pathname;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** What failed and why, as the runner says it. */
  readonly failures?: readonly string[];
}

interface Stage {
  readonly name: string;
  readonly about: string;
  readonly run: () => Counts;
}

const END_TO_END = ["e2e/real/*.e2e.test.ts", "e2e/interop/**/*.e2e.test.ts"];
/** Of what failed, at the end of a run: as many lines, and as much of each. */
const SHOWN_LINES = 150;
const SHOWN_OCTETS = 300;
/** Tests of what is, not of how long it takes or what is lost meanwhile: they may wait for each other's processors. */
const NOT_TIMED = [
  "e2e/interop/bgp/{bgp,bmp,incoming,unnumbered}.e2e.test.ts",
  "e2e/real/{admission,advertisements,allocation,chart,cluster,conflict,controller,crds,demo,describe}.e2e.test.ts",
  "e2e/real/{images,k8s,main-job,migrate,migrate-docs,passwords,speaker-io}.e2e.test.ts",
];

/** Most of a unit test's time is that of reading TypeScript, the same for each file; half of a program's start is, too. */
const COMPILED = { NODE_COMPILE_CACHE: join(root, "node_modules/.cache/compiled") };

const STAGES: readonly Stage[] = [
  {
    name: "format",
    about: "format and lint",
    run: () => program("biome", ["ci", "--error-on-warnings", "."]),
  },
  { name: "types", about: "types, everything", run: () => program("tsc", ["-p", "."]) },
  {
    name: "types",
    about: "types, pure packages without Node",
    run: () => program("tsc", ["-p", "tsconfig.pure.json"]),
  },
  {
    name: "docs",
    about: "generated files are fresh",
    run: () => program("node", ["scripts/docs.ts", "--check"]),
  },
  {
    name: "unit",
    about: "unit tests",
    // Why told how many: by itself the runner leaves one processor idle, which is one of two.
    run: () =>
      nodeTests(
        ["packages/**/*.test.ts", "docker/**/*.test.ts", "e2e/cluster/**/*.test.ts"],
        availableParallelism(),
        { env: COMPILED },
      ),
  },
  {
    name: "sim",
    about: "a thousand stories of a cluster on virtual time",
    // Why alone: they take all processors there are, and tests beside them would wait.
    run: () => nodeTests(["e2e/sim/**/*.test.ts"], 1),
  },
  {
    name: "e2e",
    about: "end to end, on real clusters in network namespaces, three beside each other",
    run: () => nodeTests(NOT_TIMED, 3, { env: COMPILED }),
  },
  {
    name: "e2e",
    about: "end to end, what is timed: one after another",
    run: () => nodeTests(END_TO_END, 1, { not: NOT_TIMED, env: COMPILED }),
  },
];

function main(): void {
  const { values } = parseArgs({ options: { quick: { type: "boolean" }, only: { type: "string" } } });
  const stages = STAGES.filter(
    ({ name }) => (values.only === undefined || values.only === name) && !(values.quick && name === "e2e"),
  );
  const lines: string[] = [];
  const failures: string[] = [];
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { about, run } of stages) {
    process.stdout.write(`\n=== ${about}\n`);
    const started = performance.now();
    const counts = run();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    lines.push(`${counts.failed === 0 ? "ok    " : "FAILED"} ${seconds.padStart(7)} s  ${about}`);
    if (counts.failures !== undefined) failures.push(`\n=== failed: ${about}`, ...counts.failures);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  // Why again: they are far up by now, and who reads the end of a log reads only that.
  if (failures.length > 0) process.stdout.write(`${failures.join("\n")}\n`);
  process.stdout.write(`\n${lines.join("\n")}\n\n`);
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}

/** A check that either holds or does not; its output is shown as it comes. */
function program(name: string, args: readonly string[]): Counts {
  const { status, error } = spawnSync(name, args, { cwd: root, stdio: "inherit" });
  if (error !== undefined) throw error;
  return status === 0 ? { passed: 1, failed: 0, skipped: 0 } : { passed: 0, failed: 1, skipped: 0 };
}

/** Runs test files under node's own runner; the counts are read from its summary. */
function nodeTests(
  patterns: readonly string[],
  concurrency: number,
  { not = [], env = {} }: { readonly not?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Counts {
  const files = globSync([...patterns], { cwd: root, exclude: ["**/node_modules/**", ...not] }).sort();
  const folder = mkdtempSync(join(tmpdir(), "herald-tests-"));
  const told = join(folder, "told");
  const reporters = [
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    "--test-reporter=spec",
    `--test-reporter-destination=${told}`,
  ];
  const { status, error } = spawnSync(
    "node",
    ["--test", `--test-concurrency=${concurrency}`, ...reporters, ...files],
    {
      cwd: root,
      stdio: "inherit",
      env: { ...process.env, ...env },
    },
  );
  if (error !== undefined) throw error;
  const [summary = "", why] = readFileSync(told, "utf8").split(/^.*failing tests:$/m);
  rmSync(folder, { recursive: true });
  const count = (word: string): number =>
    Number([...summary.matchAll(new RegExp(`^\\S+ ${word} (\\d+)$`, "gm"))].at(-1)?.[1] ?? 0);
  const failed = count("fail") + count("cancelled");
  return {
    passed: count("pass"),
    failed: status === 0 ? failed : Math.max(failed, 1),
    skipped: count("skipped") + count("todo"),
    ...(why === undefined ? {} : { failures: shortened(why) }),
  };
}

function shortened(text: string): readonly string[] {
  return text
    .trim()
    .split("\n")
    .slice(0, SHOWN_LINES)
    .map((line) => line.slice(0, SHOWN_OCTETS));
}

main();
