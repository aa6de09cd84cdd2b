import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bool, type Environment, type Flag, oneOf, type Program, parseFlags, port, text } from "./flags.ts";

const program = {
  name: "thing",
  version: "1.2.3",
  about: "Does a thing.",
  flags: {
    port: {
      schema: port,
      description: "Port of the metrics.",
      env: "THING_PORT",
      default: "7472",
      placeholder: "NUMBER",
    },
    "log-level": { schema: oneOf("debug", "info"), description: "How much is logged.", default: "info" },
    "leader-elect": { schema: bool, description: "Elect one.", default: "true", boolean: true },
    kubeconfig: { schema: text, description: "Where the cluster is." },
    "secret-word": {
      schema: text.min(8, "want at least 8 letters"),
      description: "Whispered.",
      secret: true,
      env: "THING_WORD",
    },
  },
  refused: { "frr-mode": { env: "THING_FRR", because: "there is no FRR here; remove the flag." } },
} as const satisfies Program<Readonly<Record<string, Flag>>>;

const defaults = {
  port: 7472,
  "log-level": "info",
  "leader-elect": true,
  kubeconfig: undefined,
  "secret-word": undefined,
};

const understood: readonly { name: string; args: readonly string[]; env?: Environment; values: object }[] = [
  { name: "nothing at all", args: [], values: {} },
  { name: "a value after an equals sign", args: ["--port=80"], values: { port: 80 } },
  { name: "a value as the next word", args: ["--port", "80"], values: { port: 80 } },
  { name: "one dash, as Go writes it", args: ["-port", "80"], values: { port: 80 } },
  { name: "one dash and an equals sign", args: ["-port=80"], values: { port: 80 } },
  { name: "a value with an equals sign in it", args: ["--kubeconfig=a=b"], values: { kubeconfig: "a=b" } },
  { name: "an empty value", args: ["--kubeconfig="], values: { kubeconfig: "" } },
  { name: "a value that begins with a dash", args: ["--kubeconfig", "-x"], values: { kubeconfig: "-x" } },
  { name: "a boolean flag alone", args: ["--leader-elect", "--port=1"], values: { port: 1 } },
  { name: "a boolean turned off", args: ["--leader-elect=false"], values: { "leader-elect": false } },
  { name: "Go's short booleans", args: ["-leader-elect=F"], values: { "leader-elect": false } },
  { name: "the last of two", args: ["--port=1", "--port=2"], values: { port: 2 } },
  { name: "the environment", args: [], env: { THING_PORT: "81" }, values: { port: 81 } },
  {
    name: "a flag before the environment",
    args: ["--port=82"],
    env: { THING_PORT: "81" },
    values: { port: 82 },
  },
  { name: "an empty environment variable as absent", args: [], env: { THING_PORT: "" }, values: {} },
];

describe("flags", () => {
  for (const { name, args, env = {}, values } of understood) {
    it(`understand ${name}`, () =>
      assert.deepEqual(parseFlags(program, args, env), { values: { ...defaults, ...values } }));
  }
});

const refused: readonly { name: string; args: readonly string[]; env?: Environment; says: string }[] = [
  {
    name: "a flag with a typo",
    args: ["--prot=80"],
    says: "thing: unknown flag --prot; did you mean --port?",
  },
  { name: "a flag like no other", args: ["--zzz"], says: "thing: unknown flag --zzz" },
  {
    name: "a flag called as what every object has",
    args: ["--constructor=x"],
    says: "thing: unknown flag --constructor",
  },
  {
    name: "a word that is no flag",
    args: ["run"],
    says: 'thing: unexpected argument "run"; flags begin with --',
  },
  { name: "a flag without its value", args: ["--port"], says: "thing: --port needs a value" },
  {
    name: "a port too large",
    args: ["--port=70000"],
    says: 'thing: --port: "70000" is refused: want a whole number from 1 to 65535',
  },
  {
    name: "a port in words",
    args: ["-port", "http"],
    says: 'thing: --port: "http" is refused: want a whole number from 1 to 65535',
  },
  {
    name: "an environment variable, by its name",
    args: [],
    env: { THING_PORT: "http" },
    says: 'thing: THING_PORT (--port): "http" is refused: want a whole number from 1 to 65535',
  },
  {
    name: "a word out of a closed set",
    args: ["--log-level=loud"],
    says: 'thing: --log-level: "loud" is refused: want debug, info',
  },
  {
    name: "a boolean that is neither",
    args: ["--leader-elect=maybe"],
    says: 'thing: --leader-elect: "maybe" is refused: want true or false',
  },
  {
    name: "a secret without repeating it",
    args: ["--secret-word=hush"],
    says: "thing: --secret-word: the value is refused: want at least 8 letters",
  },
  {
    name: "what it cannot honour, as a flag",
    args: ["--frr-mode=x"],
    says: "thing: --frr-mode is not supported: there is no FRR here; remove the flag.",
  },
  {
    name: "what it cannot honour, in the environment",
    args: [],
    env: { THING_FRR: "x" },
    says: "thing: THING_FRR is not supported: there is no FRR here; remove the flag.",
  },
];

describe("wrong flags", () => {
  for (const { name, args, env = {}, says } of refused) {
    it(`refuse ${name}`, () => assert.deepEqual(parseFlags(program, args, env), { exitCode: 2, text: says }));
  }

  it("name a flag that is required and absent", () => {
    const flags = { node: { schema: text, description: "Its node.", env: "NODE", required: true } } as const;
    assert.deepEqual(parseFlags({ ...program, flags }, [], {}), {
      exitCode: 2,
      text: "thing: --node (or NODE) is required: Its node.",
    });
  });
});

describe("a command with a word of its own", () => {
  const command = {
    name: "thing do",
    version: "1.2.3",
    about: "Does one thing.",
    flags: {
      output: { short: "o", schema: oneOf("yaml", "json"), description: "How.", default: "yaml" },
    },
    operand: { placeholder: "[FILE]", description: "What to do it to." },
    exitCodes: { 0: "Done.", 1: "Refused." },
  } as const satisfies Program<Readonly<Record<string, Flag>>>;
  const read: readonly { name: string; args: readonly string[]; result: object }[] = [
    { name: "none", args: [], result: { values: { output: "yaml" } } },
    { name: "one", args: ["a.yaml"], result: { values: { output: "yaml" }, operand: "a.yaml" } },
    {
      name: "one before a flag that has one letter",
      args: ["a.yaml", "-o", "json"],
      result: { values: { output: "json" }, operand: "a.yaml" },
    },
    {
      name: "a dash alone",
      args: ["-o=json", "-"],
      result: { values: { output: "json" }, operand: "-" },
    },
    {
      name: "two of them as a mistake",
      args: ["a.yaml", "b.yaml"],
      result: { exitCode: 2, text: 'thing do: "a.yaml" and "b.yaml": want one [FILE] only' },
    },
    {
      name: "two dashes as a mistake",
      args: ["--"],
      result: { exitCode: 2, text: 'thing do: unexpected argument "--"; flags begin with --' },
    },
  ];
  for (const { name, args, result } of read) {
    it(`reads ${name}`, () => assert.deepEqual(parseFlags(command, args, {}), result));
  }

  it("has its word, the letter and the exit codes in its help", () => {
    assert.deepEqual(parseFlags(command, ["--help"], {}), {
      exitCode: 0,
      text: [
        "thing do: Does one thing.",
        "",
        "Usage: thing do [FILE] [flags]",
        "",
        "  [FILE]",
        "      What to do it to.",
        "",
        "Flags:",
        "  -o, --output TEXT",
        "      How. (default yaml)",
        "  --help",
        "      Print this and exit.",
        "  --version",
        "      Print the version and exit.",
        "",
        "Exit codes:",
        "  0   Done.",
        "  1   Refused.",
        "",
        "Flags may be written --name value, --name=value or with a single dash. A flag wins over the environment.",
      ].join("\n"),
    });
  });
});

describe("help", () => {
  it("shows every flag with its meaning, environment and default", () => {
    const { port: portFlag, kubeconfig } = program.flags;
    const small = { ...program, flags: { port: portFlag, kubeconfig } };
    assert.deepEqual(parseFlags(small, ["--help"], {}), {
      exitCode: 0,
      text: [
        "thing: Does a thing.",
        "",
        "Usage: thing [flags]",
        "",
        "Flags:",
        "  --kubeconfig TEXT",
        "      Where the cluster is.",
        "  --port NUMBER",
        "      Port of the metrics. (environment THING_PORT; default 7472)",
        "  --help",
        "      Print this and exit.",
        "  --version",
        "      Print the version and exit.",
        "",
        "Flags may be written --name value, --name=value or with a single dash. A flag wins over the environment.",
      ].join("\n"),
    });
  });

  for (const args of [["-h"], ["-help"], ["--port=1", "--help"]]) {
    it(`is printed for ${args.join(" ")}`, () => {
      const result = parseFlags(program, args, {});
      assert.equal("exitCode" in result && result.exitCode, 0);
    });
  }

  it("gives way to the version", () =>
    assert.deepEqual(parseFlags(program, ["--version"], {}), { exitCode: 0, text: "thing 1.2.3" }));
});
