import process from "node:process";
import { pino } from "pino";

/** MetalLB's names of the levels, most talkative first. */
export const LOG_LEVELS = ["all", "debug", "info", "warn", "error", "none"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Data of one log line. An `error` field takes the thrown value itself and is written with its causes. */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line per fact: `message` is constant, what varies goes into `fields`. */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A log whose lines all carry `fields` too. */
  with(fields: LogFields): Log;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** "controller" or "speaker", on every line. */
  readonly program: string;
  /** Takes whole lines, newline included; standard output when left out. */
  readonly write?: (line: string) => void;
}

const PINO_LEVEL: Readonly<Record<LogLevel, string>> = {
  all: "trace",
  debug: "debug",
  info: "info",
  warn: "warn",
  error: "error",
  none: "silent",
};

const SECRET_FIELDS = ["password", "secret", "secretKey", "token", "authorization"];

/** JSON lines: `level`, `ts` (ISO 8601), `program`, the fields, `msg`. Values of secret fields are blotted out. */
export function createLog({ level, program, write }: LogOptions): Log {
  const options = {
    level: PINO_LEVEL[level],
    base: { program },
    errorKey: "error",
    serializers: { error: describeThrown },
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: {
      paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
      censor: "(secret)",
    },
  };
  // Why not pino's own destination: it was seen to write an error after the line that followed it. Standard output
  // is synchronous for files, pipes and terminals on Linux, so nothing is lost when the process exits.
  return wrap(pino(options, { write: write ?? ((line: string) => process.stdout.write(line)) }));
}

/** What a thrown value says, its causes included, on one line: for people. */
export function describeError(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const text = thrown.name === "Error" ? thrown.message : `${thrown.name}: ${thrown.message}`;
  return thrown.cause === undefined ? text : `${text} (because ${describeError(thrown.cause)})`;
}

interface Sink {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(fields: LogFields): Sink;
}

function wrap(sink: Sink): Log {
  return {
    debug: (message, fields = {}) => sink.debug(fields, message),
    info: (message, fields = {}) => sink.info(fields, message),
    warn: (message, fields = {}) => sink.warn(fields, message),
    error: (message, fields = {}) => sink.error(fields, message),
    with: (fields) => wrap(sink.child(fields)),
  };
}

function describeThrown(thrown: unknown): unknown {
  return thrown instanceof Error ? { message: describeError(thrown), stack: thrown.stack } : thrown;
}
