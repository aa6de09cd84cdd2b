import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runConvert } from "./convert.ts";
import { CommandError } from "./output.ts";

const POOLS = `address-pools:
- name: office
  protocol: layer2
  addresses: [192.0.2.0/24]
`;
const indented = (text: string): string => text.replaceAll(/^(?=.)/gm, "    ");
const configMap = (text: string): string => `apiVersion: v1
kind: ConfigMap
metadata:
  namespace: lb
  name: config
data:
  config: |
${indented(text)}`;
const OBJECTS = `apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: office
  namespace: lb
spec:
  addresses:
    - 192.0.2.0/24
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata:
  name: l2advertisement1
  namespace: lb
spec:
  ipAddressPools:
    - office
`;
const YAML = { namespace: undefined, output: "yaml" } as const;

describe("herald convert", () => {
  const understood: readonly { name: string; file: string; namespace?: string }[] = [
    { name: "a ConfigMap", file: configMap(POOLS) },
    { name: "the text alone", file: POOLS, namespace: "lb" },
    {
      name: "a ConfigMap among other objects",
      file: `kind: Namespace\nmetadata: {name: lb}\n---\n${configMap(POOLS)}`,
    },
    {
      name: "a ConfigMap in a List, as kubectl prints it as JSON",
      file: JSON.stringify({
        kind: "List",
        items: [
          {
            kind: "ConfigMap",
            metadata: { namespace: "lb", name: "kube-root-ca.crt" },
            data: { "ca.crt": "" },
          },
          { kind: "ConfigMap", metadata: { namespace: "lb", name: "config" }, data: { config: POOLS } },
        ],
      }),
    },
    {
      name: "a namespace that is asked for",
      file: configMap(POOLS).replace("namespace: lb", "namespace: x"),
      namespace: "lb",
    },
  ];
  for (const { name, file, namespace } of understood) {
    it(`writes the objects of ${name}`, () => {
      const options = { ...YAML, namespace };
      assert.deepEqual(runConvert(file, "f", options), { stdout: OBJECTS, stderr: "", exitCode: 0 });
    });
  }

  it("writes them as one List of JSON", () => {
    const { stdout } = runConvert(configMap(POOLS), "f", { namespace: undefined, output: "json" });
    const { kind, items } = JSON.parse(stdout) as { kind: string; items: readonly { kind: string }[] };
    assert.deepEqual([kind, ...items.map((item) => item.kind)], ["List", "IPAddressPool", "L2Advertisement"]);
  });

  it("says beside them what would be different", () => {
    const { stderr, exitCode } = runConvert(POOLS.replace("office", "My_Office"), "f", YAML);
    assert.equal(exitCode, 0);
    assert.equal(
      stderr,
      'Pool "My_Office" is called "my-office" from now on: Services that ask for it in the annotation address-pool must ask for "my-office".\n',
    );
  });

  const refused: readonly { name: string; file: string; says: string }[] = [
    {
      name: "a mistake, with the line of the file",
      file: configMap(POOLS.replace("layer2", "layer3")),
      says: 'config.yaml: line 10: address-pools[0].protocol: "layer3" is not "layer2" or "bgp", did you mean "layer2"?',
    },
    {
      name: "a mistake in the text alone, with its line",
      file: POOLS.replace("layer2", "layer3"),
      says: 'config.yaml: line 3: address-pools[0].protocol: "layer3" is not "layer2" or "bgp", did you mean "layer2"?',
    },
    {
      name: "a mistake where lines do not go together, with the line of the text",
      file: JSON.stringify({
        kind: "ConfigMap",
        metadata: { name: "config" },
        data: { config: POOLS.replace("layer2", "layer3") },
      }),
      says: 'config.yaml: line 3 of data.config in ConfigMap config: address-pools[0].protocol: "layer3" is not "layer2" or "bgp", did you mean "layer2"?',
    },
    {
      name: "two pools that would have one name",
      file: `${POOLS}- {name: Office, protocol: layer2, addresses: [192.0.3.0/24]}\n`,
      says: 'config.yaml: address-pools[1].name: pool "Office" and pool "office" would both be called "office": rename one of them first',
    },
  ];
  for (const { name, file, says } of refused) {
    it(`refuses ${name}`, () =>
      assert.deepEqual(runConvert(file, "config.yaml", YAML), {
        stdout: "",
        stderr: `${says}\n`,
        exitCode: 1,
      }));
  }

  it("tells of objects without a configuration among them", () => {
    assert.throws(() => runConvert("kind: Service\n---\nkind: ConfigMap\ndata: {other: x}\n", "f", YAML), {
      name: "CommandError",
      message: 'there is no ConfigMap with a key "config" in it, only Service, ConfigMap',
    });
  });

  it("wants one configuration at a time", () => {
    const second = configMap(POOLS).replace("name: config", "name: other");
    assert.throws(
      () => runConvert(`${configMap(POOLS)}---\n${second}`, "f", YAML),
      new CommandError("ConfigMap lb/config and ConfigMap lb/other: give one at a time"),
    );
  });
});
