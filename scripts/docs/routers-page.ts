import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { page, table } from "./markdown.ts";

const FOLDER = "e2e/interop/bgp";
const FILES = ["bgp", "incoming", "unnumbered", "bfd"].map((name) => `${FOLDER}/${name}.e2e.test.ts`);
const ROUTERS = ["FRR", "BIRD", "GoBGP", "ExaBGP"] as const;
/** Of the name of a suite: `BFD with FRR`; what is before it is what the suite is about. */
const WITH = new RegExp(`,? ?with (${ROUTERS.join("|")})$`);

interface Case {
  /** What it is about: the suites around it. */
  readonly about: string;
  readonly name: string;
  readonly router: string;
}

/** Which case is tried with which router, as the tests themselves name them. */
export function routersPage(): string {
  const cases = FILES.flatMap((file) => casesOf(namesIn(file)));
  const sections = [...new Set(cases.map(({ about }) => about))].map((about) => {
    const own = cases.filter((each) => each.about === about);
    const names = [...new Set(own.map(({ name }) => name))];
    const rows = names.map((name) => [
      name,
      ...ROUTERS.map((router) =>
        own.some((each) => each.name === name && each.router === router) ? "yes" : "–",
      ),
    ]);
    return `## ${about.slice(0, 1).toUpperCase()}${about.slice(1)}\n\n${table(["", ...ROUTERS], rows)}`;
  });
  return page(
    "What is tried with which router",
    `Every line is a test of \`npm test\` by its own name (source: \`${FOLDER}\`); who learns, is told or comes up is the router ` +
      'of the column, and what it says in its own show commands is what the test reads. "–": it is not tried with that one; ' +
      "[bgp.md](../bgp.md#tried-with) says what routers cannot do.",
    sections,
  );
}

/** Suites and tests as the runner tells of them, which runs none. */
function namesIn(file: string): string {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // else a runner in a test runs nothing
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--test", "--test-isolation=none", "--test-reporter=tap", file],
    {
      cwd: fileURLToPath(new URL("../..", import.meta.url)),
      env: { ...env, HERALD_NAMES_ONLY: "1" },
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`the names of tests cannot be read: ${stdout}${stderr}`);
  return stdout;
}

function casesOf(told: string): readonly Case[] {
  const lines = [...told.matchAll(/^( *)# Subtest: (.*)$/gm)].map(([, indent = "", name = ""]) => ({
    depth: indent.length,
    name: name.replaceAll(/\\([\\#])/g, "$1"),
  }));
  const around: string[] = [];
  return lines.flatMap(({ depth, name }, at) => {
    around.length = depth / 4;
    around.push(name);
    if ((lines[at + 1]?.depth ?? 0) > depth) return []; // a suite
    const suites = around.slice(0, -1);
    const router = suites.map((suite) => WITH.exec(suite)?.[1]).find((each) => each !== undefined);
    const about = suites
      .map((suite) => suite.replace(WITH, ""))
      .filter((suite) => suite !== "")
      .join(" ");
    return router === undefined ? [] : [{ about, name, router }];
  });
}
