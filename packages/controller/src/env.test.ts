import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Environment, parseFlags } from "@herald/daemon/flags";
import { controllerEnv, PROGRAM } from "./env.ts";

const MACHINE = { hostname: "box", podNamespace: undefined, nonce: "n1" };

function read(
  args: readonly string[],
  env: Environment = {},
  machine: Parameters<typeof controllerEnv>[1] = MACHINE,
): object {
  const result = parseFlags(PROGRAM, args, env);
  return "values" in result ? controllerEnv(result.values, machine) : result;
}

const DEFAULTS = {
  version: "0.1.0",
  podName: "box",
  identity: "box-n1",
  namespace: "metallb-system",
  configName: "config",
  lbClass: "",
  sharingAcrossNamespaces: false,
  observeOnly: false,
  leaderElect: true,
  host: "",
  port: 7472,
  logLevel: "info",
  kubeconfig: "",
  gossipSecret: "",
  deployment: "",
  webhook: {
    port: 9443,
    service: "herald-webhook",
    secret: "herald-webhook-cert",
    configuration: "herald-webhook",
    certificateLifeMs: 7_776_000_000,
    timeoutMs: 5_000,
    danglingReferences: "Warn",
  },
};

describe("the controller's flags", () => {
  it("have MetalLB's defaults", () => assert.deepEqual(read([]), DEFAULTS));

  it("take the namespace of the pod before that of MetalLB's manifests", () =>
    assert.deepEqual(read([], {}, { ...MACHINE, podNamespace: "lb" }), { ...DEFAULTS, namespace: "lb" }));

  it("take MetalLB's environment", () =>
    assert.deepEqual(
      read([], {
        METALLB_NAMESPACE: "a",
        METALLB_POD_NAME: "pod-1",
        METALLB_HOST: "10.0.0.1",
        METALLB_ML_SECRET_NAME: "memberlist",
        METALLB_DEPLOYMENT: "controller",
      }),
      {
        ...DEFAULTS,
        namespace: "a",
        podName: "pod-1",
        identity: "pod-1",
        host: "10.0.0.1",
        gossipSecret: "memberlist",
        deployment: "controller",
      },
    ));

  it("take MetalLB's flags, with one dash or two", () =>
    assert.deepEqual(
      read([
        "-config=c",
        "-port",
        "80",
        "--lb-class=mine",
        "--log-level=all",
        "--webhook-mode=disabled",
        "--leader-elect=false",
      ]),
      {
        ...DEFAULTS,
        ...{ configName: "c", port: 80, lbClass: "mine", logLevel: "all", leaderElect: false },
        webhook: undefined,
      },
    ));

  it("turn the webhook off by its port, and make it known by other names", () => {
    assert.deepEqual(read(["--webhook-port=0"]), { ...DEFAULTS, webhook: undefined });
    const names = ["--cert-service-name=s", "--webhook-secret=c", "--webhook-configuration=w"];
    const times = ["--webhook-certificate-life=10s", "--webhook-timeout=30s"];
    const words = ["--webhook-mode=enabled", "--webhook-dangling-references=Refuse"];
    const numbers = ["--webhook-port=1", ...times, ...words];
    assert.deepEqual(read([...names, ...numbers]), {
      ...DEFAULTS,
      webhook: {
        port: 1,
        service: "s",
        secret: "c",
        configuration: "w",
        certificateLifeMs: 10_000,
        timeoutMs: 30_000,
        danglingReferences: "Refuse",
      },
    });
  });

  const refused = [
    { args: ["--port=0"], says: '--port: "0" is refused: want a whole number from 1 to 65535' },
    {
      args: ["--namespace=Not OK"],
      says: '--namespace: "Not OK" is refused: want a name of lower-case letters, digits, - and .',
    },
    {
      args: ["--webhook-mode=onlywebhook"],
      says: '--webhook-mode: "onlywebhook" is refused: want enabled, disabled',
    },
    {
      args: ["--webhook-certificate-life=9s"],
      says: '--webhook-certificate-life: "9s" is refused: want a duration from 10s to 87600h',
    },
    {
      args: ["--webhook-dangling-references=ignore"],
      says: '--webhook-dangling-references: "ignore" is refused: want Warn, Refuse',
    },
    {
      args: ["--webhook-timeout=31s"],
      says: '--webhook-timeout: "31s" is refused: want a duration from 1s to 30s',
    },
  ];
  for (const { args, says } of refused) {
    it(`refuse ${args.join(" ")}`, () =>
      assert.deepEqual(read(args), { exitCode: 2, text: `herald-controller: ${says}` }));
  }
});

describe("the program", () => {
  const main = fileURLToPath(new URL("main.ts", import.meta.url));
  const run = (...args: readonly string[]): { status: number | null; stdout: string; stderr: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
    return { status, stdout, stderr };
  };

  it("refuses a wrong flag before anything else", () =>
    assert.deepEqual(run("--prot=80"), {
      status: 2,
      stdout: "",
      stderr: "herald-controller: unknown flag --prot; did you mean --port?\n",
    }));

  it("says in one line which kubeconfig it could not read", () => {
    const { status, stdout } = run("--kubeconfig=/nowhere/at/all");
    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    assert.deepEqual([status, lines.map(({ msg }) => msg)], [1, ["starting", "cannot start"]]);
    assert.match(lines[1].reason, /\/nowhere\/at\/all.*--kubeconfig/);
  });
});
