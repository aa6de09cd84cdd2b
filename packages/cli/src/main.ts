#!/usr/bin/env node
import { readFile } from "node:fs/promises";
import process from "node:process";
import { text as readAll } from "node:stream/consumers";
import { type Flag, type FlagValues, type Program, parseFlags } from "@herald/daemon/flags";
import manifest from "../package.json" with { type: "json" };
import { CONVERT, runConvert } from "./convert.ts";
import { MIGRATE, runMigrate } from "./migrate.ts";
import { CommandError, type Output } from "./output.ts";

type Run = (args: readonly string[]) => Promise<Output>;

/** What may come after `herald`. */
const COMMANDS: Readonly<Record<string, { readonly about: string; readonly run: Run }>> = {
  convert: command(CONVERT, async (values, operand = "-") => {
    const origin = operand === "-" ? "stdin" : operand;
    return runConvert(await read(operand), origin, values);
  }),
  migrate: command(MIGRATE, runMigrate),
};

function command<const F extends Readonly<Record<string, Flag>>>(
  program: Program<F>,
  run: (values: FlagValues<F>, operand: string | undefined) => Promise<Output>,
): { readonly about: string; readonly run: Run } {
  return {
    about: program.about,
    run: async (args) => {
      const result = parseFlags(program, args, process.env);
      if ("values" in result) return await run(result.values, result.operand);
      const { exitCode, text } = result;
      return exitCode === 0 ? said(text) : mistaken(text);
    },
  };
}

async function read(file: string): Promise<string> {
  try {
    return file === "-" ? await readAll(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error) throw new CommandError(error.message);
    throw error;
  }
}

async function main([word = "help", ...args]: readonly string[]): Promise<Output> {
  if (["help", "--help", "-h"].includes(word)) return said(help());
  if (["version", "--version"].includes(word)) return said(`herald ${manifest.version}`);
  const chosen = Object.hasOwn(COMMANDS, word) ? COMMANDS[word] : undefined;
  if (chosen === undefined) return mistaken(`herald: unknown command "${word}"\n\n${help()}`);
  try {
    return await chosen.run(args);
  } catch (error) {
    if (error instanceof CommandError) return mistaken(`herald ${word}: ${error.message}`);
    throw error;
  }
}

function help(): string {
  const commands = Object.entries(COMMANDS).map(([name, { about }]) => `  ${name.padEnd(8)} ${about}`);
  return [
    "herald: what an operator asks before and after a move from MetalLB.",
    "",
    "Usage: herald COMMAND [flags]",
    "",
    ...commands,
    "",
    "herald COMMAND --help tells more of each.",
  ].join("\n");
}

function said(text: string): Output {
  return { stdout: `${text}\n`, stderr: "", exitCode: 0 };
}

function mistaken(text: string): Output {
  return { stdout: "", stderr: `${text}\n`, exitCode: 2 };
}

const { stdout, stderr, exitCode } = await main(process.argv.slice(2));
process.stderr.write(stderr);
process.stdout.write(stdout);
process.exitCode = exitCode; // not exit(): a pipe may still be taking what was written
