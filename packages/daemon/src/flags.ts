import process from "node:process";
import { closest } from "@herald/shared/closest";
import { z } from "zod";
import { explainFlags } from "./flag-help.ts";

/** One flag, written `--name value`, `--name=value` or, as Go's programs take it, with one dash. */
export interface Flag {
  /** One letter that means the same: `-o yaml`. */
  readonly short?: string;
  /** From the text given to the value used; its messages say what is wanted: "a port from 1 to 65535". */
  readonly schema: z.ZodType<unknown, string>;
  readonly description: string;
  /** Environment variable read when the flag is absent; an empty one counts as absent. */
  readonly env?: string;
  /** Goes through the schema like any other text. Without it an absent flag is `undefined`. */
  readonly default?: string;
  /** What help shows for a default that is computed. */
  readonly defaultText?: string;
  /** What help shows for the value: `--port NUMBER`. */
  readonly placeholder?: string;
  /** `--name` alone means true; `--name=false` turns it off. */
  readonly boolean?: true;
  /** Absent from flags and environment alike is a mistake. */
  readonly required?: true;
  /** The value is kept out of messages. */
  readonly secret?: true;
}

/** A flag or environment name that others give a meaning which this program cannot honour. */
export interface RefusedFlag {
  readonly env?: string;
  /** A sentence: why, and what to do instead. */
  readonly because: string;
}

/** A word that is no flag. It may be left out; `-` is one. */
export interface Operand {
  /** What help shows for it: `[FILE]`. */
  readonly placeholder: string;
  readonly description: string;
}

export interface Program<F extends Readonly<Record<string, Flag>>> {
  readonly name: string;
  readonly version: string;
  /** One sentence for the top of the help. */
  readonly about: string;
  readonly flags: F;
  /** The one word that may stand among the flags; without it such a word is a mistake. */
  readonly operand?: Operand;
  /** What the exit codes mean, for the help; without it they are not spoken of. */
  readonly exitCodes?: Readonly<Record<number, string>>;
  readonly refused?: Readonly<Record<string, RefusedFlag>>;
}

export type FlagValues<F extends Readonly<Record<string, Flag>>> = {
  readonly [N in keyof F]: F[N] extends { readonly default: string } | { readonly required: true }
    ? z.output<F[N]["schema"]>
    : z.output<F[N]["schema"]> | undefined;
};

/** Help or version was asked for, or the flags are wrong: print `text` and exit. */
export interface FlagStop {
  readonly exitCode: 0 | 2;
  readonly text: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** @param args without the program's own name. */
export function parseFlags<const F extends Readonly<Record<string, Flag>>>(
  program: Program<F>,
  args: readonly string[],
  env: Environment,
): { readonly values: FlagValues<F>; readonly operand?: string } | FlagStop {
  try {
    const { given, operand } = readArguments(program, args);
    if (given.has("help")) return { exitCode: 0, text: explainFlags(program) };
    if (given.has("version")) return { exitCode: 0, text: `${program.name} ${program.version}` };
    refuseEnvironment(program, env);
    const values = Object.entries(program.flags).map(([name, flag]) => [
      name,
      readValue(name, flag, given.get(name), env),
    ]);
    const read = Object.fromEntries(values) as FlagValues<F>;
    return operand === undefined ? { values: read } : { values: read, operand };
  } catch (error) {
    if (!(error instanceof FlagMistake)) throw error;
    return { exitCode: 2, text: `${program.name}: ${error.message}` };
  }
}

/** Reads this process's flags; on help, version or a mistake it prints and exits. */
export function readFlags<const F extends Readonly<Record<string, Flag>>>(
  program: Program<F>,
): FlagValues<F> {
  const result = parseFlags(program, process.argv.slice(2), process.env);
  if ("values" in result) return result.values;
  (result.exitCode === 0 ? process.stdout : process.stderr).write(`${result.text}\n`);
  process.exit(result.exitCode);
}

/** Text as it is. */
export const text = z.string();

/** Go's spellings of a boolean (strconv.ParseBool). */
export const bool: z.ZodType<boolean, string> = z
  .string()
  .regex(/^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/, "want true or false")
  .transform((value) => /^[1tT]/.test(value));

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): z.ZodType<number, string> {
  const wanted = `want a whole number from ${min} to ${max}`;
  return z
    .string()
    .regex(/^\d{1,15}$/, wanted)
    .transform(Number)
    .refine((value) => value >= min && value <= max, wanted);
}

export const port: z.ZodType<number, string> = wholeNumber(1, 65_535);

/** RFC 1123, as names of Kubernetes objects. */
export const objectName: z.ZodType<string, string> = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, "want a name of lower-case letters, digits, - and .");

/** As the API server takes them: a name, or one after a domain and a slash. */
export const className: z.ZodType<string, string> = z
  .string()
  .regex(
    /^$|^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?$/,
    "want a class such as example.com/lb",
  );

/** One of a closed set. */
export function oneOf<const T extends string>(...choices: readonly T[]): z.ZodType<T, string> {
  return z
    .string()
    .refine((value) => choices.some((choice) => choice === value), `want ${choices.join(", ")}`)
    .transform((value) => value as T);
}

class FlagMistake extends Error {}

interface Arguments {
  readonly given: ReadonlyMap<string, string>;
  readonly operand: string | undefined;
}

function readArguments(program: Program<Readonly<Record<string, Flag>>>, args: readonly string[]): Arguments {
  const given = new Map<string, string>();
  let operand: string | undefined;
  const rest = [...args];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const match = /^--?([^-=][^=]*)(?:=(.*))?$/s.exec(word);
    if (match === null) {
      refuseWord(program, word, operand);
      operand = word;
      continue;
    }
    const [, written = "", attached] = match;
    const name = longName(program, written);
    if (name === "help" || name === "version") {
      given.set(name, "true");
      continue;
    }
    const flag = flagNamed(program, name);
    given.set(name, attached ?? detachedValue(name, flag, rest));
  }
  return { given, operand };
}

/** @param operand the one that stood before, if one did. */
function refuseWord(
  program: Program<Readonly<Record<string, Flag>>>,
  word: string,
  operand: string | undefined,
): void {
  if (program.operand === undefined || (word.startsWith("-") && word !== "-"))
    throw new FlagMistake(`unexpected argument "${word}"; flags begin with --`);
  if (operand !== undefined)
    throw new FlagMistake(`"${operand}" and "${word}": want one ${program.operand.placeholder} only`);
}

function longName({ flags }: Program<Readonly<Record<string, Flag>>>, written: string): string {
  if (written === "h") return "help";
  return Object.keys(flags).find((name) => flags[name]?.short === written) ?? written;
}

function flagNamed(program: Program<Readonly<Record<string, Flag>>>, name: string): Flag {
  const flag = own(program.flags, name);
  if (flag !== undefined) return flag;
  const refused = own(program.refused ?? {}, name);
  if (refused !== undefined) throw new FlagMistake(`--${name} is not supported: ${refused.because}`);
  const near = closest(name, Object.keys(program.flags));
  throw new FlagMistake(`unknown flag --${name}${near === undefined ? "" : `; did you mean --${near}?`}`);
}

/** Not what every object has by inheritance: `--constructor` is no flag. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function detachedValue(name: string, flag: Flag, rest: string[]): string {
  if (flag.boolean) return "true";
  const value = rest.shift();
  if (value === undefined) throw new FlagMistake(`--${name} needs a value`);
  return value;
}

function refuseEnvironment(
  { refused = {} }: Program<Readonly<Record<string, Flag>>>,
  env: Environment,
): void {
  for (const { env: name, because } of Object.values(refused)) {
    if (name !== undefined && env[name]) throw new FlagMistake(`${name} is not supported: ${because}`);
  }
}

function readValue(name: string, flag: Flag, given: string | undefined, env: Environment): unknown {
  const fromEnv = flag.env === undefined ? undefined : env[flag.env] || undefined;
  const written = given ?? fromEnv ?? flag.default;
  if (written === undefined && flag.required) {
    const also = flag.env === undefined ? "" : ` (or ${flag.env})`;
    throw new FlagMistake(`--${name}${also} is required: ${flag.description}`);
  }
  if (written === undefined) return undefined;
  const result = flag.schema.safeParse(written);
  if (result.success) return result.data;
  const source = given === undefined && fromEnv !== undefined ? `${flag.env} (--${name})` : `--${name}`;
  throw new FlagMistake(`${source}: ${refusal(flag, written)}: ${result.error.issues[0]?.message}`);
}

function refusal(flag: Flag, written: string): string {
  return flag.secret ? "the value is refused" : `${JSON.stringify(written)} is refused`;
}
