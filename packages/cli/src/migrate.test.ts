import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { FakeApi } from "@herald/k8s/fake";
import {
  configMapsPath,
  metallbPath,
  namespacesPath,
  nodesPath,
  objectPath,
  servicePath,
} from "@herald/k8s/paths";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { DEFAULT_EXCLUDED_INTERFACES } from "@herald/speaker/interface-rules";
import { LINKS } from "./findings.ts";
import { check } from "./migrate.ts";
import type { Output } from "./output.ts";

const NAMESPACE = "metallb-system";
const PLAIN = {
  config: "config",
  "lb-class": undefined,
  namespace: NAMESPACE,
  output: "text",
  "sharing-across-namespaces": false,
} as const;

/** A cluster in memory, as an operator finds it. */
class Found {
  readonly api = new FakeApi({ clock: new VirtualClock() });
  #services = 0;

  object(kind: string, plural: string, name: string, spec: object, version = "v1beta1"): this {
    const path = objectPath(metallbPath(plural, NAMESPACE, version), name);
    this.api.put(path, { kind, metadata: { namespace: NAMESPACE, name }, spec });
    return this;
  }

  pool(name: string, ...addresses: readonly string[]): this {
    return this.object("IPAddressPool", "ipaddresspools", name, { addresses });
  }

  configMap(name: string, data: Readonly<Record<string, string>>): this {
    this.api.put(objectPath(configMapsPath(NAMESPACE), name), {
      metadata: { namespace: NAMESPACE, name },
      data,
    });
    return this;
  }

  service(key: string, ips: readonly string[], more: { spec?: object; annotations?: object } = {}): this {
    this.#services += 1;
    const [namespace, name] = key.split("/");
    this.api.put(servicePath(key), {
      metadata: {
        namespace,
        name,
        creationTimestamp: `2026-01-01T00:00:0${this.#services}Z`,
        annotations: more.annotations ?? {},
      },
      spec: {
        type: "LoadBalancer",
        clusterIPs: [`10.96.0.${this.#services}`],
        ports: [{ protocol: "TCP", port: this.#services }],
        ...more.spec,
      },
      status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
    });
    return this;
  }

  workload(
    plural: "deployments" | "daemonsets",
    name: string,
    container: object,
    volumes: readonly object[] = [],
  ): this {
    this.api.put(`/apis/apps/v1/namespaces/${NAMESPACE}/${plural}/${name}`, {
      metadata: { namespace: NAMESPACE, name },
      spec: { template: { spec: { containers: [container], volumes } } },
    });
    return this;
  }

  check(more: Partial<Parameters<typeof check>[1]> = {}): Promise<Output> {
    return check(this.api, { ...PLAIN, ...more });
  }
}

const METALLB_0_14 = (found: Found): Found =>
  found
    .workload("deployments", "metallb-controller", {
      name: "controller",
      image: "quay.io/metallb/controller:v0.14.9",
    })
    .workload(
      "daemonsets",
      "metallb-speaker",
      {
        name: "speaker",
        image: "quay.io/metallb/speaker:v0.14.9",
        env: [{ name: "METALLB_ML_BIND_ADDR" }, { name: "METALLB_BGP_TYPE", value: "native" }],
      },
      [{ name: "memberlist", secret: { secretName: "metallb-memberlist" } }],
    );

describe("herald migrate --check", () => {
  it("says of a plain cluster that all is the same", async () => {
    const found = METALLB_0_14(new Found())
      .pool("default", "192.0.2.0/24")
      .object("L2Advertisement", "l2advertisements", "default", {})
      .service("default/web", ["192.0.2.7"]);
    found.api.put(`/api/v1/namespaces/${NAMESPACE}/secrets/metallb-memberlist`, {
      metadata: { namespace: NAMESPACE, name: "metallb-memberlist" },
      data: { secretkey: "c2VjcmV0" },
    });
    assert.deepEqual(await found.check(), {
      exitCode: 0,
      stderr: "",
      stdout: `same     Deployment      metallb-system/metallb-controller  MetalLB's controller v0.14.9
same     DaemonSet       metallb-system/metallb-speaker     MetalLB's speaker v0.14.9
same     Secret          metallb-system/metallb-memberlist  key of the gossip; Herald makes the same key of it, so keep it
same     IPAddressPool   metallb-system/default
same     L2Advertisement metallb-system/default
same     Service         default/web

0 of 1 addresses would change; of 6 objects 6 are the same, 0 differ, 0 are refused.
`,
    });
  });

  it("knows the list of interfaces that MetalLB's chart leaves alone, an older one too", async () => {
    const list = DEFAULT_EXCLUDED_INTERFACES.filter((pattern) => pattern !== "^lxc.*")
      .map((pattern) => `- ${pattern}\n`)
      .join("");
    const found = new Found().configMap("metallb-excludel2", {
      "excludel2.yaml": `announcedInterfacesToExclude:\n${list}`,
    });
    assert.match((await found.check()).stdout, /^same {5}ConfigMap metallb-system\/metallb-excludel2$/m);
  });

  it("reads, and does nothing else", async () => {
    const found = METALLB_0_14(new Found()).pool("default", "192.0.2.0/24").service("default/web", []);
    await found.check();
    const verbs = new Set(found.api.requests.map(({ method }) => method));
    assert.deepEqual([...verbs].sort(), ["GET", "LIST"]);
  });

  it("has the allocator say which addresses would not stay", async () => {
    const found = new Found()
      .pool("default", "192.0.2.0/31")
      .service("default/kept", ["192.0.2.1"])
      .service("default/stray", ["198.51.100.9"])
      .service("default/full", ["198.51.100.8"])
      .service("default/waits", []);
    const { stdout, exitCode } = await found.check();
    assert.equal(exitCode, 4);
    assert.match(
      stdout,
      /differs {2}Service +default\/stray\n +status\.loadBalancer\.ingress: 198\.51\.100\.9 becomes 192\.0\.2\.0: Taking back/,
    );
    assert.match(
      stdout,
      /differs {2}Service +default\/full\n +status\.loadBalancer\.ingress: 198\.51\.100\.8 is taken back: /,
    );
    assert.match(stdout, /^2 of 3 addresses would change; 1 Services would wait for one; of 5 objects/m);
  });

  it("says of a refused object which field is wrong, and takes nothing back for it", async () => {
    const found = new Found().pool("bad", "192.0.2.9-192.0.2.1").service("default/web", ["192.0.2.7"]);
    const { stdout, exitCode } = await found.check();
    assert.equal(exitCode, 4);
    assert.match(stdout, /refused {2}IPAddressPool metallb-system\/bad\n +spec\.addresses\[0\]: /);
    assert.match(stdout, /^0 of 1 addresses would change/m);
  });

  it("says when nothing would be given out, for want of a configuration", async () => {
    const { stdout, exitCode } = await new Found().service("default/web", ["192.0.2.7"]).check();
    assert.match(stdout, /^differs {2}Service default\/web\n +is not announced: no configuration/m);
    assert.match(stdout, /^0 of 1 addresses would change; 1 Services would not be announced any more; /m);
    assert.match(stdout, /^Note: No configuration would be in force/m);
    assert.equal(exitCode, 4);
  });

  it("finds nothing wrong where there is no configuration, and no Service that has an address or is ours", async () => {
    const found = new Found()
      .service("default/waits", [])
      .service("default/classed", ["192.0.2.7"], { spec: { loadBalancerClass: "x/y" } });
    assert.equal((await found.check()).exitCode, 0);
  });

  it("says where MetalLB runs when another namespace was looked at", async () => {
    const found = METALLB_0_14(new Found()).pool("p", "192.0.2.0/24").service("default/web", ["192.0.2.7"]);
    const { stdout, exitCode } = await found.check({ namespace: "elsewhere" });
    assert.match(
      stdout,
      /^Note: MetalLB runs in metallb-system, and elsewhere was looked at: want --namespace metallb-system\.$/m,
    );
    assert.equal(exitCode, 4);
  });

  it("says of a refused ConfigMap in which line", async () => {
    const found = new Found().configMap("config", {
      config: "address-pools:\n- {name: a, protocol: layer3}\n",
    });
    const { stdout, exitCode } = await found.check();
    assert.equal(exitCode, 4);
    assert.match(stdout, /refused {2}ConfigMap metallb-system\/config\n +line 2: address-pools\[0\]\.\w+: /);
  });

  it("says of an AddressPool, which nothing reads any more, how to write it as what is read", async () => {
    const found = new Found()
      .object("AddressPool", "addresspools", "lan", { protocol: "layer2", addresses: ["192.0.2.0/24"] })
      .object("AddressPool", "addresspools", "wan", { protocol: "bgp", addresses: ["198.51.100.0/24"] })
      .service("default/web", ["192.0.2.1"]);
    const { stdout, exitCode } = await found.check();
    const [, ...lines] = stdout.split("refused  AddressPool ");
    assert.deepEqual(
      lines.map((line) => line.split("\n")[1]?.trim()),
      [
        "is not read, as from MetalLB 0.14 on: write an IPAddressPool with its addresses and autoAssign, and an L2Advertisement with ipAddressPools: [lan] (docs/migrate.md#from-addresspools-metallb-013)",
        "is not read, as from MetalLB 0.14 on: write an IPAddressPool with its addresses and autoAssign, and a BGPAdvertisement for each of its bgpAdvertisements with ipAddressPools: [wan] (docs/migrate.md#from-addresspools-metallb-013)",
      ],
    );
    assert.match(stdout, /; of 3 objects 0 are the same, 1 differ, 2 are refused\.$/m);
    assert.equal(exitCode, 4);
  });

  it("says of a request that cannot be met by anybody where it stands", async () => {
    const found = new Found()
      .pool("default", "192.0.2.0/24")
      .service("default/web", [], { annotations: { "metallb.universe.tf/loadBalancerIPs": "some" } });
    const { stdout, exitCode } = await found.check();
    assert.equal(exitCode, 4);
    assert.match(
      stdout,
      /refused {2}Service +default\/web\n +metadata\.annotations\["metallb\.universe\.tf\/loadBalancerIPs"\]: /,
    );
  });

  const differing: readonly { name: string; of: (found: Found) => Found; says: RegExp }[] = [
    {
      name: "interfaces",
      of: (f) => f.object("L2Advertisement", "l2advertisements", "a", { interfaces: ["eth1"] }),
      says: /spec\.interfaces: .*docs\/differences\.md#who-answers-and-how/,
    },
    {
      name: "preferred nodes",
      of: (f) =>
        f.object("L2Advertisement", "l2advertisements", "a", {
          preferredNodeSelectors: [{ weight: 1, preference: {} }],
        }),
      says: /spec\.preferredNodeSelectors: /,
    },
    {
      name: "Services that are selected while some share",
      of: (f) =>
        f
          .object("L2Advertisement", "l2advertisements", "a", {
            serviceSelectors: [{ matchLabels: { a: "b" } }],
          })
          .service("default/web", [], { annotations: { "metallb.io/allow-shared-ip": "k" } }),
      says: /spec\.serviceSelectors: /,
    },
    {
      name: "namespaces that no namespace is",
      of: (f) =>
        f.object("IPAddressPool", "ipaddresspools", "a", {
          addresses: ["192.0.2.0/24"],
          serviceAllocation: { namespaceSelectors: [{ matchLabels: { team: "none" } }] },
        }),
      says: /spec\.serviceAllocation\.namespaceSelectors: matches no namespace/,
    },
    {
      name: "preferences of routes that meet",
      of: (f) =>
        f
          .pool("p", "192.0.2.0/24")
          .object("BGPAdvertisement", "bgpadvertisements", "a", { localPref: 100, aggregationLength: 24 })
          .object("BGPAdvertisement", "bgpadvertisements", "b", { localPref: 200 }),
      says: /spec\.localPref: /,
    },
    {
      name: "a peer without times where FRR ran",
      of: (f) =>
        f
          .workload("daemonsets", "speaker", {
            name: "speaker",
            image: "mirror.example/metallb/speaker:v0.16.1",
            env: [{ name: "METALLB_BGP_TYPE", value: "frr-k8s" }, { name: "METALLB_ML_BIND_ADDR" }],
          })
          .object("BGPPeer", "bgppeers", "a", { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1" }, "v1beta2"),
      says: /spec\.holdTime: is not set: 90s[\s\S]*/,
    },
    {
      name: "what frr-k8s drops",
      of: (f) =>
        f
          .workload("daemonsets", "speaker", {
            name: "speaker",
            image: "quay.io/metallb/speaker:v0.16.1",
            env: [{ name: "METALLB_BGP_TYPE", value: "frr-k8s" }, { name: "METALLB_ML_BIND_ADDR" }],
          })
          .object(
            "BGPPeer",
            "bgppeers",
            "a",
            {
              myASN: 1,
              peerASN: 2,
              peerAddress: "192.0.2.1",
              holdTime: "90s",
              localASN: 3,
              sourceAddress: "192.0.2.2",
            },
            "v1beta2",
          ),
      says: /spec\.localASN: counts, [^\n]*\n +spec\.sourceAddress: counts, /,
    },
    {
      name: "a password that only a right of its own lets the speakers read",
      of: (f) =>
        f.object(
          "BGPPeer",
          "bgppeers",
          "a",
          { myASN: 1, peerASN: 2, peerAddress: "192.0.2.1", passwordSecret: { name: "tor" } },
          "v1beta2",
        ),
      says: /spec\.passwordSecret\.name: no session without .*speaker\.passwordSecrets/,
    },
    {
      name: "an address of ours that is of another family than the router's",
      of: (f) =>
        f.object(
          "BGPPeer",
          "bgppeers",
          "a",
          { myASN: 1, peerASN: 2, peerAddress: "2001:db8::1", sourceAddress: "192.0.2.2" },
          "v1beta2",
        ),
      says: /spec\.sourceAddress: is of another family than peerAddress: no session/,
    },
    {
      name: "a preference within the AS that nobody set",
      of: (f) =>
        f
          .object("BGPPeer", "bgppeers", "a", { myASN: 1, peerASN: 1, peerAddress: "192.0.2.1" }, "v1beta2")
          .object("BGPAdvertisement", "bgpadvertisements", "a", {}),
      says: /spec\.localPref: is not set: peers within the AS are told 100/,
    },
    {
      name: "echo packets",
      of: (f) => f.object("BFDProfile", "bfdprofiles", "a", { echoMode: true }),
      says: /spec\.echoMode: .*docs\/bfd\.md#not-done/,
    },
    {
      name: "FRR",
      of: (f) =>
        f.workload("daemonsets", "speaker", {
          name: "speaker",
          image: "quay.io/metallb/speaker:v0.14.9",
          env: [{ name: "METALLB_BGP_TYPE", value: "frr" }, { name: "METALLB_ML_BIND_ADDR" }],
        }),
      says: /MetalLB's speaker v0\.14\.9\n +speaks BGP through FRR \(frr\)/,
    },
    {
      name: "an election by the Service's name",
      of: (f) => f.workload("daemonsets", "speaker", { name: "speaker", image: "metallb/speaker:v0.7.3" }),
      says: /owners of layer 2 addresses change once/,
    },
    {
      name: "speakers without gossip",
      of: (f) => f.workload("daemonsets", "speaker", { name: "speaker", image: "metallb/speaker:v0.12.1" }),
      says: /cannot be replaced node by node/,
    },
    {
      name: "speakers with another key",
      of: (f) =>
        f.workload("daemonsets", "speaker", {
          name: "speaker",
          image: "quay.io/metallb/speaker:v0.14.1",
          env: [{ name: "METALLB_ML_BIND_ADDR" }],
        }),
      says: /key of 16 octets for the gossip/,
    },
    {
      name: "raw configuration of FRR",
      of: (f) => f.configMap("bgpextras", { extras: "debug bgp" }),
      says: /ConfigMap metallb-system\/bgpextras\n +data\.extras: /,
    },
    {
      name: "interfaces of one's own to leave alone",
      of: (f) =>
        f.configMap("metallb-excludel2", { "excludel2.yaml": "announcedInterfacesToExclude: [^eth9$]\n" }),
      says: /ConfigMap metallb-system\/metallb-excludel2\n +is not read, and is not the usual list/,
    },
    ...["docker0", "*x", "[", "{ a: b }"].map((list) => ({
      name: `\`${list}\` for a list of interfaces to leave alone`,
      of: (f: Found) =>
        f.configMap("metallb-excludel2", { "excludel2.yaml": `announcedInterfacesToExclude: ${list}\n` }),
      says: /ConfigMap metallb-system\/metallb-excludel2\n +is not read, and is not the usual list/,
    })),
    {
      name: "interfaces to leave alone behind a key of somebody else's",
      of: (f) =>
        f.configMap("metallb-excludel2", {
          "a.yaml": `announcedInterfacesToExclude: ${JSON.stringify(DEFAULT_EXCLUDED_INTERFACES)}`,
          "excludel2.yaml": "announcedInterfacesToExclude: [^eth9$]\n",
        }),
      says: /ConfigMap metallb-system\/metallb-excludel2\n +is not read, and is not the usual list/,
    },
    {
      name: "a sharing key in two namespaces, though nothing is shared yet",
      of: (f) =>
        f
          .pool("p", "192.0.2.0/24")
          .service("one/web", ["192.0.2.1"], { annotations: { "metallb.universe.tf/allow-shared-ip": "k" } })
          .service("two/web", ["192.0.2.2"], { annotations: { "metallb.io/allow-shared-ip": "k" } }),
      says: /metadata\.annotations\["metallb\.universe\.tf\/allow-shared-ip"\]: the key "k" is used in several/,
    },
  ];
  for (const { name, of, says } of differing) {
    it(`tells what differs: ${name}`, async () => {
      const { stdout, exitCode } = await of(new Found()).check();
      assert.match(stdout, says);
      assert.equal(exitCode, 3);
    });
  }

  it("says which Services nobody would answer for, since they may share and advertisements select Services", async () => {
    const sharing = { annotations: { "metallb.universe.tf/allow-shared-ip": "k" } };
    const found = new Found()
      .pool("p", "192.0.2.0/24")
      .pool("q", "198.51.100.0/24")
      .object("L2Advertisement", "l2advertisements", "a", {
        ipAddressPools: ["p"],
        serviceSelectors: [{ matchExpressions: [{ key: "app", operator: "DoesNotExist" }] }],
      })
      .object("L2Advertisement", "l2advertisements", "b", { ipAddressPools: ["q"] })
      .service("default/dark", ["192.0.2.1"], sharing)
      .service("default/alone", ["192.0.2.2"])
      .service("default/elsewhere", ["198.51.100.1"], sharing);
    const { stdout, exitCode } = await found.check();
    assert.match(
      stdout,
      /^differs {2}Service +default\/dark\n +metadata\.annotations\["metallb\.universe\.tf\/allow-shared-ip"\]: no node answers for it, /m,
    );
    assert.match(stdout, /^same {5}Service +default\/alone$/m);
    assert.match(stdout, /^same {5}Service +default\/elsewhere$/m);
    assert.match(stdout, /^0 of 3 addresses would change; 1 Services would not be announced any more; /m);
    assert.equal(exitCode, 4);
  });

  it("goes by the class that MetalLB's controller serves, unless told another", async () => {
    const found = new Found()
      .workload("deployments", "c", {
        name: "controller",
        image: "metallb/controller:v0.14.9",
        args: ["--lb-class=x/y"],
      })
      .pool("p", "192.0.2.0/24")
      .service("default/classed", ["198.51.100.1"], { spec: { loadBalancerClass: "x/y" } })
      .service("default/plain", ["198.51.100.2"]);
    assert.match((await found.check()).stdout, /^1 of 1 addresses would change/m);
    const told = await found.check({ "lb-class": "" });
    assert.match(told.stdout, /198\.51\.100\.2 becomes/);
    assert.match(told.stdout, /default\/classed +left alone: it is of class x\/y/);
  });

  it("says which kinds would go with MetalLB's release, and their objects", async () => {
    const found = new Found();
    const of = (release: string): object => ({
      "meta.helm.sh/release-name": release,
      "meta.helm.sh/release-namespace": NAMESPACE,
      "helm.sh/resource-policy": "keep", // which counts for nothing
    });
    const put = (path: string, name: string, annotations: object, spec: object): void => {
      found.api.put(objectPath(path, name), { metadata: { namespace: NAMESPACE, name, annotations }, spec });
    };
    const kinds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    put(kinds, "ipaddresspools.metallb.io", of("metallb"), { group: "metallb.io" });
    put(kinds, "bgppeers.metallb.io", of("herald"), { group: "metallb.io" });
    put(kinds, "communities.metallb.io", {}, { group: "metallb.io" });
    put(`/apis/apps/v1/namespaces/${NAMESPACE}/daemonsets`, "speaker", of("metallb"), {
      template: {
        spec: {
          containers: [{ image: "metallb/speaker:v0.14.9", env: [{ name: "METALLB_ML_BIND_ADDR" }] }],
        },
      },
    });
    const { stdout } = await found.check();
    assert.match(
      stdout,
      /^Note: Uninstalling the Helm release metallb in metallb-system deletes ipaddresspools\.metallb\.io, all/m,
    );
  });

  const STORED: readonly {
    readonly name: string;
    readonly strategy: string;
    readonly storedVersions: readonly string[];
    readonly isNoted: boolean;
  }[] = [
    {
      name: "says that BGPPeers of an older version are read by MetalLB's webhook alone",
      strategy: "Webhook",
      storedVersions: ["v1beta1", "v1beta2"],
      isNoted: true,
    },
    {
      name: "says nothing of the webhook where all are stored as they are read",
      strategy: "Webhook",
      storedVersions: ["v1beta2"],
      isNoted: false,
    },
    {
      name: "says nothing of the webhook where the API server converts by itself",
      strategy: "None",
      storedVersions: ["v1beta1", "v1beta2"],
      isNoted: false,
    },
  ];
  for (const { name, strategy, storedVersions, isNoted } of STORED) {
    it(name, async () => {
      const found = new Found();
      const versions = ["v1beta1", "v1beta2"].map((each) => ({ name: each, storage: each === "v1beta2" }));
      const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/bgppeers.metallb.io";
      const spec = { group: "metallb.io", conversion: { strategy }, versions };
      found.api.put(path, { metadata: { name: "bgppeers.metallb.io" }, spec, status: { storedVersions } });
      const { stdout } = await found.check();
      assert.equal(/^Note: BGPPeers may be stored as v1beta1, which/m.test(stdout), isNoted);
    });
  }

  it("refuses every object that is wrong, however many there are", async () => {
    const found = new Found();
    for (let at = 0; at < 105; at += 1) found.pool(`p${at}`, "x");
    const { stdout, exitCode } = await found.check();
    assert.match(stdout, /of 105 objects 0 are the same, 0 differ, 105 are refused\.$/m);
    assert.equal(exitCode, 4);
  });

  it("says what it may not read, and judges the rest", async () => {
    const found = METALLB_0_14(new Found()).pool("p", "192.0.2.0/24").service("default/web", ["192.0.2.1"]);
    const forbidden = new ApiError(403, "Forbidden", "no");
    found.api.failNext(1, forbidden, ({ path }) => path.includes("/secrets/"));
    const { stdout, exitCode } = await found.check();
    assert.match(stdout, /^Note: Not read, for want of permission: secret metallb-memberlist\.$/m);
    assert.match(stdout, /^0 of 1 addresses would change/m);
    assert.equal(exitCode, 0);
  });

  const needed: readonly { what: string; path: string }[] = [
    { what: "services", path: "/api/v1/services" },
    { what: "configmap config", path: objectPath(configMapsPath(NAMESPACE), "config") },
    { what: "ipaddresspools", path: metallbPath("ipaddresspools", NAMESPACE, "v1beta1") },
    { what: "addresspools", path: metallbPath("addresspools", NAMESPACE, "v1beta1") },
    { what: "bgppeers", path: metallbPath("bgppeers", NAMESPACE, "v1beta2") },
    { what: "namespaces", path: namespacesPath() },
    { what: "nodes", path: nodesPath() },
    { what: "deployments", path: "/apis/apps/v1/deployments" },
  ];
  for (const { what, path: denied } of needed) {
    it(`does not answer for what it may not read: ${what}`, async () => {
      const found = METALLB_0_14(new Found()).pool("p", "192.0.2.0/24").service("default/web", ["192.0.2.1"]);
      found.api.failNext(1, new ApiError(403, "Forbidden", "no"), ({ path }) => path === denied);
      const { stdout, exitCode } = await found.check();
      const notes = stdout.split("\n").filter((line) => line.includes("for want of permission"));
      assert.deepEqual(notes, [`Note: Not read, for want of permission, and needed for an answer: ${what}.`]);
      assert.equal(exitCode, 2);
    });
  }

  it("gives up where the cluster does not answer", async () => {
    const found = new Found();
    found.api.setReachable(false);
    await assert.rejects(found.check(), {
      name: "CommandError",
      message: /^cannot read services: Unreachable/,
    });
  });

  it("tells the same as JSON", async () => {
    const found = new Found().pool("p", "192.0.2.0/24").service("default/web", ["198.51.100.1"]);
    const { stdout } = await found.check({ output: "json" });
    const report = JSON.parse(stdout) as Record<string, unknown>;
    assert.deepEqual(
      { ...report, objects: undefined },
      {
        addresses: 1,
        lost: 1,
        notes: [],
        silent: 0,
        objects: undefined,
        services: [
          {
            service: "default/web",
            outcome: "changes",
            has: ["198.51.100.1"],
            would: ["192.0.2.0"],
            reason: "Allocated",
            why: 'Taking back 198.51.100.1: no pool gives out 198.51.100.1; 192.0.2.0 of pool "p"',
          },
        ],
      },
    );
  });

  it("leads to headings that are there", () => {
    for (const link of Object.values(LINKS)) {
      const [file = "", anchor = ""] = link.split("#");
      const text = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");
      const anchors = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) =>
        heading
          .toLowerCase()
          .replaceAll(/[^\w -]/g, "")
          .replaceAll(" ", "-"),
      );
      assert.ok(anchors.includes(anchor), `${link} is among ${anchors.join(", ")}`);
    }
  });
});
