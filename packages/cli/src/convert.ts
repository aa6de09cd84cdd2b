import { type FlagValues, oneOf, type Program, text } from "@herald/daemon/flags";
import { convert } from "@herald/shared/config/convert/convert";
import { yamlText } from "@herald/shared/config/yaml-text";
import { ConfigError, type ConfigMistake, describeMistake } from "@herald/shared/errors";
import manifest from "../package.json" with { type: "json" };
import { type ConfigSource, findConfig } from "./config-source.ts";
import { type Output, textOf } from "./output.ts";

const flags = {
  namespace: {
    schema: text,
    description: "Where the objects are to live, which is where Herald runs.",
    defaultText: "the ConfigMap's, else metallb-system",
    placeholder: "NAME",
  },
  output: {
    short: "o",
    schema: oneOf("yaml", "json"),
    description: "How the objects are written.",
    default: "yaml",
    placeholder: "yaml|json",
  },
} as const;

export const CONVERT = {
  name: "herald convert",
  version: manifest.version,
  about:
    "writes a ConfigMap of MetalLB 0.7 to 0.12 as objects of metallb.io, and says on stderr what would be different.",
  flags,
  operand: {
    placeholder: "[FILE]",
    description:
      "The ConfigMap, as YAML or JSON, or the text alone that stands in it under the key config; - or nothing for what comes in on stdin.",
  },
  exitCodes: {
    0: "The objects are on stdout.",
    1: "The configuration is refused: every mistake is on stderr, with its line, and nothing on stdout.",
    2: "The flags are wrong, or the file cannot be read.",
  },
} satisfies Program<typeof flags>;

/**
 * @param file what the operator gave us.
 * @param origin how to call it: the name of the file.
 * @throws {CommandError} when there is no configuration in it.
 */
export function runConvert(file: string, origin: string, options: FlagValues<typeof flags>): Output {
  const source = findConfig(file);
  try {
    const namespace = options.namespace ?? source.namespace ?? "metallb-system";
    const { objects, differences } = convert(source.text, namespace);
    const written =
      options.output === "json"
        ? `${JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }, null, 2)}\n`
        : yamlText(objects);
    return { stdout: written, stderr: textOf(differences), exitCode: 0 };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = error.mistakes.map((mistake) => `${origin}: ${describeMistake(placed(mistake, source))}`);
    return { stdout: "", stderr: textOf(lines), exitCode: 1 };
  }
}

/** With the line of the file; where that is not known, of the text, and saying so. */
function placed(mistake: ConfigMistake, { linesBefore, name }: ConfigSource): ConfigMistake {
  if (mistake.line === 0) return mistake;
  if (linesBefore !== undefined) return { ...mistake, line: mistake.line + linesBefore };
  const path = `line ${mistake.line} of data.config in ${name}: ${mistake.path}`;
  return { ...mistake, line: 0, path };
}
