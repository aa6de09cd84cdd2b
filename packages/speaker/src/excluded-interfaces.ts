import { existsSync, readFileSync } from "node:fs";
import { StartError } from "@herald/daemon/start-error";
import { z } from "zod";
import { compile } from "./env.ts";
import { DEFAULT_EXCLUDED_INTERFACES } from "./interface-rules.ts";

/** Where MetalLB's ConfigMap metallb-excludel2 is mounted. */
const FILE = "/etc/metallb/excludel2.yaml";

const Document = z.strictObject({ announcedInterfacesToExclude: z.array(z.string()).default([]) });

/**
 * Patterns of interfaces to leave alone: the flag's, else the file's, else those that container networks use.
 *
 * @throws {StartError} when the file says something else than it should.
 */
export async function excludedInterfaces(
  flag: readonly RegExp[] | undefined,
  file: string = FILE,
): Promise<readonly RegExp[]> {
  if (flag !== undefined) return flag;
  const written = existsSync(file)
    ? await readPatterns(file, readFileSync(file, "utf8"))
    : DEFAULT_EXCLUDED_INTERFACES;
  return written.map((text) => {
    const pattern = compile(text);
    if (typeof pattern === "string")
      throw new StartError(`${file}: ${text} is no regular expression: ${pattern}`);
    return pattern;
  });
}

async function readPatterns(file: string, text: string): Promise<readonly string[]> {
  const { parseDocument } = await import("yaml"); // few have the file
  const document = parseDocument(text);
  const [mistake] = document.errors;
  if (mistake !== undefined) throw new StartError(`${file}: ${mistake.message}`);
  const parsed = Document.safeParse(document.toJS() ?? {});
  if (!parsed.success) throw new StartError(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data.announcedInterfacesToExclude;
}
