import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import type { Host, NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { command } from "../cluster/command.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, PATIENT } from "./installation.ts";
import { addressesIn } from "./objects.ts";
import { untilEqual } from "./until-equal.ts";

const { it, before } = clusterTests({ kubelets: false });
const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
const CONFIG = `address-pools:
- name: dual
  protocol: layer2
  addresses:
  - 192.168.1.170/32
  - fd77::1:0/120
`;
const IPV4 = "192.168.1.170";
const IPV6 = "fd77::1:0";
const ONLY_IPV6 = "fd77::1:1";
/** Of IPV6 (RFC 4291 §2.7.1). */
const GROUP = "ff02::1:ff01:0";

describe("IPv6 on a real segment, whose bridge forwards to groups only where somebody joined", () => {
  let cluster: Cluster;
  let herald: Installation;

  before(async () => {
    cluster = await startCluster({ name: "ipv6" });
    await snoop();
    herald = await Installation.start(cluster, { speakerFlags: [...PATIENT, "--fail-back-after=0s"] });
    await herald.configure(CONFIG);
    await Promise.all(cluster.nodes.map((node) => herald.startEcho(`echo-${node}`, node, "echo")));
  });
  after(() => cluster?.stop());

  it("gives a dual-stack Service an address of each family, announced by one node", async () => {
    const [dual] = await herald.createServices([
      { name: "dual", spec: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] } },
    ]);
    assert.deepEqual(dual && addressesIn(dual), [IPV4, IPV6]);
    const owner = await herald.segment.untilHeld(IPV6);
    await herald.segment.untilHeld(IPV4, (node) => node === owner);
  });

  it("gives an IPv6 Service an address, announced by one node", async () => {
    const [only] = await herald.createServices([{ name: "only-ipv6", spec: { ipFamilies: ["IPv6"] } }]);
    assert.deepEqual(only && addressesIn(only), [ONLY_IPV6]);
    await herald.segment.untilHeld(ONLY_IPV6);
  });

  for (const [host, from] of [
    ["client", "fd77::50"],
    ["far-client", "fd99::50"],
  ] as const) {
    it(`answers ${host} over IPv6, through kube-proxy, by a pod`, async () => {
      for (const address of [IPV6, ONLY_IPV6]) {
        assert.match((await herald.ask(host, address)).pod, /^echo-node-[123]$/, `${from} to ${address}`);
      }
    });
  }

  it("is in the group of its address where it announces, and nowhere else", async () => {
    const owner = await herald.segment.untilHeld(IPV6);
    await herald.segment.until(
      async () => (await portsIn(GROUP)).join() === owner,
      `the bridge knows ${owner} in ${GROUP}, and nobody else`,
    );
  });

  it("is resolved by a client's kernel", async () => {
    const owner = await herald.segment.untilHeld(IPV6);
    await cluster.exec("client", ["ip", "-6", "neighbour", "flush", "dev", "eth0"]);
    await herald.ask("client", IPV6);
    const { lladdr = "", state } = await neighbour("client", IPV6);
    assert.equal(await herald.segment.nodeWith(lladdr), owner);
    assert.match(state.join(), /^(REACHABLE|STALE|DELAY|PROBE)$/);
  });

  it("keeps to the owner while the kernel asks again and again", async () => {
    const owner = await herald.segment.untilHeld(IPV6);
    const answered = await herald.metric(owner, 'herald_speaker_answers_total{protocol="ndp"}');
    for (let round = 0; round < 3; round += 1) {
      await herald.segment.untilHeld(IPV6, (node) => node === owner);
    }
    const after = await herald.metric(owner, 'herald_speaker_answers_total{protocol="ndp"}');
    assert.ok(after >= answered + 3, `${answered} answers before, ${after} after`);
  });

  it("hands an address over without losing a datagram when its speaker is stopped", async () => {
    const owner = await herald.segment.untilHeld(IPV6);
    const report = await probing(async () => {
      await herald.stopSpeaker(owner);
      const next = await herald.segment.untilHeld(IPV6, (node) => node !== owner);
      await untilEqual(leadOfClient, next, `the client's kernel sends to ${next}`);
    });
    assert.equal(report.lost, 0, JSON.stringify(report));
    await herald.segment.until(
      async () => !(await portsIn(GROUP)).includes(owner),
      `${owner} has left ${GROUP}`,
    );
    await herald.startSpeaker(owner);
    await herald.segment.untilHeld(IPV6, (node) => node === owner);
  });

  it("is in the group again when its interface was down", async () => {
    const owner = await herald.segment.untilHeld(IPV6);
    await cluster.exec(owner, ["ip", "link", "set", "eth0", "down"]);
    await cluster.exec(owner, ["ip", "link", "set", "eth0", "up"]);
    await herald.segment.untilHeld(IPV6, (node) => node === owner);
    await herald.segment.until(
      async () => (await portsIn(GROUP)).includes(owner),
      `the bridge knows ${owner} in ${GROUP}`,
    );
    assert.equal(herald.speaker(owner).exit, undefined);
  });

  /**
   * Makes the bridge a switch that snoops (RFC 4541), and asks who is in which group, as a router would: in MLDv2, not the
   * bridge's default. A host that joined before it heard its first MLDv1 question leaves without a word (it sends Done only as the
   * last reporter, RFC 2710 §4), and the bridge believes it in the group for minutes.
   */
  async function snoop(): Promise<void> {
    const asking = ["mcast_mld_version", "2", "mcast_querier", "1", "mcast_query_response_interval", "100"];
    const settings = ["mcast_snooping", "1", ...asking];
    await command(["ip", "-n", `${cluster.name}-lan`, "link", "set", "lan", "type", "bridge", ...settings]);
  }

  /** Ports of the bridge it forwards a group to; they are named after their hosts. */
  async function portsIn(group: string): Promise<readonly string[]> {
    const shown = await command([
      "bridge",
      "-n",
      `${cluster.name}-lan`,
      "-json",
      "mdb",
      "show",
      "dev",
      "lan",
    ]);
    const [{ mdb }] = JSON.parse(shown) as [{ mdb: readonly { port: string; grp: string }[] }];
    return mdb.filter(({ grp }) => grp === group).map(({ port }) => port);
  }

  /** Without a MAC while the kernel asks for it. */
  async function neighbour(host: Host, address: string): Promise<{ lladdr?: string; state: string[] }> {
    const shown = await cluster.exec(host, [
      ...["ip", "-6", "-json", "neighbour", "show", "to", address, "dev", "eth0"],
    ]);
    const [found] = JSON.parse(shown) as { lladdr?: string; state: string[] }[];
    assert.ok(found, `${host} knows ${address}`);
    return found;
  }

  /** The node that the client sends to. */
  async function leadOfClient(): Promise<NodeName | undefined> {
    const { lladdr } = await neighbour("client", IPV6);
    return lladdr === undefined ? undefined : herald.segment.nodeWith(lladdr);
  }

  /** Sends a datagram every 5 ms from the client while something happens. */
  async function probing(happening: () => Promise<void>): Promise<ProbeReport> {
    const probe = cluster.spawn("client", [process.execPath, PROBE, "--to", IPV6, "--port", "82"], {
      log: "probe",
    });
    const said = (): string => readFileSync(probe.logPath, "utf8");
    await cluster.untilLog(probe, "answered", 40_000);
    await happening();
    await probe.stop();
    return JSON.parse(said().trim().split("\n").at(-1) ?? "{}") as ProbeReport;
  }
});
