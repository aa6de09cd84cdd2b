import type { Flag, Program } from "../../packages/daemon/src/flags.ts";
import { page, table } from "./markdown.ts";

type AnyProgram = Program<Readonly<Record<string, Flag>>>;

export function flagsPage(programs: readonly AnyProgram[]): string {
  return page(
    "Flags and environment",
    "Source: `env.ts` of each program; `--help` says the same. A flag wins over the environment; `--name=value`, `--name value` and a single dash all work.",
    programs.map(section),
  );
}

function section({ name, about, flags, operand, exitCodes = {}, refused = {} }: AnyProgram): string {
  const rows = Object.entries(flags)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([flag, { short, env, default: given, defaultText, required, description }]) => [
      `${short === undefined ? "" : `\`-${short}\`, `}\`--${flag}\``,
      env === undefined ? "" : `\`${env}\``,
      required === true ? "required" : (defaultText ?? (given ? `\`${given}\`` : "")),
      description,
    ]);
  const declined = Object.entries(refused).map(
    ([flag, { because }]) => `- \`--${flag}\` is refused: ${because}`,
  );
  const codes = Object.entries(exitCodes).map(([code, meaning]) => `- ${code}: ${meaning}`);
  return [
    `## ${name}`,
    `It ${about}`,
    operand === undefined ? "" : `\`${operand.placeholder}\`: ${operand.description}`,
    table(["flag", "environment", "default", "meaning"], rows),
    declined.join("\n"),
    codes.length === 0 ? "" : `Exit codes:\n\n${codes.join("\n")}`,
  ]
    .filter((part) => part !== "")
    .join("\n\n");
}
