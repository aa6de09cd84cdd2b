import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import { hashOctets } from "@herald/layer2/spread-hash";
import { SpreadNodes } from "@herald/layer2/spread-nodes";
import { type IpAddress, parseAddress, toOctets } from "@herald/shared/ip/address";
import type { NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { ClientStations } from "./client-stations.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation } from "./installation.ts";
import { addressesIn } from "./objects.ts";
import { untilEqual } from "./until-equal.ts";

const { it, before } = clusterTests({ kubelets: false });
const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
const CONFIG = `address-pools:
- name: dual
  protocol: layer2
  addresses:
  - 192.168.1.100-192.168.1.109
  - fd77::1:0/120
`;
const SPREAD = { "herald.io/l2-spread": "per-client" };
const CLIENTS = 30;
/** The node that is cut off: it has no endpoints, which must not go with it. */
const LOST: NodeName = "node-3";
/** Detection, as far as a busy machine goes. */
const WITHIN_MS = 2_000;

describe("an address that is spread over three nodes", () => {
  let cluster: Cluster;
  let herald: Installation;
  let clients: ClientStations;
  let addresses: readonly string[] = [];

  before(async () => {
    cluster = await startCluster({ name: "spread" });
    herald = await Installation.start(cluster);
    await herald.configure(CONFIG);
    await Promise.all(
      (["node-1", "node-2"] as const).map((node) => herald.startEcho(`echo-${node}`, node, "echo")),
    );
    const listening = listen("setup");
    await listening.ready;
    const [found] = await herald.createServices([
      {
        name: "spread",
        annotations: SPREAD,
        spec: { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] },
      },
    ]);
    assert.ok(found);
    addresses = addressesIn(found);
    clients = await ClientStations.plugIn(cluster, CLIENTS);
    for (const address of addresses) await herald.ask("client", address);
    await listening.end();
  });
  after(async () => {
    await clients?.remove();
    await cluster?.stop();
  });

  it("is answered for each client by the one node that the hash says, and by no other", async () => {
    const names = await nodesByMac();
    for (const client of clients.stations) {
      const answers = async () => (await askedAs(client.ipv4)).map((mac) => names.get(mac));
      await untilEqual(answers, [chosen(ipv4(), client.ipv4, cluster.nodes)], client.ipv4);
    }
  });

  it("leads the kernels of all clients to their nodes, in both families, and each is served there", async () => {
    await areLed();
    for (const address of addresses)
      assert.deepEqual([...new Set(wantedFor(address, cluster.nodes))].sort(), cluster.nodes);
  });

  it("moves the clients of a node that loses its power at once and unasked, and no others", async () => {
    await areLed();
    const left = cluster.nodes.filter((node) => node !== LOST);
    const wanted = new Map(addresses.map((address) => [address, wantedFor(address, left)]));
    const moved = [ipv4(), ipv6()].map(
      (address) => wantedFor(address, cluster.nodes).filter((node) => node === LOST).length,
    );
    const listening = listen("crash");
    await listening.ready;
    const watches = await Promise.all(
      addresses.map((address) => {
        const index = wantedFor(address, cluster.nodes).indexOf(LOST);
        return clients.watch(clients.stations[index] ?? assert.fail(), address);
      }),
    );
    const names = await nodesByMac();
    const cut = Date.now();
    await cluster.crashNode(LOST);
    await herald.segment.until(async () => {
      const now = await Promise.all(addresses.map(whereAll));
      return now.every((where) => !where.includes(LOST));
    }, "no client is led to the lost node");
    const tookMs = watches.map((end) => {
      const moved = end().find(({ at, mac }) => at >= cut && names.get(mac) !== LOST);
      return (moved?.at ?? Number.NaN) - cut;
    });
    const said = await listening.end();
    console.log(
      `  ${moved.join(" and ")} clients of ${CLIENTS} moved, one of each after ${tookMs.join(" and ")} ms`,
    );
    for (const address of addresses) assert.deepEqual(await whereAll(address), wanted.get(address));
    assert.ok(
      tookMs.every((each) => each > 0 && each < WITHIN_MS),
      `${tookMs.join(" and ")} ms`,
    );
    const asked = clients.stations.filter(({ ipv4: own, ipv6: own6 }) =>
      said.some((line) => line.includes(`tell ${own},`) || line.includes(` ${own6} > ff02::1:ff`)),
    );
    assert.deepEqual(asked, [], "clients asked");
    for (const address of addresses) assert.deepEqual(await clients.withoutAnswer(address), []);
  });

  it("moves nobody when the node is back, and gives it those who ask anew", async () => {
    const held = await Promise.all(addresses.map(whereAll));
    await cluster.restartNode(LOST);
    await herald.stopSpeaker(LOST);
    await herald.startSpeaker(LOST);
    const own = clients.stations.find(({ ipv4: from }) => chosen(ipv4(), from, cluster.nodes) === LOST);
    assert.ok(own);
    await herald.segment.until(async () => {
      const [mac, ...others] = await askedAs(own.ipv4);
      return mac !== undefined && others.length === 0 && (await herald.segment.nodeWith(mac)) === LOST;
    }, `${LOST} answers its clients`);
    // An entry that nobody uses goes after a minute; the next datagram would ask anew.
    const moved = (await Promise.all(addresses.map(whereAll))).map((where, family) =>
      where.filter((node, index) => node !== "" && node !== held[family]?.[index]),
    );
    assert.deepEqual(moved, [[], []]);
  });

  it("loses no datagram of a client whose node stops its speaker", async () => {
    const node = chosen(ipv4(), cluster.addressesOf("client").ipv4, cluster.nodes) as NodeName;
    await untilEqual(leadAnew, node, "the client is led to its node");
    const probe = cluster.spawn("client", [process.execPath, PROBE, "--to", ipv4(), "--port", "82"], {
      log: "probe",
    });
    const said = (): string => readFileSync(probe.logPath, "utf8");
    await cluster.untilLog(probe, "answered", 60_000);
    await herald.stopSpeaker(node);
    await herald.segment.until(async () => !["", node].includes(await lead()), "the client has moved");
    await probe.stop();
    const report = JSON.parse(said().trim().split("\n").at(-1) ?? "{}") as ProbeReport;
    assert.equal(report.lost, 0, JSON.stringify(report));
    await herald.startSpeaker(node);
    await herald.untilCandidates(cluster.nodes);
  });

  it("is one node's when the value of the annotation is unknown, and an Event says so", async () => {
    const [found] = await herald.createServices([
      { name: "odd", annotations: { "herald.io/l2-spread": "per-packet" } },
    ]);
    const [address = ""] = addressesIn(found ?? assert.fail());
    const holders = new Set<string>();
    await herald.segment.untilHeld(address);
    for (const { ipv4: from } of clients.stations.slice(0, 9)) {
      for (const mac of await askedAs(from, address)) holders.add(mac);
    }
    assert.equal(holders.size, 1);
    const events = "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3Dodd";
    await herald.segment.until(async () => {
      const { items } = await cluster.api.get<{ items: readonly { type: string; reason: string }[] }>(events);
      return items.some(({ type, reason }) => type === "Warning" && reason === "spreadUnknown");
    }, "an Event tells of the unknown value");
  });

  it("has never been announced to everybody", () => {
    const shouted = heard.filter(
      (line) =>
        / > (ff:ff:ff:ff:ff:ff|33:33:)/.test(line) &&
        addresses.some(
          (address) =>
            line.includes(`tell ${address},`) ||
            line.includes(`${address} is-at`) ||
            line.includes(`neighbor advertisement, tgt is ${address},`),
        ),
    );
    assert.deepEqual(shouted, []);
  });

  const ipv4 = (): string => addresses[0] ?? "";
  const ipv6 = (): string => addresses[1] ?? "";

  /** Lines of what everybody on the LAN hears of ARP and neighbour discovery while somebody listens. */
  const heard: string[] = [];
  function listen(log: string): { readonly ready: Promise<void>; end(): Promise<readonly string[]> } {
    const argv = ["tcpdump", "--immediate-mode", "-l", "-n", "-e", "-i", "eth0", "arp or icmp6"];
    const capture = cluster.spawn("client", argv, { log: `tcpdump-${log}` });
    return {
      ready: cluster.untilLog(capture, "listening on", 60_000),
      end: async () => {
        await capture.stop();
        const lines = readFileSync(capture.logPath, "utf8").split("\n");
        heard.push(...lines);
        return lines;
      },
    };
  }

  /** Every MAC that answers one question for an address that is asked in the name of a client. */
  async function askedAs(from: string, address = ipv4()): Promise<readonly string[]> {
    const argv = ["/usr/sbin/arping", "-c1", "-w0.5", "-S", from, "-i", "eth0", address];
    const output = await cluster.exec("client", ["bash", "-c", `${argv.join(" ")} || true`]);
    return [...new Set([...output.matchAll(/ from ([0-9a-f:]{17}) /g)].map((match) => match[1] ?? ""))];
  }

  /** The node that the client sends to; "" while its kernel does not know. */
  async function lead(): Promise<string> {
    const shown = await cluster.exec("client", ["ip", "neighbour", "show", "to", ipv4(), "dev", "eth0"]);
    const mac = / lladdr ([0-9a-f:]{17}) /.exec(` ${shown}`)?.[1];
    return mac === undefined ? "" : herald.segment.nodeWith(mac);
  }

  async function leadAnew(): Promise<string> {
    await cluster.exec("client", ["ip", "neighbour", "flush", "to", ipv4(), "dev", "eth0"]);
    await herald.ask("client", ipv4());
    return lead();
  }

  /** Each client has asked anew where the addresses are, and sends to its own of all nodes. */
  async function areLed(): Promise<void> {
    for (const address of addresses) {
      const look = async () => {
        await clients.forget(address);
        return [await clients.withoutAnswer(address), await whereAll(address)];
      };
      await untilEqual(look, [[], wantedFor(address, cluster.nodes)], `clients are led for ${address}`);
    }
  }

  /** The node that each client sends to. */
  async function whereAll(address: string): Promise<readonly string[]> {
    const names = await nodesByMac();
    return (await clients.macs(address)).map((mac) => names.get(mac) ?? mac);
  }

  let known: ReadonlyMap<string, string> | undefined;
  async function nodesByMac(): Promise<ReadonlyMap<string, string>> {
    known ??= new Map(
      await Promise.all(
        cluster.nodes.map(async (node) => {
          const shown = await cluster.exec(node, ["ip", "-j", "link", "show", "eth0"]);
          return [(JSON.parse(shown) as { address: string }[])[0]?.address ?? "", node] as const;
        }),
      ),
    );
    return known;
  }

  function wantedFor(address: string, nodes: readonly string[]): readonly string[] {
    return clients.stations.map((station) =>
      chosen(address, address.includes(":") ? station.ipv6 : station.ipv4, nodes),
    );
  }
});

function chosen(address: string, client: string, nodes: readonly string[]): string {
  const hash = hashOctets(octets(client), hashOctets(octets(address)));
  return new SpreadNodes(nodes).chosenFor(hash) ?? "";
}

function octets(address: string): Uint8Array {
  return toOctets(parseAddress(address) as IpAddress);
}
