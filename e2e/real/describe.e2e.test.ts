import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "node:test";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { ECHO } from "../cluster/workload.ts";
import { clusterTests } from "./cluster-tests.ts";
import { differences, settled, shownIn, type, withOutputs } from "./documented-output.ts";
import { Installation, PATIENT } from "./installation.ts";
import { installKinds, metallbObject } from "./metallb-objects.ts";

const { it, before } = clusterTests({ kubelets: false });
const PAGE = join(import.meta.dirname, "../../docs/troubleshooting.md");
/** Set by `npm run docs:kubectl`: the page takes what is seen. */
const WRITES = process.env["HERALD_WRITE_DOCS"] === "1";
const DISPUTED = "192.168.1.149";
const WITHIN_MS = 40_000;

const OBJECTS = [
  metallbObject("IPAddressPool", "default", { addresses: ["192.168.1.100-192.168.1.149"] }),
  metallbObject("IPAddressPool", "small", { addresses: ["192.168.1.150/32"], autoAssign: false }),
  metallbObject("IPAddressPool", "lab", { addresses: ["192.168.1.160/28"], autoAssign: false }),
  metallbObject("L2Advertisement", "office", { ipAddressPools: ["default", "small"], interfaces: ["eth0"] }),
  metallbObject("L2Advertisement", "lab", { ipAddressPools: ["lab"], interfaces: ["eth9"] }),
];

/** What somebody does before a command that the page shows. */
const DONE_BEFORE: Readonly<Record<string, object>> = {
  "kubectl get configurationstates -n metallb-system": metallbObject("IPAddressPool", "annex", {
    addresses: ["192.168.1.140-192.168.1.144"],
  }),
};

/** In this order: who comes first gets the lower address, and the only one of a pool. */
const SERVICES: readonly { name: string; annotations?: Record<string, string>; until: string }[] = [
  { name: "web", until: "Announced" },
  { name: "shop", annotations: { "metallb.io/address-pool": "small" }, until: "Announced" },
  { name: "billing", annotations: { "metallb.io/address-pool": "small" }, until: "PoolExhausted" },
  { name: "intranet", annotations: { "metallb.io/address-pool": "defualt" }, until: "UnknownPool" },
  { name: "oscilloscope", annotations: { "metallb.io/address-pool": "lab" }, until: "NoInterface" },
  { name: "mail", annotations: { "metallb.io/loadBalancerIPs": DISPUTED }, until: "AddressQuarantined" },
];

describe("what kubectl shows, as the page says", () => {
  let cluster: Cluster;
  const seen = new Map<string, string>();
  const typed = (command: string): Promise<string> => type(cluster, command);

  before(async () => {
    cluster = await startCluster({ name: "describe" });
    await installKinds(cluster);
    const herald = await Installation.start(cluster, { speakerFlags: PATIENT }); // the same ones announce each time
    await cluster.exec("router", [
      ...["ip", "address", "add", `${DISPUTED}/32`, "dev", "eth0", "label", "eth0:taken"],
    ]);
    for (const node of cluster.nodes) await herald.startEcho(`echo-${node}`, node, "echo");
    await cluster.apply(OBJECTS);
    for (const [index, options] of SERVICES.entries()) await serve(index, options);
  });
  after(async () => {
    if (WRITES) writeFileSync(PAGE, withOutputs(readFileSync(PAGE, "utf8"), seen));
    await cluster?.stop();
  });

  for (const { command, output } of shownIn(readFileSync(PAGE, "utf8"))) {
    it(`is the same after: ${command}`, async () => {
      const done = DONE_BEFORE[command];
      if (done !== undefined) await cluster.apply(done);
      if (WRITES) return void seen.set(command, await settled(command, typed));
      assert.deepEqual(
        await differences({ command, output }, typed),
        [],
        "npm run docs:kubectl brings the page up to date; then read it",
      );
    });
  }

  /** Resolves when its conditions say what they are to say. */
  async function serve(
    index: number,
    { name, annotations = {}, until }: (typeof SERVICES)[number],
  ): Promise<void> {
    await cluster.apply({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, annotations, labels: { app: name } },
      spec: {
        type: "LoadBalancer",
        allocateLoadBalancerNodePorts: false,
        clusterIP: `10.96.0.${101 + index}`,
        selector: { app: "echo" },
        ports: [{ name: "http", port: 80, targetPort: ECHO.http }],
      },
    });
    await cluster.waitFor<{ status: { conditions?: readonly { reason: string }[] } }>(
      `/api/v1/namespaces/default/services/${name}`,
      (found) => found?.status.conditions?.some(({ reason }) => reason === until) === true,
      WITHIN_MS,
      `${name} is ${until}`,
    );
  }
});
