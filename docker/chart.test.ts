import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseAllDocuments } from "yaml";
import { CRD_KINDS } from "../packages/shared/src/config/crd/kinds.ts";
import { helm, renderManifest } from "../scripts/manifest.ts";
import { valuesSchema } from "../scripts/values-schema.ts";
import { chart, container, identity, one, type Rendered, render, root } from "./rendered-chart.ts";

/** Kinds that people write. */
const POLICED = [
  ...["bfdprofiles", "bgpadvertisements", "bgppeers", "communities", "ipaddresspools", "l2advertisements"],
];

describe("chart", () => {
  it("pleases helm lint", () => {
    assert.match(helm(["lint", "--strict", chart]), /0 chart\(s\) failed/);
  });

  it("has the configuration's schema among that of its values", () => {
    const stale = "run: node scripts/values-schema.ts";
    assert.equal(readFileSync(join(chart, "values.schema.json"), "utf8"), valuesSchema(), stale);
  });

  it("renders herald.yaml as it stands in the repository", () => {
    assert.equal(
      readFileSync(join(root, "herald.yaml"), "utf8"),
      renderManifest(),
      "run: node scripts/manifest.ts",
    );
  });

  it("installs these objects and no others by default", () => {
    assert.deepEqual(render().map(identity).sort(), [
      "ClusterRole/herald-controller",
      "ClusterRole/herald-speaker",
      "ClusterRoleBinding/herald-controller",
      "ClusterRoleBinding/herald-speaker",
      ...CRD_KINDS.map(({ plural }) => `CustomResourceDefinition/${plural}.metallb.io`).sort(),
      "DaemonSet/herald-speaker",
      "Deployment/herald-controller",
      "Role/herald-controller",
      "Role/herald-speaker",
      "RoleBinding/herald-controller",
      "RoleBinding/herald-speaker",
      "Secret/herald-webhook-cert",
      "Service/herald-webhook",
      "ServiceAccount/herald-controller",
      "ServiceAccount/herald-speaker",
      ...POLICED.map((plural) => `ValidatingAdmissionPolicy/herald-${plural}`),
      ...POLICED.map((plural) => `ValidatingAdmissionPolicyBinding/herald-${plural}`),
      "ValidatingWebhookConfiguration/herald-webhook",
    ]);
  });

  it("installs no kinds where they are there already, and leaves its own behind", () => {
    const definitions = (values: object) =>
      render(values).filter(({ kind }) => kind === "CustomResourceDefinition");
    assert.deepEqual(definitions({ crds: { enabled: false } }), []);
    const policies = definitions({}).map(({ metadata }) => metadata.annotations["helm.sh/resource-policy"]);
    assert.deepEqual(
      policies,
      CRD_KINDS.map(() => "keep"),
    );
  });

  it("puts everything that has a namespace into the release's", () => {
    const scoped = render({ controller: { replicas: 2 }, configInline: { "address-pools": [] } }).filter(
      ({ kind }) => !/^(Cluster|Validating|CustomResourceDefinition)/.test(kind),
    );
    assert.deepEqual([...new Set(scoped.map(({ metadata }) => metadata.namespace))], ["metallb-system"]);
  });
});

describe("chart: rights", () => {
  const read = ["get", "list", "watch"];
  const follow = ["list", "watch"];
  const config = { apiGroups: [""], resources: ["configmaps"], resourceNames: ["config"], verbs: follow };

  it("lets the controller write statuses, Events and its own Lease, make the gossip's key, and nothing else", () => {
    const objects = render({ webhook: { enabled: false } });
    assert.deepEqual(one(objects, "ClusterRole", "herald-controller").rules, [
      { apiGroups: [""], resources: ["services"], verbs: read },
      { apiGroups: [""], resources: ["services/status"], verbs: ["patch"] },
      { apiGroups: [""], resources: ["namespaces"], verbs: follow },
      { apiGroups: [""], resources: ["nodes"], verbs: follow },
      { apiGroups: ["networking.k8s.io"], resources: ["servicecidrs"], verbs: follow },
      { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
    ]);
    assert.deepEqual(one(objects, "Role", "herald-controller").rules, [
      config,
      {
        apiGroups: ["metallb.io"],
        resources: ["ipaddresspools", "l2advertisements", "bgpadvertisements"],
        verbs: follow,
      },
      { apiGroups: ["metallb.io"], resources: ["ipaddresspools/status"], verbs: ["patch"] },
      { apiGroups: ["metallb.io"], resources: ["configurationstates"], verbs: ["create"] },
      {
        apiGroups: ["metallb.io"],
        resources: ["configurationstates"],
        resourceNames: ["controller"],
        verbs: ["get", "delete"],
      },
      {
        apiGroups: ["metallb.io"],
        resources: ["configurationstates/status"],
        resourceNames: ["controller"],
        verbs: ["patch"],
      },
      { apiGroups: ["metallb.io"], resources: ["bgpsessionstates", "bgppeers"], verbs: follow },
      { apiGroups: ["metallb.io"], resources: ["bgppeers/status"], verbs: ["patch"] },
      { apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["create"] },
      {
        apiGroups: ["coordination.k8s.io"],
        resources: ["leases"],
        resourceNames: ["herald-controller"],
        verbs: ["get", "patch"],
      },
      { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
      {
        apiGroups: ["apps"],
        resources: ["deployments"],
        resourceNames: ["herald-controller"],
        verbs: ["get"],
      },
    ]);
  });

  it("lets the speaker write statuses of Services and Events and nothing else, and read no Secret", () => {
    const objects = render();
    assert.deepEqual(one(objects, "ClusterRole", "herald-speaker").rules, [
      { apiGroups: [""], resources: ["services"], verbs: read },
      { apiGroups: [""], resources: ["nodes"], verbs: follow },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: follow },
      { apiGroups: [""], resources: ["services/status"], verbs: ["patch"] },
      { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] },
    ]);
    assert.deepEqual(one(objects, "Role", "herald-speaker").rules, [
      config,
      { apiGroups: [""], resources: ["pods"], verbs: read },
      {
        apiGroups: ["metallb.io"],
        resources: [
          "ipaddresspools",
          "l2advertisements",
          "bgpadvertisements",
          "bgppeers",
          "bfdprofiles",
          "communities",
        ],
        verbs: follow,
      },
      {
        apiGroups: ["metallb.io"],
        resources: ["servicel2statuses", "servicebgpstatuses"],
        verbs: ["get", "list", "create", "delete"],
      },
      {
        apiGroups: ["metallb.io"],
        resources: ["servicel2statuses/status", "servicebgpstatuses/status"],
        verbs: ["patch"],
      },
      {
        apiGroups: ["metallb.io"],
        resources: ["bgpsessionstates"],
        verbs: ["get", "list", "watch", "create", "delete"],
      },
      { apiGroups: ["metallb.io"], resources: ["bgpsessionstates/status"], verbs: ["patch"] },
      {
        apiGroups: ["metallb.io"],
        resources: ["configurationstates"],
        verbs: ["get", "create", "delete"],
      },
      { apiGroups: ["metallb.io"], resources: ["configurationstates/status"], verbs: ["patch"] },
    ]);
  });

  it("lets the speaker read the Secrets that are named, or all of them, and only in its namespace", () => {
    const rulesOf = (passwordSecrets: readonly string[]) =>
      one(render({ speaker: { passwordSecrets } }), "Role", "herald-speaker").rules?.filter(
        ({ resources }: { readonly resources: readonly string[] }) => resources.includes("secrets"),
      );
    const secrets = { apiGroups: [""], resources: ["secrets"] };
    assert.deepEqual(rulesOf(["east", "west"]), [
      { ...secrets, resourceNames: ["east", "west"], verbs: follow },
    ]);
    assert.deepEqual(rulesOf(["*"]), [{ ...secrets, verbs: follow }]);
    assert.deepEqual(rulesOf([]), []);
  });

  it("gives each role to the account its pods run as, also when the user names it", () => {
    const account = { create: false, name: "mine" };
    const objects = render({ controller: { serviceAccount: account } });
    const subjects = [{ kind: "ServiceAccount", name: "mine", namespace: "metallb-system" }];
    assert.deepEqual(one(objects, "ClusterRoleBinding", "herald-controller").subjects, subjects);
    assert.deepEqual(one(objects, "RoleBinding", "herald-controller").subjects, subjects);
    assert.equal(
      one(objects, "Deployment", "herald-controller").spec.template.spec.serviceAccountName,
      "mine",
    );
    assert.deepEqual(objects.filter(({ kind }) => kind === "ServiceAccount").map(identity), [
      "ServiceAccount/herald-speaker",
    ]);
  });

  it("makes no roles where someone else does", () => {
    const off = { enabled: false };
    const without = { crds: off, webhook: off, admissionPolicy: off };
    const kinds = render({ rbac: { create: false }, ...without }).map(({ kind }) => kind);
    assert.deepEqual(kinds.sort(), ["DaemonSet", "Deployment", "ServiceAccount", "ServiceAccount"]);
  });

  it("follows the ConfigMap's name", () => {
    const objects = render({ existingConfigMap: "pools" });
    const named = ["controller", "speaker"].map(
      (name) => one(objects, "Role", `herald-${name}`).rules[0].resourceNames,
    );
    assert.deepEqual(named, [["pools"], ["pools"]]);
  });
});

describe("chart: pods", () => {
  it("runs the controller as nobody, with no capability and nothing to write to", () => {
    const objects = render();
    assert.deepEqual(one(objects, "Deployment", "herald-controller").spec.template.spec.securityContext, {
      runAsNonRoot: true,
      runAsUser: 65534,
      runAsGroup: 65534,
      seccompProfile: { type: "RuntimeDefault" },
    });
    assert.deepEqual(container(objects, "Deployment", "herald-controller").securityContext, {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    });
  });

  it("gives the speaker NET_RAW and the node's network, and nothing to write to", () => {
    const objects = render();
    const { spec } = one(objects, "DaemonSet", "herald-speaker").spec.template;
    assert.deepEqual(
      [spec.hostNetwork, spec.dnsPolicy, spec.hostPID, spec.volumes, spec.securityContext],
      [
        true,
        "ClusterFirstWithHostNet",
        undefined,
        [{ name: "memberlist", secret: { secretName: "herald-memberlist", defaultMode: 256 } }],
        { seccompProfile: { type: "RuntimeDefault" } },
      ],
    );
    assert.deepEqual(container(objects, "DaemonSet", "herald-speaker").securityContext, {
      runAsUser: 0,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"], add: ["NET_RAW"] },
    });
    assert.ok(spec.terminationGracePeriodSeconds >= 10, "time to hand addresses over");
  });

  it("gives the speaker SYS_NICE, too, when its BFD thread is to go before others", () => {
    const objects = render({ speaker: { bfd: { raisePriority: true } } });
    const { securityContext } = container(objects, "DaemonSet", "herald-speaker");
    assert.deepEqual(securityContext?.capabilities, { drop: ["ALL"], add: ["NET_RAW", "SYS_NICE"] });
  });

  it("lets the speaker listen for routers when it is to, with a capability more where the port takes one", () => {
    const of = (bgp: object): readonly (readonly string[] | undefined)[] => {
      const { args, securityContext } = container(
        render({ speaker: { bgp } }),
        "DaemonSet",
        "herald-speaker",
      );
      return [args?.filter((arg: string) => arg.startsWith("--bgp")), securityContext?.capabilities?.add];
    };
    assert.deepEqual(of({}), [[], ["NET_RAW"]]);
    assert.deepEqual(of({ listen: true }), [
      ["--bgp-listen=true", "--bgp-listen-port=179"],
      ["NET_RAW", "NET_BIND_SERVICE"],
    ]);
    assert.deepEqual(of({ listen: true, listenPort: 1790 }), [
      ["--bgp-listen=true", "--bgp-listen-port=1790"],
      ["NET_RAW"],
    ]);
  });

  it("warns of dangling references where the values of an earlier release are used again, which do not name that", () => {
    const { args } = container(
      render({ webhook: { danglingReferences: null } }),
      "Deployment",
      "herald-controller",
    );
    assert.equal(args.at(-1), "--webhook-dangling-references=Warn");
  });

  it("tells the programs what the values say", () => {
    const objects = render({
      loadBalancerClass: "example.com/lb",
      existingConfigMap: "pools",
      prometheus: { metricsPort: 9472 },
      webhook: { port: 9444, certificateLife: "24h", timeoutSeconds: 10, danglingReferences: "Refuse" },
      controller: { logLevel: "debug", sharingAcrossNamespaces: true },
      speaker: {
        logLevel: "warn",
        ignoreExcludeLB: true,
        conflictDetection: "report",
        failBackAfter: "never",
        memberlist: { profile: "fast" },
        drain: { timeout: "4s", onCordon: true, onNotReady: true },
        bgp: { monitoringStation: "192.0.2.9:11019" },
        excludeInterfaces: { patterns: ["^lo$", "^veth.*"] },
      },
    });
    assert.deepEqual(container(objects, "Deployment", "herald-controller").args, [
      "--port=9472",
      "--log-level=debug",
      "--config=pools",
      "--leader-elect=true",
      "--lb-class=example.com/lb",
      "--sharing-across-namespaces",
      "--webhook-port=9444",
      "--cert-service-name=herald-webhook",
      "--webhook-secret=herald-webhook-cert",
      "--webhook-configuration=herald-webhook",
      "--webhook-certificate-life=24h",
      "--webhook-timeout=10s",
      "--webhook-dangling-references=Refuse",
    ]);
    assert.deepEqual(container(objects, "DaemonSet", "herald-speaker").args, [
      "--port=9472",
      "--log-level=warn",
      "--config=pools",
      "--lb-class=example.com/lb",
      "--ignore-exclude-lb=true",
      "--gossip-profile=fast",
      "--conflict-detection=report",
      "--fail-back-after=never",
      "--drain-timeout=4s",
      "--drain-on-cordon=true",
      "--drain-on-not-ready=true",
      "--bmp-station=192.0.2.9:11019",
      "--exclude-interfaces=^lo$,^veth.*",
    ]);
  });

  it("tells speakers who and where they are, and a selector that finds exactly their pods", () => {
    const objects = render({ speaker: { labels: { team: "network" } } });
    const field = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } });
    const { env } = container(objects, "DaemonSet", "herald-speaker");
    const value =
      "app.kubernetes.io/name=herald,app.kubernetes.io/instance=herald,app.kubernetes.io/component=speaker";
    assert.deepEqual(env, [
      { name: "METALLB_NODE_NAME", ...field("spec.nodeName") },
      { name: "METALLB_NAMESPACE", ...field("metadata.namespace") },
      { name: "METALLB_POD_NAME", ...field("metadata.name") },
      { name: "METALLB_HOST", ...field("status.hostIP") },
      { name: "METALLB_ML_LABELS", value },
      { name: "METALLB_ML_BIND_ADDR", ...field("status.podIP") },
      { name: "METALLB_ML_BIND_PORT", value: "7946" },
      { name: "METALLB_ML_SECRET_KEY_PATH", value: "/etc/ml_secret_key" },
    ]);
    const { labels } = one(objects, "DaemonSet", "herald-speaker").spec.template.metadata;
    assert.deepEqual(labels, {
      ...Object.fromEntries(value.split(",").map((term) => term.split("="))),
      team: "network",
    });
  });

  it("runs speakers on control-plane nodes unless told otherwise", () => {
    const key = (values: object) =>
      one(render(values), "DaemonSet", "herald-speaker").spec.template.spec.tolerations?.map(
        (toleration: Rendered) => toleration.key,
      );
    assert.deepEqual(key({}), ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"]);
    assert.deepEqual(key({ speaker: { tolerateMaster: false } }), undefined);
    assert.deepEqual(key({ speaker: { tolerateMaster: false, tolerations: [{ key: "gpu" }] } }), ["gpu"]);
  });

  it("mounts the speakers' key only where one is wanted", () => {
    const objects = render({ speaker: { memberlist: { mlSecretKeyPath: "/etc/ml" } } });
    const { spec } = one(objects, "DaemonSet", "herald-speaker").spec.template;
    assert.deepEqual(spec.volumes, [
      { name: "memberlist", secret: { secretName: "herald-memberlist", defaultMode: 256 } },
    ]);
    assert.deepEqual(spec.containers[0].volumeMounts, [
      { name: "memberlist", mountPath: "/etc/ml", readOnly: true },
    ]);
    const env = spec.containers[0].env.at(-1);
    assert.deepEqual(env, { name: "METALLB_ML_SECRET_KEY_PATH", value: "/etc/ml" });
    const nobodyMakesIt = { controller: { enabled: false } };
    for (const values of [{ speaker: { memberlist: { mlSecretKeyPath: "" } } }, nobodyMakesIt]) {
      const clear = render({ ...values, webhook: { enabled: false } });
      assert.equal(one(clear, "DaemonSet", "herald-speaker").spec.template.spec.volumes, undefined);
      assert.doesNotMatch(JSON.stringify(clear), /ML_SECRET|"secrets"/);
    }
    const made = render({ ...nobodyMakesIt, speaker: { secretName: "mine" } });
    assert.equal(
      one(made, "DaemonSet", "herald-speaker").spec.template.spec.volumes[0].secret.secretName,
      "mine",
    );
  });

  it("asks for the chart's own version of the images unless a tag is given", () => {
    const version = /^appVersion: (.*)$/m.exec(readFileSync(join(chart, "Chart.yaml"), "utf8"))?.[1];
    const objects = render({ speaker: { image: { tag: "dev" } } });
    assert.equal(
      container(objects, "Deployment", "herald-controller").image,
      `docker.io/herald/controller:${version}`,
    );
    assert.equal(container(objects, "DaemonSet", "herald-speaker").image, "docker.io/herald/speaker:dev");
  });

  it("keeps a controller through a drain once there are two", () => {
    const budget = one(render({ controller: { replicas: 2 } }), "PodDisruptionBudget", "herald-controller");
    const { matchLabels } = one(render(), "Deployment", "herald-controller").spec.selector;
    assert.deepEqual(budget.spec, { maxUnavailable: 1, selector: { matchLabels } });
  });
});

describe("chart: configuration", () => {
  const pools = { "address-pools": [{ name: "default", protocol: "layer2", addresses: ["192.0.2.0/24"] }] };

  it("makes the ConfigMap of configInline", () => {
    const { data } = one(render({ configInline: pools }), "ConfigMap", "config");
    assert.deepEqual(Object.keys(data), ["config"]);
    assert.deepEqual(
      parseAllDocuments(data.config).map((document) => document.toJS()),
      [pools],
    );
  });

  const refused = [
    {
      what: "a key nobody knows",
      values: { speaker: { logLevl: "info" } },
      says: "at '/speaker': additional properties 'logLevl' not allowed",
    },
    {
      what: "a log level nobody knows",
      values: { controller: { logLevel: "loud" } },
      says: "at '/controller/logLevel': value must be one of",
    },
    {
      what: "a time to leave addresses that is none",
      values: { speaker: { failBackAfter: "soon" } },
      says: "at '/speaker/failBackAfter': 'soon' does not match pattern",
    },
    {
      what: "a grace period too short to hand over",
      values: { speaker: { terminationGracePeriodSeconds: 0 } },
      says: "at '/speaker/terminationGracePeriodSeconds': minimum: got 0, want 10",
    },
    {
      what: "a grace period shorter than what a hand-over may take",
      values: { speaker: { drain: { timeout: "1m0.5s" } } },
      says: "speaker.terminationGracePeriodSeconds: 15 is too short for speaker.drain.timeout 1m0.5s: make it 66 or more",
    },
    {
      what: "a typo inside configInline",
      values: { configInline: { "address-pools": [{ ...pools["address-pools"][0], "auto-asign": true }] } },
      says: "at '/configInline/address-pools/0': additional properties 'auto-asign' not allowed",
    },
    {
      what: "two configurations",
      values: { configInline: pools, existingConfigMap: "mine" },
      says: "configInline and existingConfigMap are both set",
    },
    {
      what: "two monitors",
      values: { prometheus: { podMonitor: { enabled: true }, serviceMonitor: { enabled: true } } },
      says: "every figure would be read twice",
    },
  ];
  for (const { what, values, says } of refused) {
    it(`refuses ${what} and says where`, () => {
      assert.throws(
        () => render(values),
        (error: Error) => error.message.includes(says),
      );
    });
  }

  const notes = (values: string[]) =>
    helm(["install", "herald", chart, "--namespace=metallb-system", "--dry-run=client", ...values]).split(
      "NOTES:",
    )[1] ?? "";

  it("says what to do next: a ConfigMap to paste, in the release's namespace", () => {
    const pasted = /<<'YAML'\n([\s\S]*?)\nYAML/.exec(notes([]))?.[1] ?? "";
    const [{ metadata, data }] = parseAllDocuments(pasted).map((document) => document.toJS() as Rendered);
    assert.deepEqual(metadata, { namespace: "metallb-system", name: "config" });
    assert.match(data.config, /^address-pools:\n- name: default\n/);
  });

  it("prints no ConfigMap to paste when it made one", () => {
    assert.doesNotMatch(notes(["--set-json", `configInline=${JSON.stringify(pools)}`]), /YAML/);
  });
});
