import type { Flag, Program } from "./flags.ts";

const WIDTH = 100;
const INDENT = "      ";

/** The text of `--help`: every flag with its meaning, environment name and default. */
export function explainFlags(program: Program<Readonly<Record<string, Flag>>>): string {
  const { name, about, flags, operand } = program;
  const entries = Object.entries(flags)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([flagName, flag]) => [`  ${usage(flagName, flag)}`, ...wrap(describe(flag))]);
  return [
    `${name}: ${about}`,
    "",
    `Usage: ${[name, operand?.placeholder ?? "", "[flags]"].filter((word) => word !== "").join(" ")}`,
    "",
    ...(operand === undefined ? [] : [`  ${operand.placeholder}`, ...wrap(operand.description), ""]),
    "Flags:",
    ...entries,
    "  --help",
    ...wrap("Print this and exit."),
    "  --version",
    ...wrap("Print the version and exit."),
    "",
    ...explainExitCodes(program),
    "Flags may be written --name value, --name=value or with a single dash. A flag wins over the environment.",
  ].join("\n");
}

function explainExitCodes({ exitCodes = {} }: Program<Readonly<Record<string, Flag>>>): readonly string[] {
  const lines = Object.entries(exitCodes).map(([code, meaning]) => `  ${code}   ${meaning}`);
  return lines.length === 0 ? [] : ["Exit codes:", ...lines, ""];
}

function usage(name: string, flag: Flag): string {
  const short = flag.short === undefined ? "" : `-${flag.short}, `;
  return `${short}${flag.boolean ? `--${name}[=false]` : `--${name} ${flag.placeholder ?? "TEXT"}`}`;
}

function describe(flag: Flag): string {
  const shown = flag.defaultText ?? (flag.default === "" ? undefined : flag.default);
  const notes = [
    flag.env === undefined ? "" : `environment ${flag.env}`,
    flag.required ? "required" : "",
    shown === undefined ? "" : `default ${shown}`,
  ].filter((note) => note !== "");
  return notes.length === 0 ? flag.description : `${flag.description} (${notes.join("; ")})`;
}

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && INDENT.length + line.length + 1 + word.length > WIDTH) {
      lines.push(INDENT + line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, INDENT + line];
}
