import { globSync } from "node:fs";
import { basename, join } from "node:path";
import { tail } from "./launch.ts";

/** Enough for the last ten seconds of a test, little enough that several failures fit on the end of a CI log. */
const LINES = 12;
const LINE_CHARACTERS = 240;

/** Of one log: its name, and the last lines without what stands in each of them. */
function lastLines(path: string): readonly string[] {
  const lines = tail(path, LINES).split("\n").map(shortened);
  return [`${basename(path)}:`, ...lines.map((line) => `  ${line.slice(0, LINE_CHARACTERS)}`)];
}

function shortened(line: string): string {
  try {
    const {
      ts,
      level,
      msg,
      program: _,
      advice: _advice,
      ...rest
    } = JSON.parse(line) as Record<string, unknown>;
    return `${String(ts).slice(11, 23)} ${level} ${msg} ${JSON.stringify(rest)}`;
  } catch (error) {
    if (error instanceof SyntaxError) return line;
    throw error;
  }
}

/** What Herald's programs said last, for whoever reads of a failure on a machine that is gone by then. */
export function lastWords(logFolder: string): string {
  const paths = globSync(["controller*.log", "speaker*.log"], { cwd: logFolder }).sort();
  return paths.flatMap((path) => lastLines(join(logFolder, path))).join("\n");
}
