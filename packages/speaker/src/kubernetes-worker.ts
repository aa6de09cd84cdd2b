import { parentPort, workerData } from "node:worker_threads";
import { systemClock } from "@herald/daemon/clock";
import { systemRandom } from "@herald/daemon/random";
import type { ApiError } from "@herald/k8s/api";
import { BGP_SESSION_STATES } from "@herald/k8s/bgp-session-state";
import { connect } from "@herald/k8s/client";
import { CONFIGURATION_STATES } from "@herald/k8s/configuration-state";
import { createEventRecorder } from "@herald/k8s/events";
import { ServedKinds } from "@herald/k8s/served-kinds";
import { SERVICE_STATUSES } from "@herald/k8s/service-status";
import { AnnouncementWriter } from "./announcement-writer.ts";
import { ConditionWriter } from "./condition-writer.ts";
import { CONFIG_KINDS } from "./config-source.ts";
import { ConfigurationStateWriter } from "./configuration-state-writer.ts";
import { FollowedSessions } from "./followed-sessions.ts";
import type { FromWorker, KubernetesOptions, ToWorker } from "./kubernetes-protocol.ts";
import { followKubernetes } from "./kubernetes-source.ts";
import { notAnnouncedEvent } from "./not-announced-event.ts";
import { Outbox } from "./outbox.ts";
import { OwnPod } from "./own-pod.ts";
import { SessionStateWriter } from "./session-state-writer.ts";

// The thread that talks to the API server and parses what it says, so that the main thread need not. It must
// never load anything that loads cap: see docs/adr/0004-packets-through-cap.md.

/** How long after the first look at the whole cluster all that is announced from here is said to be, ms. */
const SETTLED_MS = 10_000;

const port = parentPort;
if (port === null) throw new Error("this file is the speaker's worker; start main.ts");
const options = workerData as KubernetesOptions;
const post = (message: FromWorker): void => port.postMessage(message);

const client = await connect({ kubeconfig: options.kubeconfig, userAgent: "herald-speaker" }).catch(
  (error: unknown) => {
    // Why: what `connect` says is about flags and files, so it is told in one line like them.
    const reason = error instanceof Error ? error.message : String(error);
    post({ type: "cannot-start", message: `${reason} (--kubeconfig)` });
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
  const failed = (about: string, { message }: ApiError): void =>
    post({ type: "word-failed", about, message });
  const conditions = new ConditionWriter({
    client,
    clock: systemClock,
    random: systemRandom,
    epochMs: Date.now,
    written: (word) => {
      const event = notAnnouncedEvent(word);
      if (event !== undefined) events.record(event);
    },
    failed,
  });
  const served = new ServedKinds({
    client,
    clock: systemClock,
    random: systemRandom,
    wanted: [...CONFIG_KINDS, ...Object.values(SERVICE_STATUSES), CONFIGURATION_STATES, BGP_SESSION_STATES],
  });
  const writing = {
    client,
    clock: systemClock,
    random: systemRandom,
    namespace: options.namespace,
    node: options.nodeName,
    pod: new OwnPod(client, options.namespace, options.podName),
    served,
  };
  const holdings = {
    layer2: new AnnouncementWriter("layer2", { ...writing, failed }),
    bgp: new AnnouncementWriter("bgp", { ...writing, failed }),
  };
  const sessions = new SessionStateWriter({ ...writing, failed });
  const state = new ConfigurationStateWriter({
    ...writing,
    epochMs: Date.now,
    failed: (error) => failed("ConfigurationState", error),
  });
  const outbox = new Outbox(systemClock, (changes) => post({ type: "batch", changes }));
  const ofAllNodes = new FollowedSessions({
    ...writing,
    tell: (news) => outbox.put({ type: "sessions", news }),
    notice: (notice) => post({ type: "notice", resource: BGP_SESSION_STATES.plural, notice }),
  });
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
        holdings[message.word.protocol].put(message.word);
        return;
      case "session":
        sessions.put(message.word);
        return;
      case "follow-sessions":
        ofAllNodes.want(message.isWanted);
        return;
      case "flush": {
        const written = events.flush(AbortSignal.timeout(message.withinMs));
        const { layer2, bgp } = holdings;
        const all = [written, conditions.whenIdle(), layer2.whenIdle(), bgp.whenIdle()];
        void Promise.all(all).then(() => post({ type: "flushed" }));
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
      put: (change) => {
        outbox.put(change);
        if (change.type === "synced") {
          systemClock.at(systemClock.now() + SETTLED_MS, () => {
            for (const holding of Object.values(holdings)) holding.settled();
            sessions.settled();
          });
        }
      },
      judged: (mistakes) => state.put(mistakes),
      notice: (resource, notice) => post({ type: "notice", resource, notice }),
    },
    untilTheEnd,
  );
  await Promise.all([
    served.run(untilTheEnd),
    following,
    conditions.run(untilTheEnd),
    holdings.layer2.run(untilTheEnd),
    holdings.bgp.run(untilTheEnd),
    state.run(untilTheEnd),
    sessions.run(untilTheEnd),
    ofAllNodes.run(untilTheEnd),
  ]);
}
