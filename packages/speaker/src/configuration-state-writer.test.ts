import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { CONFIGURATION_STATES } from "@herald/k8s/configuration-state";
import { customPath } from "@herald/k8s/served-kinds";
import { ConfigurationStateWriter } from "./configuration-state-writer.ts";
import { NAMESPACE, Writers } from "./testdata/writers.ts";

const PATH = `${customPath(CONFIGURATION_STATES, NAMESPACE)}/speaker-node-a`;
const MISTAKE = 'BGPPeer east: spec.bfdProfile: there is no BFDProfile "fast"';

describe("ConfigurationStateWriter", () => {
  let lab: Writers;
  beforeEach(() => {
    lab = new Writers([CONFIGURATION_STATES], ["speaker-1", "speaker-2"]);
    lab.serve();
  });
  afterEach(() => lab.end());

  const start = (pod = "speaker-1"): ConfigurationStateWriter =>
    lab.start({ node: "node-a", pod }, (ports) => new ConfigurationStateWriter(ports));
  const found = () =>
    lab.api.peek<{
      readonly metadata: { readonly labels: object; readonly ownerReferences: readonly { name: string }[] };
      readonly status: object;
    }>(PATH);
  const state = (isGood: boolean, second: number) => ({
    result: isGood ? "Valid" : "Invalid",
    errorSummary: isGood ? "" : MISTAKE,
    conditions: [
      {
        type: "configReconcilerValid",
        status: isGood ? "True" : "False",
        reason: isGood ? "Reconciled" : "ConfigurationError",
        message: isGood ? "" : `configuration error: ${MISTAKE}`,
        lastTransitionTime: `1970-01-01T00:00:${second.toString().padStart(2, "0")}Z`,
      },
    ],
  });

  it("says what is wrong in MetalLB's words under MetalLB's name, once per change", async () => {
    const writer = start();
    writer.put([]);
    await lab.pass();
    assert.deepEqual(found()?.status, state(true, 0));
    assert.deepEqual(found()?.metadata.labels, {
      "metallb.io/component-type": "speaker",
      "metallb.io/node-name": "node-a",
    });
    assert.deepEqual(
      found()?.metadata.ownerReferences.map(({ name }) => name),
      ["speaker-1"],
    );
    assert.equal(lab.writes(), "POST PATCH");
    writer.put([MISTAKE]);
    await lab.pass();
    writer.put([MISTAKE]);
    await lab.pass(20_000);
    assert.deepEqual(found()?.status, state(false, 1));
    assert.equal(lab.writes(), "PATCH");
  });

  it("finds it as it was when it is started anew in its pod, and keeps the time", async () => {
    start().put([MISTAKE]);
    await lab.pass();
    lab.writes();
    const again = start();
    again.put([MISTAKE]);
    await lab.pass(5_000);
    assert.equal(lab.writes(), "");
    assert.deepEqual(found()?.status, state(false, 0));
  });

  it("takes over from a pod that is gone, whose object would go with it", async () => {
    start().put([MISTAKE]);
    await lab.pass();
    lab.writes();
    start("speaker-2").put([MISTAKE]);
    await lab.pass();
    assert.equal(lab.writes(), "DELETE POST PATCH");
    assert.deepEqual(
      found()?.metadata.ownerReferences.map(({ name }) => name),
      ["speaker-2"],
    );
  });

  it("writes again within five minutes what somebody deleted or edited, and nothing that stands there", async () => {
    start().put([]);
    await lab.pass();
    lab.writes();
    lab.api.remove(PATH);
    await lab.pass(300_000);
    assert.equal(lab.writes(), "POST PATCH");
    const { status } = found() ?? {};
    lab.api.put(PATH, { ...found(), status: { ...status, result: "Invalid" } });
    await lab.pass(300_000);
    assert.deepEqual([found()?.status, lab.writes()], [status, "PATCH"]);
    await lab.pass(1_200_000);
    assert.equal(lab.writes(), "");
  });

  it("tries again what the API server refuses", async () => {
    lab.api.failNext(3, new ApiError(503, "ServiceUnavailable", "away"), ({ path }) => path.startsWith(PATH));
    start().put([]);
    await lab.pass(20_000);
    assert.deepEqual(found()?.status, state(true, 11));
  });
});
