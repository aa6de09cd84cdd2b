import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";
import { ApiError } from "@herald/k8s/api";
import { CONFIGURATION_STATES } from "@herald/k8s/configuration-state";
import { elapse } from "@herald/k8s/elapse";
import { FakeApi } from "@herald/k8s/fake";
import { podsPath } from "@herald/k8s/paths";
import { customPath, ServedKinds } from "@herald/k8s/served-kinds";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { ConfigurationStateWriter } from "./configuration-state-writer.ts";
import { OwnPod } from "./own-pod.ts";

const NAMESPACE = "metallb-system";
const PATH = `${customPath(CONFIGURATION_STATES, NAMESPACE)}/speaker-node-a`;
const MISTAKE = 'BGPPeer east: spec.bfdProfile: there is no BFDProfile "fast"';

describe("ConfigurationStateWriter", () => {
  let api: FakeApi;
  let clock: VirtualClock;
  let stop: AbortController;
  let runs: Promise<void>[];
  beforeEach(() => {
    clock = new VirtualClock();
    api = new FakeApi({ clock });
    stop = new AbortController();
    runs = [];
    for (const name of ["speaker-1", "speaker-2"]) api.put(`${podsPath(NAMESPACE)}/${name}`, {});
    api.put("/apis/metallb.io/v1beta1", { resources: [{ name: CONFIGURATION_STATES.plural }] });
  });
  afterEach(async () => {
    stop.abort();
    await Promise.all(runs);
  });

  const start = (podName = "speaker-1"): ConfigurationStateWriter => {
    const random = new SeededRandom(1);
    const served = new ServedKinds({ client: api, clock, random, wanted: [CONFIGURATION_STATES] });
    const made = new ConfigurationStateWriter({
      client: api,
      clock,
      random,
      epochMs: () => clock.now(),
      namespace: NAMESPACE,
      node: "node-a",
      pod: new OwnPod(api, NAMESPACE, podName),
      served,
      failed: () => {},
    });
    runs.push(served.run(stop.signal), made.run(stop.signal));
    return made;
  };
  const writes = () => {
    const asked = api.requests.splice(0).map(({ method }) => method);
    return asked.filter((method) => method !== "GET").join(" ");
  };
  const pass = (ms = 1_000): Promise<void> => elapse(clock, ms);
  const found = () =>
    api.peek<{
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
    await pass();
    assert.deepEqual(found()?.status, state(true, 0));
    assert.deepEqual(found()?.metadata.labels, {
      "metallb.io/component-type": "speaker",
      "metallb.io/node-name": "node-a",
    });
    assert.deepEqual(
      found()?.metadata.ownerReferences.map(({ name }) => name),
      ["speaker-1"],
    );
    assert.equal(writes(), "POST PATCH");
    writer.put([MISTAKE]);
    await pass();
    writer.put([MISTAKE]);
    await pass(20_000);
    assert.deepEqual(found()?.status, state(false, 1));
    assert.equal(writes(), "PATCH");
  });

  it("finds it as it was when it is started anew in its pod, and keeps the time", async () => {
    start().put([MISTAKE]);
    await pass();
    writes();
    const again = start();
    again.put([MISTAKE]);
    await pass(5_000);
    assert.equal(writes(), "");
    assert.deepEqual(found()?.status, state(false, 0));
  });

  it("takes over from a pod that is gone, whose object would go with it", async () => {
    start().put([MISTAKE]);
    await pass();
    writes();
    start("speaker-2").put([MISTAKE]);
    await pass();
    assert.equal(writes(), "DELETE POST PATCH");
    assert.deepEqual(
      found()?.metadata.ownerReferences.map(({ name }) => name),
      ["speaker-2"],
    );
  });

  it("tries again what the API server refuses", async () => {
    api.failNext(3, new ApiError(503, "ServiceUnavailable", "away"), ({ path }) => path.startsWith(PATH));
    start().put([]);
    await pass(20_000);
    assert.deepEqual(found()?.status, state(true, 11));
  });
});
