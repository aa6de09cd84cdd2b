import assert from "node:assert/strict";
import { after, describe } from "node:test";
import type { Host, NodeName } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { clusterTests } from "./cluster-tests.ts";
import { conflictLine } from "./conflict-line.ts";
import { Installation, PATIENT } from "./installation.ts";
import { untilEqual } from "./until-equal.ts";

const { it, before } = clusterTests({ kubelets: false });
const CONFIG = `address-pools:
- name: dual
  protocol: layer2
  addresses:
  - 192.168.1.180-192.168.1.189
  - fd77::1:80-fd77::1:89
`;
const DUAL = { ipFamilyPolicy: "RequireDualStack", ipFamilies: ["IPv4", "IPv6"] };
const TAKEN = "192.168.1.189";
const TAKEN_IPV6 = "fd77::1:89";

/** Only for failing. */
const WITHIN_MS = 60_000;
/** An address is asked for again a minute after it was given up. */
const RELEASED_WITHIN_MS = 60_000 + WITHIN_MS;

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}
interface Conditioned {
  readonly metadata: { readonly managedFields: readonly { manager: string; fieldsV1: object }[] };
  readonly status: {
    readonly loadBalancer: { readonly ingress?: readonly { readonly ip: string }[] };
    readonly conditions?: readonly Condition[];
  };
}

describe("a second machine with an address of ours, on a real segment", () => {
  let cluster: Cluster;
  let herald: Installation;

  before(async () => {
    cluster = await startCluster({ name: "conflict" });
    herald = await Installation.start(cluster, { speakerFlags: PATIENT });
    await herald.configure(CONFIG);
    await Promise.all(cluster.nodes.map((node) => herald.startEcho(`echo-${node}`, node, "echo")));
  });
  after(() => cluster?.stop());

  it("is none while nobody else answers: the Service says which node does, and nothing else of it is ours", async () => {
    const { addresses, owner } = await announced("peace");
    await untilEqual(
      async () => conditionIn((await found("peace")).status),
      {
        status: "True",
        reason: "Announced",
        message: `announced from node "${owner}": ${addresses.join(", ")}`,
      },
      "the Service names the node that answers",
    );
    const { metadata } = await found("peace");
    const ours = metadata.managedFields.filter(({ manager }) => manager === "herald-speaker");
    assert.deepEqual(
      ours.map(({ fieldsV1 }) => Object.keys(fieldsV1)),
      [["f:status"]],
    );
    assert.deepEqual(keysBelow(ours[0]?.fieldsV1, "f:status"), ["f:conditions"]);
  });

  for (const family of [4, 6] as const) {
    it(`is noticed after the first question to both, and said on the Service (IPv${family})`, async () => {
      const { addresses, owner } = await announced(`disputed-${family}`);
      const address = addresses.find((each) => each.includes(":") === (family === 6)) ?? "";
      const before = await conflictsOf(owner);
      await give("router", address);
      await herald.segment.whoHas(address);
      const { kind, mac: by, interface: on } = await conflictLine(herald, owner, address);
      const mac = await macOf("router");
      assert.deepEqual({ kind, by, on }, { kind: "stranger", by: mac, on: "eth0" });
      await untilCondition(
        `disputed-${family}`,
        ({ status, reason, message }) =>
          status === "False" &&
          /^Address(Conflict|Quarantined)$/.test(reason) &&
          message.includes(mac) &&
          message.includes(address),
      );
      await event(`disputed-${family}`, "addressConflict", mac);
      assert.ok((await conflictsOf(owner)) > before);
    });
  }

  it("is left alone with the address when it does not give way", async () => {
    for (const family of [4, 6]) {
      const name = `disputed-${family}`;
      const address = disputedAddress(await found(name), family);
      const mac = await macOf("router");
      await untilCondition(name, ({ reason }) => reason === "AddressQuarantined");
      await event(name, "addressQuarantined", mac);
      await untilAlone(address, mac);
    }
  });

  it("is found before an address is announced, and the Service says so", async () => {
    for (const address of [TAKEN, TAKEN_IPV6]) await give("router", address);
    const mac = await macOf("router");
    for (const [name, address] of [
      ["taken-4", TAKEN],
      ["taken-6", TAKEN_IPV6],
    ] as const) {
      const ipFamilies = [address.includes(":") ? "IPv6" : "IPv4"];
      await herald.createServices([{ name, spec: { loadBalancerIP: address, ipFamilies } }]);
      await untilCondition(
        name,
        ({ reason, message }) => reason === "AddressQuarantined" && message.includes(mac),
      );
      await untilAlone(address, mac);
      const events = await eventsOf(name);
      assert.ok(!events.some(({ reason }) => reason === "nodeAssigned"));
    }
  });

  it("is one of our own nodes when its kernel answers: named, told of strictARP, and never given way to", async () => {
    const { addresses, owner } = await announced("kernel");
    const [address = ""] = addresses;
    const other = cluster.nodes.find((node) => node !== owner) as NodeName;
    // As kube-proxy does it with IPVS, on an interface of its own: the kernel answers for it on every one.
    await cluster.exec(other, ["ip", "address", "add", `${address}/32`, "dev", "lo"]);
    const condition = await asking(address, () =>
      untilCondition("kernel", ({ reason }) => reason === "AddressConflict"),
    );
    const mac = await macOf(other);
    assert.ok(condition.message.startsWith(`node "${other}", ${mac} on eth0, answers for ${address}`));
    assert.match(condition.message, /strictARP: true/);
    const own = await macOf(owner);
    await asking(address, () =>
      herald.segment.until(
        async () => (await herald.segment.whoHas(address)).includes(own),
        `${owner} answers for ${address} still`,
      ),
    );
    await cluster.exec(other, ["ip", "address", "del", `${address}/32`, "dev", "lo"]);
    await untilCondition("kernel", ({ status }) => status === "True");
  });

  it("is forgotten once it is gone: the addresses are announced", async () => {
    await cluster.exec("router", ["ip", "address", "flush", "dev", "eth0", "label", "eth0:taken"]);
    for (const address of given.filter((each) => each.includes(":"))) {
      await cluster.exec("router", ["ip", "address", "del", `${address}/128`, "dev", "eth0"]);
    }
    for (const name of ["disputed-4", "disputed-6", "taken-4", "taken-6"]) {
      await untilCondition(name, ({ status }) => status === "True", RELEASED_WITHIN_MS);
      await event(name, "addressReleased", "announced again");
    }
    for (const address of [TAKEN, TAKEN_IPV6]) await herald.segment.untilHeld(address);
  });

  it("is not looked for when detection is off", async () => {
    const app = "blind";
    await herald.startEcho("echo-blind", "node-3", app);
    await herald.stopSpeaker("node-3");
    await herald.startSpeaker("node-3", ["--conflict-detection=off"]);
    const spec = { externalTrafficPolicy: "Local", loadBalancerIP: "192.168.1.185" };
    await herald.createServices([{ name: "blind", app, spec }]);
    await herald.segment.untilHeld("192.168.1.185");
    await give("router", "192.168.1.185");
    for (let round = 0; round < 4; round += 1) await herald.segment.whoHas("192.168.1.185");
    const text = await herald.metrics("node-3");
    const counted = [...text.matchAll(/^herald_speaker_(conflicts|probes|defences)_total\S* (\d+)$/gm)];
    assert.deepEqual(
      counted.filter(([, , count]) => count !== "0").map(([line]) => line),
      [],
    );
    assert.ok(counted.length >= 6);
    await untilCondition("blind", ({ status }) => status === "True");
  });

  const given: string[] = [];

  /** Configures an address on a machine that is no speaker; its kernel says nothing unasked. */
  async function give(host: Host, address: string): Promise<void> {
    given.push(address);
    const how = address.includes(":")
      ? [`${address}/128`, "nodad"]
      : [`${address}/32`, "label", "eth0:taken"];
    await cluster.exec(host, ["ip", "address", "add", ...how.slice(0, 1), "dev", "eth0", ...how.slice(1)]);
  }

  async function announced(
    name: string,
  ): Promise<{ readonly addresses: readonly string[]; readonly owner: NodeName }> {
    await herald.createServices([{ name, spec: DUAL }]);
    await untilCondition(name, ({ status }) => status === "True");
    const { loadBalancer } = (await found(name)).status;
    const addresses = (loadBalancer.ingress ?? []).map(({ ip }) => ip);
    return { addresses, owner: await herald.segment.untilHeld(addresses[0] ?? "") };
  }

  function found(name: string): Promise<Conditioned> {
    return cluster.api.get<Conditioned>(pathOf(name));
  }

  async function untilCondition(
    name: string,
    accept: (condition: Omit<Condition, "type">) => boolean,
    deadlineMs = WITHIN_MS,
  ): Promise<Omit<Condition, "type">> {
    const isIt = (service: Conditioned | undefined): boolean => {
      const condition = service && conditionIn(service.status);
      return condition !== undefined && accept(condition);
    };
    const service = await cluster.waitFor<Conditioned>(
      pathOf(name),
      isIt,
      deadlineMs,
      `the condition of ${name}`,
    );
    return conditionIn(service.status) as Condition;
  }

  async function eventsOf(name: string) {
    const path = `/api/v1/namespaces/default/events?fieldSelector=involvedObject.name%3D${name}`;
    return (await cluster.api.get<{ items: readonly { reason: string; message: string }[] }>(path)).items;
  }

  async function event(name: string, reason: string, words: string): Promise<void> {
    await herald.segment.until(
      async () =>
        (await eventsOf(name)).some((each) => each.reason === reason && each.message.includes(words)),
      `Event ${reason} on ${name} with ${words}`,
    );
  }

  /** Waits until that machine answers for an address, and no other does. */
  function untilAlone(address: string, mac: string): Promise<void> {
    return untilEqual(() => herald.segment.whoHas(address), [mac], `${mac} alone answers for ${address}`);
  }

  async function macOf(host: Host): Promise<string> {
    const shown = await cluster.exec(host, ["ip", "-j", "link", "show", "eth0"]);
    return (JSON.parse(shown) as { address: string }[])[0]?.address ?? "";
  }

  async function conflictsOf(node: NodeName): Promise<number> {
    return herald.metric(node, 'herald_speaker_conflicts_total{kind="stranger"}');
  }

  /** While somebody on the segment asks for an address again and again, as clients do. */
  async function asking<T>(address: string, during: () => Promise<T>): Promise<T> {
    const client = cluster.spawn("client", ["/usr/sbin/arping", "-W", "0.3", "-i", "eth0", address]);
    try {
      return await during();
    } finally {
      client.kill();
      await client.exited;
    }
  }
});

function pathOf(name: string): string {
  return `/api/v1/namespaces/default/services/${name}`;
}

function conditionIn({ conditions = [] }: Conditioned["status"]): Omit<Condition, "type"> | undefined {
  const found = conditions.find(({ type }) => type === "herald.io/Announced");
  return found && { status: found.status, reason: found.reason, message: found.message };
}

function disputedAddress({ status }: Conditioned, family: number): string {
  return status.loadBalancer.ingress?.find(({ ip }) => ip.includes(":") === (family === 6))?.ip ?? "";
}

function keysBelow(fields: object | undefined, key: string): readonly string[] {
  return Object.keys((fields as Record<string, object> | undefined)?.[key] ?? {});
}
