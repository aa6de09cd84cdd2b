import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, describe } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { LAN } from "../cluster/addresses.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { until } from "../cluster/until.ts";
import { Bird } from "../interop/bgp/bird.ts";
import { installRouters } from "../interop/bgp/packages.ts";
import { clusterTests } from "./cluster-tests.ts";
import { Installation, NAMESPACE } from "./installation.ts";
import { installKinds } from "./metallb-objects.ts";

const { it, before } = clusterTests({ kubelets: false });
const NODE = "node-1";
const PASSWORD = "open-sesame-4711";
/** Only for failing. What is said of a session waits for up to ten seconds, and longer where it comes and goes. */
const WITHIN_MS = 60_000;
const STATE = `/apis/metallb.io/v1beta1/namespaces/${NAMESPACE}/configurationstates/speaker-${NODE}`;

// Two routers: one wants a password, which is in a Secret, the other wants none.
describe("the password of a BGP session in a Secret", () => {
  let cluster: Cluster;
  let herald: Installation;
  let guarded: Bird;
  let open: Bird;

  before(async () => {
    await installRouters();
    cluster = await startCluster({ name: "passwords", nodes: 1 });
    await installKinds(cluster);
    const values = ["speaker.passwordSecrets={tor}"];
    herald = await Installation.start(cluster, { controllers: 0, speakers: [], values }); // they come with the peers below
    [guarded, open] = [new Bird(cluster.namespaceOf("router")), new Bird(cluster.namespaceOf("client"))];
    const setup = {
      neighbour: cluster.addressesOf(NODE).ipv4,
      asn: 64_513,
      peerAsn: 64_512,
      families: [4],
    } as const;
    await guarded.start({ ...setup, local: LAN.router.ipv4, password: PASSWORD });
    await open.start({ ...setup, local: LAN.client.ipv4 });
    await peer("guarded", { peerAddress: LAN.router.ipv4, passwordSecret: { name: "tor" } });
    await peer("open", { peerAddress: LAN.client.ipv4 });
    await cluster.apply({
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { namespace: NAMESPACE, name: "pool" },
      spec: { addresses: ["198.51.100.0/28"] },
    });
    await Promise.all([herald.startController("summing"), herald.startSpeaker(NODE, ["--log-level=debug"])]);
  });
  after(async () => {
    await guarded?.delete();
    await open?.delete();
    await cluster?.stop();
  });

  it("leaves out the peer whose Secret is not there, and no other, and says so", async () => {
    await until(
      "the other session is up",
      () => open.isUp(),
      (isUp) => isUp,
    );
    assert.equal(await guarded.isUp(), false);
    await untilSaid('BGPPeer guarded: spec.passwordSecret.name: there is no Secret "tor" yet');
    await untilShown(
      /guarded +Down .* its password is not known yet; the ConfigurationState of this node says why/,
    );
  });

  it("refuses a Secret of another type, and one without the key", async () => {
    await secret("Opaque", { password: PASSWORD });
    await untilSaid(
      'BGPPeer guarded: spec.passwordSecret.name: Secret "tor" is of type Opaque, want kubernetes.io/basic-auth',
    );
    await secret("kubernetes.io/basic-auth", { username: "x" });
    await untilSaid('BGPPeer guarded: spec.passwordSecret.name: Secret "tor" has no key password');
    assert.deepEqual([await guarded.isUp(), await open.isUp()], [false, true]);
  });

  it("has the session once the Secret is right, without touching the other", async () => {
    await secret("kubernetes.io/basic-auth", { password: PASSWORD });
    await untilSaid("");
    await until(
      "the session is up",
      () => guarded.isUp(),
      (isUp) => isUp,
    );
    assert.equal(await open.isUp(), true);
  });

  it("loses it when the password in the Secret becomes a wrong one, and says what that looks like", async () => {
    await untilShown(/guarded +Established +N\/A/);
    for (const name of ["guarded", "open"]) await untilSummed(name, "1/1 established", []);
    await secret("kubernetes.io/basic-auth", { password: "wrong" });
    await until(
      "the session is down",
      () => guarded.isUp(),
      (isUp) => !isUp,
    );
    const silence =
      "no connection within 5 s; a password that is wrong, or set on one side only, looks the same";
    await untilShown(new RegExp(`${NODE} +guarded +Down +N/A +\\S+ +${silence}`));
    await untilSummed("guarded", "0/1 established", [`${NODE}: ${silence}`]);
    const peers = await cluster.kubectl(["get", "bgppeers", `--namespace=${NAMESPACE}`]);
    assert.match(peers, /guarded .* 0\/1 established/);
    assert.match(peers, /open .* 1\/1 established/);
    await secret("kubernetes.io/basic-auth", { password: PASSWORD });
    await until(
      "the session is up again",
      () => guarded.isUp(),
      (isUp) => isUp,
    );
  });

  it("leaves nothing to be read of a peer that is deleted", async () => {
    await cluster.kubectl(["delete", "bgppeer", "open", `--namespace=${NAMESPACE}`]);
    const shown = await until("its state is gone", sessionStates, (shown) => !/ open /.test(shown));
    assert.match(shown, / guarded /);
  });

  it("is nowhere to be read but in its Secret", async () => {
    const everything = [
      readFileSync(herald.speaker(NODE).logPath, "utf8"),
      await herald.metrics(NODE),
      await cluster.kubectl(["get", "events", "--all-namespaces", "-o", "yaml"]),
      await cluster.kubectl([
        "get",
        "configurationstates,bgppeers,bgpsessionstates",
        `--namespace=${NAMESPACE}`,
        "-o",
        "yaml",
      ]),
    ].join("\n");
    assert.ok(everything.includes("guarded"));
    assert.ok(
      !everything.includes(PASSWORD) && !everything.includes(Buffer.from(PASSWORD).toString("base64")),
    );
  });

  async function peer(name: string, spec: object): Promise<void> {
    await cluster.apply({
      apiVersion: "metallb.io/v1beta2",
      kind: "BGPPeer",
      metadata: { namespace: NAMESPACE, name },
      spec: { myASN: 64_512, peerASN: 64_513, connectTime: "1s", ...spec },
    });
  }

  /** Anew: a Secret's type may not be changed. */
  async function secret(type: string, stringData: Readonly<Record<string, string>>): Promise<void> {
    await cluster.kubectl(["delete", "secret", "tor", `--namespace=${NAMESPACE}`, "--ignore-not-found"]);
    const metadata = { namespace: NAMESPACE, name: "tor" };
    await cluster.apply({ apiVersion: "v1", kind: "Secret", metadata, type, stringData });
  }

  function sessionStates(): Promise<string> {
    return cluster.kubectl(["get", "bgpsessionstates", `--namespace=${NAMESPACE}`]);
  }

  /** What kubectl shows of sessions, sooner or later. */
  async function untilShown(line: RegExp): Promise<void> {
    await until(`kubectl shows ${line}`, sessionStates, (shown) => line.test(shown));
  }

  /** What a BGPPeer says of its sessions, sooner or later. */
  async function untilSummed(name: string, summary: string, troubles: readonly string[]): Promise<void> {
    const read = async (): Promise<object | undefined> =>
      (await cluster.get<{ status?: object }>("bgppeer", name, NAMESPACE)).status;
    const isSaid = (status: object | undefined): boolean =>
      isDeepStrictEqual({ summary: undefined, ...status }, { ...status, summary, troubles });
    await until(`BGPPeer ${name} says "${summary}"`, read, isSaid);
  }

  /** What the speaker finds wrong with the configuration. */
  async function untilSaid(summary: string): Promise<void> {
    interface State {
      readonly status?: { readonly errorSummary?: string };
    }
    const says = (found: State | undefined): boolean => found?.status?.errorSummary === summary;
    await cluster.waitFor<State>(STATE, says, WITHIN_MS, `the speaker says "${summary}"`);
  }
});
