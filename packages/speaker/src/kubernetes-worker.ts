import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "@herald/daemon/clock";
import { systemRandom } from "@herald/daemon/random";
import { connect } from "@herald/k8s/client";
import { createEventRecorder } from "@herald/k8s/events";
import { ServedKinds } from "@herald/k8s/served-kinds";
import { SERVICE_L2_STATUSES } from "@herald/k8s/service-l2-status";
import { ConditionWriter } from "./condition-writer.ts";
import { CONFIG_KINDS } from "./config-source.ts";
import type { FromWorker, KubernetesOptions, ToWorker } from "./kubernetes-protocol.ts";
import { followKubernetes } from "./kubernetes-source.ts";
import { L2StatusWriter } from "./l2-status-writer.ts";
import { Outbox } from "./outbox.ts";

// The thread that talks to the API server and parses what it says, so that the main thread need not. It must
// never load anything that loads cap: see docs/adr/0004-packets-through-cap.md.

const port = parentPort;
if (port === null) throw new Error("this file is the speaker's worker; start main.ts");
const options = workerData as KubernetesOptions;
const post = (message: FromWorker): void => port.postMessage(message);

const client = await connect({ kubeconfig: options.kubeconfig, userAgent: "herald-speaker" }).catch(
  (error: unknown) => {
    // Why: what `connect` says is about flags and files, so it is told in one line like them.
    post({ type: "cannot-start", message: error instanceof Error ? error.message : String(error) });
    return undefined;
  },
);

if (client !== undefined) {
  const events = createEventRecorder({
    client,
    component: "metallb-speaker",
    instance: options.podName === "" ? options.nodeName : options.podName,
    host: options.nodeName,
    clock: systemClock,
    dropped: (record, why) =>
      post({ type: "event-dropped", record, message: why === "queue-full" ? why : why.message }),
  });
  const conditions = new ConditionWriter({
    client,
    clock: systemClock,
    random: systemRandom,
    epochMs: Date.now,
    failed: (service, { message }) => post({ type: "word-failed", service, message }),
  });
  const served = new ServedKinds({
    client,
    clock: systemClock,
    random: systemRandom,
    wanted: [...CONFIG_KINDS, SERVICE_L2_STATUSES],
  });
  const holdings = new L2StatusWriter({
    client,
    clock: systemClock,
    random: systemRandom,
    namespace: options.namespace,
    node: options.nodeName,
    podName: options.podName,
    served,
    failed: (service, { message }) => post({ type: "word-failed", service, message }),
  });
  const outbox = new Outbox(systemClock, (changes) => post({ type: "batch", changes }));
  port.on("message", (message: ToWorker) => {
    switch (message.type) {
      case "taken":
        outbox.taken();
        return;
      case "event":
        events.record(message.record);
        return;
      case "word":
        conditions.put(message.word);
        return;
      case "holding":
        holdings.put(message.word);
        return;
      case "flush": {
        const written = events.flush(AbortSignal.timeout(message.withinMs));
        void Promise.all([written, conditions.whenIdle(), holdings.whenIdle()]).then(() =>
          post({ type: "flushed" }),
        );
        return;
      }
    }
  });
  const untilTheEnd = new AbortController().signal; // ends with its thread
  const following = followKubernetes(
    options,
    served,
    {
      client,
      clock: systemClock,
      random: systemRandom,
      put: (change) => outbox.put(change),
      notice: (resource, notice) => post({ type: "notice", resource, notice }),
    },
    untilTheEnd,
  );
  await Promise.all([
    served.run(untilTheEnd),
    following,
    conditions.run(untilTheEnd),
    holdings.run(untilTheEnd),
  ]);
}
