import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "node:test";
import { fileURLToPath } from "node:url";
import { percentile, quantiles } from "../bench/histogram.ts";
import { type Addresses, type NodeName, podAddresses } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import type { Echo } from "../cluster/echo.ts";
import type { FakePod } from "../cluster/fake-pod.ts";
import type { ProbeReport } from "../cluster/probe.ts";
import { installRouters } from "../interop/bgp/packages.ts";
import { RouteWatch } from "../interop/bgp/route-watch.ts";
import { clusterTests } from "./cluster-tests.ts";
import { differences, settled, shownIn, type, withOutputs } from "./documented-output.ts";
import { EcmpRouter } from "./ecmp-router.ts";
import { Installation } from "./installation.ts";
import { installKinds } from "./metallb-objects.ts";
import { addressesIn } from "./objects.ts";
import { untilEqual } from "./until-equal.ts";

const { it, before } = clusterTests({ kubelets: false });
const PROBE = fileURLToPath(new URL("../cluster/probe.ts", import.meta.url));
const PATH = join(import.meta.dirname, "../../docs/bgp.md");
const PAGE = readFileSync(PATH, "utf8");
/** Set by `npm run docs:kubectl`: the page takes what is seen. */
const WRITES = process.env["HERALD_WRITE_DOCS"] === "1";
const ALL: readonly NodeName[] = ["node-1", "node-2", "node-3"];
/** Where there is an endpoint of the Service with policy Local. */
const SHOP: readonly NodeName[] = ["node-1", "node-2"];
const CONNECTIONS = 120;
/** Of a probe: so many that each node has some; that one has none is as likely as (2/3)^60. */
const FLOWS = 60;
const FLAGS = ["--drain-timeout=5s"];
const GRACEFUL_SHUTDOWN = /BGP\.community:.*\(65535,0\)/;
const CRASHES = Number(process.env["HERALD_CRASHES"] ?? 5);
/** Three times 50 ms. */
const DETECTION_MS = 150;
/**
 * Detection, and what BIRD and its kernel need to act on it. Of a few the middle is judged by that: how late the latest is
 * says how long the router waited for a processor.
 */
const LEFT_WITHIN_MS = 200;
/**
 * Only for failing. A session that comes and goes is written of ever less often, each minute at last: so late is known what
 * became of it.
 */
const SAID_WITHIN_MS = 150_000;
/** No way goes as late as that unless it is not BFD that finds out. */
const LEFT_AT_LAST_MS = 1_000;

// The router's configuration and the objects are those that the page shows.
describe("a router that shares traffic among three nodes, as docs/bgp.md says", () => {
  let cluster: Cluster;
  let herald: Installation;
  let router: EcmpRouter;
  /** The first Service has an address of either family. */
  let [web, web6, shop] = ["", "", ""];
  /** By Service and node. */
  const pods = new Map<string, FakePod>();

  before(async () => {
    await installRouters();
    cluster = await startCluster({ name: "ecmp" });
    const perConnection = [4, 6].map((family) => `net.ipv${family}.fib_multipath_hash_policy=1`);
    await cluster.exec("router", ["sysctl", "-qw", ...perConnection]);
    router = await EcmpRouter.start(cluster, blockOf("bird"));
    await installKinds(cluster);
    herald = await Installation.start(cluster, { speakerFlags: FLAGS });
    await cluster.apply(blockOf("yaml"));
    for (const node of ALL) await startPod("web", node);
    for (const node of SHOP) await startPod("shop", node);
    const dual = { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] };
    const first = await herald.createServices([{ name: "web", app: "web", spec: dual }]);
    const local = { name: "shop", app: "shop", spec: { externalTrafficPolicy: "Local" } };
    [web = "", web6 = "", shop = ""] = [...first, ...(await herald.createServices([local]))].flatMap(
      addressesIn,
    );
    await isSteady();
    await isServed();
  });
  after(async () => {
    await cluster?.stop();
  });

  describe("shows", () => {
    const seen = new Map<string, string>();
    /** What is not for kubectl is for the router. */
    const typed = (command: string): Promise<string> =>
      command.startsWith("kubectl ") ? type(cluster, command) : cluster.exec("router", command.split(" "));

    for (const shown of shownIn(PAGE)) {
      it(`the same after: ${shown.command}`, async () => {
        if (WRITES) return void seen.set(shown.command, await settled(shown.command, typed));
        const found = await differences(shown, typed);
        assert.deepEqual(found, [], "npm run docs:kubectl brings the page up to date");
      });
    }
    after(() => {
      if (WRITES) writeFileSync(PATH, withOutputs(PAGE, seen));
    });
  });

  it("has a state of each session to show, in the columns that the page has", async () => {
    const states = "kubectl -n metallb-system get bgpsessionstates";
    await herald.segment.until(
      async () => (await type(cluster, states)).match(/ router +Established +Up /g)?.length === ALL.length,
      "every session is up",
    );
    const shown = [...PAGE.matchAll(/^ {4}\$ (kubectl .*)\n {4}(.*)$/gm)];
    assert.ok(shown.some(([, command]) => command === states));
    for (const [, command = "", first = ""] of shown) {
      const line = async (): Promise<string> =>
        (await type(cluster, command.replace(" tor ", " router "))).split("\n")[0] ?? "";
      const columns = (text: string): readonly string[] => text.trim().split(/ {2,}/);
      if (command.includes("troubles")) await untilEqual(line, "[]", command);
      else assert.deepEqual(columns(await line()), columns(first), command);
    }
  });

  it("leads connections from behind the router through each node that can serve, and answers all", async () => {
    const [ofWeb, ofWeb6, ofShop] = await Promise.all([web, web6, shop].map(connect));
    for (const each of [ofWeb, ofWeb6])
      assert.deepEqual(counted(each?.map(({ client }) => nodeAt(client))), [CONNECTIONS, ALL]);
    assert.deepEqual(counted(ofShop?.map(({ node }) => node)), [CONNECTIONS, SHOP]);
  });

  it("goes by where endpoints are ready, with policy Local, until none is", async () => {
    await pods.get("shop node-2")?.setReady(false);
    await router.untilNextHops(shop, ["node-1"]);
    await pods.get("shop node-1")?.setReady(false);
    await router.untilNextHops(shop, []);
    await router.untilTold("node-1", shop, /^$/);
    await router.untilNextHops(web, ALL);
    for (const node of SHOP) await pods.get(`shop ${node}`)?.setReady(true);
    await isSteady();
    await isServed();
  });

  it("hears what annotations of the advertisement say", async () => {
    const commands = [...PAGE.matchAll(/^ {4}(kubectl .*)$/gm)].map(([, command = ""]) => command);
    assert.equal(commands.length, 3);
    for (const command of commands) await type(cluster, command);
    await router.untilTold("node-1", web, /BGP\.as_path: 64500 64500 64500\n[\s\S]*BGP\.med: 50\n/);
    await router.untilTold("node-1", shop, /BGP\.ext_community: .*\(/);
    for (const command of commands) await type(cluster, command.replace(/=\S+$/, "-"));
    await router.untilTold("node-1", shop, /BGP\.as_path: 64500\n(?![\s\S]*BGP\.(?:med|ext_community))/);
  });

  it("is missed by the Services that no node can tell it of any more, and said to be back", async () => {
    await untilSaid("web", "True Announced");
    await router.turnOff();
    await untilSaid("web", "False NoSession");
    await untilSaid("shop", "False NoSession");
    const lacking = 'no session with a router, look at kubectl get bgpsessionstates -A (BGPPeer "router"';
    const message = await ofService("web", "message");
    assert.ok(message.startsWith(`no node can announce it by BGP: every node: ${lacking}`), message);
    assert.match(message, /192\.168\.1\.1:179(?: on node-[^:]+)?: ./); // what each node met last, alike or not
    const local = await ofService("shop", "message");
    assert.ok(local.startsWith(`no node can announce it by BGP: node-1 and node-2: ${lacking}`), local);
    await untilEqual(async () => (await eventsOf("web")).includes(message), true, "an Event says the same");
    await router.turnOn();
    for (const name of ["web", "shop"]) await untilSaid(name, "True Announced");
    await isSteady();
    await isServed();
  });

  it("loses nothing when a node is drained, and hears of it first", async () => {
    await losesNothing("annotated", async () => {
      await cluster.kubectl(["annotate", "node", "node-1", "herald.io/drain=new disk"]);
      await isLeftInOrder("node-1");
      await cluster.kubectl(["annotate", "node", "node-1", "herald.io/drain-"]);
      await isSteady();
    });
  });

  it("loses nothing when a speaker is stopped by SIGTERM, and hears of it first", async () => {
    await losesNothing("SIGTERM", async () => {
      await Promise.all([herald.stopSpeaker("node-1"), isLeftInOrder("node-1")]);
      await herald.startSpeaker("node-1");
      await isSteady();
    });
  });

  it(`is rid of a node that crashes within ${LEFT_WITHIN_MS} ms, ${CRASHES} times`, async () => {
    const [watch, cables] = await Promise.all([router.watch(), RouteWatch.start(`${cluster.name}-lan`)]);
    const leftMs: number[] = [];
    for (let turn = 1; turn <= CRASHES; turn += 1) {
      const node = ALL[turn % ALL.length] as NodeName;
      await router.untilWatched(ALL, DETECTION_MS);
      const sinceMs = Date.now();
      // Nothing of it reaches the router any more either way; what runs on is back at once.
      const isLast = turn === CRASHES;
      await (isLast ? cluster.crashNode(node) : cluster.linkDown(node));
      const leftAt = await router.untilLeft(watch, node, web, sinceMs);
      const downAt = (): number | undefined => cables.downAt(node, sinceMs);
      await herald.segment.until(() => downAt() !== undefined, `the cable of ${node} is out`);
      leftMs.push(Math.round(leftAt - (downAt() ?? Number.NaN)));
      if (isLast) await router.untilNextHops(web, othersThan(node));
      else {
        await cluster.linkUp(node);
        await isSteady();
      }
    }
    await Promise.all([watch.stop(), cables.stop()]);
    console.log(`  out of the router's kernel: ${quantiles(leftMs)}; ${leftMs.join(", ")}`);
    assert.ok(percentile(leftMs, 50) <= LEFT_WITHIN_MS, leftMs.join(", "));
    assert.ok(Math.max(...leftMs) <= LEFT_AT_LAST_MS, leftMs.join(", "));
  });

  /** A field of the condition that says whether it is announced. */
  function ofService(name: string, field: "status" | "reason" | "message"): Promise<string> {
    const path = `{.status.conditions[?(@.type=="herald.io/Announced")].${field}}`;
    return cluster.kubectl(["get", "service", name, `--output=jsonpath=${path}`]);
  }

  async function untilSaid(name: string, wanted: string): Promise<void> {
    const said = async (): Promise<string> =>
      `${await ofService(name, "status")} ${await ofService(name, "reason")}`;
    await untilEqual(said, wanted, `what is said of ${name}`, SAID_WITHIN_MS);
  }

  /** What its Events say of why it is not announced. */
  async function eventsOf(name: string): Promise<readonly string[]> {
    const selector = `--field-selector=involvedObject.name=${name},reason=notAnnounced`;
    const path = '--output=jsonpath={range .items[*]}{.message}{"\\n"}{end}';
    const said = await cluster.kubectl(["get", "events", selector, path]);
    return said.split("\n").filter((line) => line !== "");
  }

  async function startPod(app: string, node: NodeName): Promise<void> {
    pods.set(`${app} ${node}`, await herald.startEcho(`${app}-${node}`, node, app));
  }

  async function isSteady(): Promise<void> {
    for (const address of [web, web6]) await router.untilNextHops(address, ALL);
    await router.untilNextHops(shop, SHOP);
  }

  /** kube-proxy has its rules a moment after nodes tell of an address. */
  function isServed(): Promise<void> {
    return herald.segment.until(async () => {
      const answers = await Promise.all([web, web6, shop].map(connect));
      return answers.every(({ length }) => length === CONNECTIONS);
    }, "every connection is answered");
  }

  /** First every way through the node is marked, which puts it out of use, and then it is gone. */
  async function isLeftInOrder(node: NodeName): Promise<void> {
    const addresses = [web, shop];
    for (const address of addresses) await router.untilTold(node, address, GRACEFUL_SHUTDOWN);
    await router.untilNextHops(web, othersThan(node));
    for (const address of addresses) assert.match(await router.told(node, address), GRACEFUL_SHUTDOWN);
    for (const address of addresses) await router.untilTold(node, address, /^$/);
  }

  /** What answers connections from behind the router, each from a port of its own. */
  async function connect(address: string): Promise<readonly Echo[]> {
    const options = ["-s", "--max-time", "5", "-H", "Connection: close"];
    const host = address.includes(":") ? `[${address}]` : address;
    const argv = ["curl", ...options, `http://${host}/[1-${CONNECTIONS}]`];
    // Why `sh`: it ends as its last connection did.
    const sh = ["sh", "-c", '"$@" || true', "sh", ...argv];
    const said = await cluster.exec("far-client", sh, { timeoutMs: 300_000 });
    const lines = said.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as Echo);
  }

  /** Probes both addresses from behind the router while something happens. */
  async function losesNothing(what: string, happening: () => Promise<void>): Promise<void> {
    const options = ["--port", "82", "--flows", `${FLOWS}`];
    const probes = [web, shop].map((to) =>
      cluster.spawn("far-client", [process.execPath, PROBE, "--to", to, ...options], {
        log: `${what}-${to}`,
      }),
    );
    await Promise.all(probes.map((probe) => cluster.untilLog(probe, "answered", 60_000)));
    await happening().finally(() => Promise.all(probes.map((probe) => probe.stop())));
    for (const { logPath } of probes) {
      const report = JSON.parse(
        readFileSync(logPath, "utf8").trim().split("\n").at(-1) ?? "{}",
      ) as ProbeReport;
      console.log(`  ${what}: sent ${report.sent}, lost ${report.lost}, gap ${report.longestGapMs} ms`);
      assert.equal(report.lost, 0, JSON.stringify(report));
      assert.ok((report.by["web-node-1"] ?? report.by["shop-node-1"] ?? 0) > 0, "the node had its share");
    }
  }

  /** The node that a connection came in by, whose address stands for the client's: on the LAN, or on its own bridge. */
  function nodeAt(client: string): string {
    const has = (own: Addresses): boolean => Object.values(own).includes(client);
    return ALL.find((node) => has(cluster.addressesOf(node)) || has(podAddresses(node, 1))) ?? client;
  }
});

function othersThan(node: NodeName): readonly NodeName[] {
  return ALL.filter((each) => each !== node);
}

/** How many there are, and which. */
function counted(words: readonly string[] = []): readonly [number, readonly string[]] {
  return [words.length, [...new Set(words)].sort()];
}

/** The first block of the page in this language. */
function blockOf(language: string): string {
  const [, block] = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(PAGE) ?? [];
  assert.ok(block, `docs/bgp.md shows ${language}`);
  return block;
}
