import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseFlags } from "@herald/daemon/flags";
import { namespaceOf, program } from "./env.ts";
import { excludedInterfaces } from "./excluded-interfaces.ts";

function valuesOf(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const result = parseFlags(program, args, env);
  assert.ok("values" in result, "text" in result ? result.text : "");
  return result.values;
}

describe("the speaker's flags", () => {
  it("take MetalLB's environment and have MetalLB's defaults", () => {
    const env = {
      METALLB_NODE_NAME: "node-1",
      METALLB_NAMESPACE: "lb",
      METALLB_POD_NAME: "speaker-x",
      METALLB_HOST: "10.0.0.1",
      METALLB_ML_BIND_ADDR: "10.0.0.1",
      METALLB_ML_LABELS: "app=metallb,component=speaker",
      METALLB_ML_SECRET_KEY_PATH: "/etc/ml_secret_key",
    };
    assert.deepEqual(valuesOf([], env), {
      namespace: "lb",
      "node-name": "node-1",
      "pod-name": "speaker-x",
      host: "10.0.0.1",
      port: 7472,
      "log-level": "info",
      config: "config",
      kubeconfig: "",
      "lb-class": "",
      "ignore-exclude-lb": false,
      "fail-back-after": 300_000,
      "conflict-detection": "defend",
      "drain-on-cordon": false,
      "drain-on-not-ready": false,
      "bgp-listen": false,
      "bgp-listen-port": 179,
      "bmp-station": undefined,
      "observe-only": false,
      "exclude-interfaces": undefined,
      "drain-timeout": 5000,
      "gossip-profile": "default",
      "ml-labels": "app=metallb,component=speaker",
      "ml-bindaddr": "10.0.0.1",
      "ml-bindport": 7946,
      "ml-secret-key-path": "/etc/ml_secret_key",
    });
  });

  it("fall back to MetalLB's namespace outside a cluster", () =>
    assert.equal(namespaceOf(valuesOf(["--node-name=a"])), "metallb-system"));

  const durations = [
    { text: "500ms", ms: 500 },
    { text: "1.5s", ms: 1500 },
    { text: "0s", ms: 0 },
    { text: "1m", ms: 60_000 },
  ];
  for (const { text, ms } of durations) {
    it(`read ${text} as ${ms} ms`, () =>
      assert.equal(valuesOf(["--node-name=a", `--drain-timeout=${text}`])["drain-timeout"], ms));
  }

  for (const value of ["lb", "example.com/lb", "Internal_1.a"]) {
    it(`take the class ${value}`, () =>
      assert.equal(valuesOf(["--node-name=a", `--lb-class=${value}`])["lb-class"], value));
  }

  const refused = [
    {
      flag: "--drain-timeout=5",
      says: '--drain-timeout: "5" is refused: want a duration such as 5s or 500ms',
    },
    { flag: "--drain-timeout=2m", says: '--drain-timeout: "2m" is refused: want at most 1m' },
    { flag: "--ml-bindaddr=here", says: '--ml-bindaddr: "here" is refused: want an IP address' },
    {
      flag: "--ml-labels=app",
      says: '--ml-labels: "app" is refused: want labels such as app=metallb,component=speaker',
    },
    {
      flag: "--ml-secret-key-path=key",
      says: '--ml-secret-key-path: "key" is refused: want an absolute path',
    },
    {
      flag: "--exclude-interfaces=^lo$,((",
      says:
        '--exclude-interfaces: "^lo$,((" is refused: want regular expressions, and (( is none: ' +
        "Invalid regular expression: /((/: Unterminated group",
    },
    ...["--node-name=", "--node-name=a b/c", "--namespace=Foo_Bar", "--config=../x"].map((flag) => {
      const [name, value] = flag.split("=");
      return {
        flag,
        says: `${name}: "${value}" is refused: want a name of lower-case letters, digits, - and .`,
      };
    }),
    { flag: "--lb-class=!! x", says: '--lb-class: "!! x" is refused: want a class such as example.com/lb' },
  ];
  for (const { flag, says } of refused) {
    it(`refuse ${flag}`, () =>
      assert.deepEqual(parseFlags(program, ["--node-name=a", flag], {}), {
        exitCode: 2,
        text: `herald-speaker: ${says}`,
      }));
  }
});

describe("interfaces to leave alone", () => {
  const folder = mkdtempSync(join(tmpdir(), "herald-excluded-"));
  after(() => rmSync(folder, { recursive: true }));
  const file = (text: string): string => {
    const path = join(folder, "excludel2.yaml");
    writeFileSync(path, text);
    return path;
  };

  it("are the flag's before the file's", async () =>
    assert.deepEqual(await excludedInterfaces([/^a/], file("announcedInterfacesToExclude: [b]")), [/^a/]));

  it("are the file's before the usual ones", async () =>
    assert.deepEqual(await excludedInterfaces(undefined, file('announcedInterfacesToExclude: ["^eth1$"]')), [
      /^eth1$/,
    ]));

  it("are those of container networks without flag and file", async () => {
    const patterns = await excludedInterfaces(undefined, join(folder, "none"));
    const names = ["docker0", "veth1234", "lo", "cali12", "eth0", "bond0", "br0"];
    assert.deepEqual(
      names.filter((name) => !patterns.some((pattern) => pattern.test(name))),
      ["eth0", "bond0", "br0"],
    );
  });

  const refused = [
    "announcedInterfacesToExclude: ['((']",
    "interfaces: []",
    "announcedInterfacesToExclude: [",
  ];
  for (const text of refused) {
    it(`are refused when the file says ${text}`, () =>
      assert.rejects(excludedInterfaces(undefined, file(text)), { name: "StartError" }));
  }
});
