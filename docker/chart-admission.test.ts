import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { helm } from "../scripts/manifest.ts";
import { chart, container, one, type Rendered, render } from "./rendered-chart.ts";

describe("chart: the webhook", () => {
  it("is found by a Service whose port and selector are those of the controllers' pods", () => {
    const objects = render({ webhook: { port: 9444 } });
    const { spec } = one(objects, "Service", "herald-webhook");
    const { metadata } = one(objects, "Deployment", "herald-controller").spec.template;
    assert.deepEqual(spec.selector, metadata.labels);
    assert.deepEqual(spec.ports, [{ name: "webhook", port: 443, targetPort: "webhook" }]);
    const { ports } = container(objects, "Deployment", "herald-controller");
    assert.deepEqual(ports, [
      { name: "monitoring", containerPort: 7472 },
      { name: "webhook", containerPort: 9444 },
    ]);
  });

  it("is asked of the kinds that people write, and of their deletion it never keeps anybody", () => {
    const { webhooks } = one(
      render({ webhook: { failurePolicy: "Fail", timeoutSeconds: 3 } }),
      "ValidatingWebhookConfiguration",
      "herald-webhook",
    );
    const asked = webhooks.map(({ name, failurePolicy, timeoutSeconds, clientConfig, rules }: Rendered) => ({
      ...{ name, failurePolicy, timeoutSeconds, service: clientConfig.service },
      asks: rules.map(({ operations, apiVersions, resources }: Rendered) =>
        [operations, apiVersions, resources].join(" of "),
      ),
    }));
    const service = { name: "herald-webhook", namespace: "metallb-system", port: 443, path: "/validate" };
    const most = "v1beta1 of ipaddresspools,l2advertisements,bgpadvertisements,bfdprofiles,communities";
    const peers = "v1beta2 of bgppeers";
    assert.deepEqual(asked, [
      {
        ...{ name: "write.herald.io", failurePolicy: "Fail", timeoutSeconds: 3, service },
        asks: [`CREATE,UPDATE of ${most}`, `CREATE,UPDATE of ${peers}`],
      },
      {
        ...{ name: "delete.herald.io", failurePolicy: "Ignore", timeoutSeconds: 3, service },
        asks: [`DELETE of ${most}`, `DELETE of ${peers}`],
      },
    ]);
  });

  it("has its Secret and its configuration made for it, so that it may change these two, and make the Secret when it is gone", () => {
    const objects = render({ speaker: { memberlist: { mlSecretKeyPath: "" } } });
    assert.equal(one(objects, "Secret", "herald-webhook-cert").data, undefined);
    const rights = (kind: string, resource: string) =>
      one(objects, kind, "herald-controller").rules.filter(({ resources }: Rendered) =>
        resources.includes(resource),
      );
    const verbs = ["list", "watch", "patch"];
    assert.deepEqual(rights("Role", "secrets"), [
      { apiGroups: [""], resources: ["secrets"], verbs: ["create"] },
      { apiGroups: [""], resources: ["secrets"], resourceNames: ["herald-webhook-cert"], verbs },
    ]);
    assert.deepEqual(rights("ClusterRole", "validatingwebhookconfigurations"), [
      {
        apiGroups: ["admissionregistration.k8s.io"],
        resources: ["validatingwebhookconfigurations"],
        ...{ resourceNames: ["herald-webhook"], verbs },
      },
    ]);
  });

  it("is gone without a trace when it is turned off, without a controller, and while Herald only observes", () => {
    const off = { webhook: { enabled: false } };
    for (const values of [off, { controller: { enabled: false } }, { observeOnly: true }]) {
      const texts = render({ ...values, crds: { enabled: false } }).map((object) => JSON.stringify(object));
      const traces = texts.flatMap((text) =>
        [...text.matchAll(/"[^"]*webhook[^"]*"/gi)].map(([word]) => word),
      );
      assert.deepEqual(traces, values === off || "observeOnly" in values ? ['"--webhook-port=0"'] : []);
    }
  });
});

describe("chart: the policies", () => {
  const policiesIn = (objects: readonly Rendered[]) =>
    objects.filter(({ kind }) => kind.startsWith("ValidatingAdmissionPolicy"));

  it("say of each kind what its definition says, and where its objects belong", () => {
    const asked = parse(readFileSync(join(chart, "files/admission-policy.yaml"), "utf8")) as Record<
      string,
      object[]
    >;
    const objects = render();
    for (const [plural, validations] of Object.entries(asked)) {
      const { spec } = one(objects, "ValidatingAdmissionPolicy", `herald-${plural}`);
      const [first, ...rest] = spec.validations;
      assert.equal(
        first.expression,
        "request.operation != 'CREATE' || request.namespace == 'metallb-system'",
      );
      assert.deepEqual(rest, validations);
      assert.deepEqual(spec.matchConstraints.resourceRules[0].resources, [plural]);
      const { spec: bound } = one(objects, "ValidatingAdmissionPolicyBinding", `herald-${plural}`);
      assert.deepEqual(bound, { policyName: `herald-${plural}`, validationActions: ["Deny"] });
    }
  });

  it("are left out of API servers without such, and where they are not wanted", () => {
    assert.deepEqual(policiesIn(render({ admissionPolicy: { enabled: false } })), []);
    assert.deepEqual(policiesIn(render({ observeOnly: true })), []);
    const old = helm(["template", "herald", chart, "--kube-version=1.29.0"]);
    assert.doesNotMatch(old, /AdmissionPolicy/);
    assert.match(helm(["template", "herald", chart, "--kube-version=1.30.0"]), /AdmissionPolicy/);
  });
});
