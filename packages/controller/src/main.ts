import { randomBytes } from "node:crypto";
import { systemClock } from "@herald/daemon/clock";
import { startHttp } from "@herald/daemon/http";
import { runProgram } from "@herald/daemon/lifecycle";
import { createLog } from "@herald/daemon/log";
import { createRegistry } from "@herald/daemon/metrics";
import { systemRandom } from "@herald/daemon/random";
import { StartError } from "@herald/daemon/start-error";
import type { ApiClient } from "@herald/k8s/api";
import { connect } from "@herald/k8s/client";
import { createEventRecorder } from "@herald/k8s/events";
import { Controller } from "./controller.ts";
import { readControllerEnv } from "./env.ts";
import { ensureGossipSecret } from "./gossip-secret.ts";
import { createControllerMetrics } from "./metrics.ts";
import { startObserving } from "./observe-program.ts";
import { Webhook } from "./webhook/webhook.ts";
import type { WebhookMetrics } from "./webhook/webhook-metrics.ts";

/** Below the lease's 15 s, so that what is in hand is written while the lease is still ours. */
const STOP_DEADLINE_MS = 10_000;
const FLUSH_DEADLINE_MS = 3000;

const env = readControllerEnv();
const log = createLog({ level: env.logLevel, program: "controller" });

runProgram({ log, stopDeadlineMs: STOP_DEADLINE_MS }, async (life) => {
  const { version, namespace, identity, lbClass, leaderElect } = env;
  log.info("starting", { version, namespace, identity, lbClass, leaderElect });
  if (env.observeOnly) return startObserving(env, await connectToCluster(), log, life);
  const registry = createRegistry();
  const metrics = createControllerMetrics(registry);
  const client = await connectToCluster();
  const events = createEventRecorder({
    client,
    component: "metallb-controller", // as users of MetalLB know it
    instance: env.podName,
    clock: systemClock,
    random: systemRandom,
    dropped: (record, why) => {
      metrics.eventDropped();
      log.warn("event not written", {
        event: record.reason,
        reason: why === "queue-full" ? why : why.message,
      });
    },
  });
  const controller = new Controller(env, {
    client,
    events,
    log,
    metrics,
    clock: systemClock,
    random: systemRandom,
  });
  const { host, port } = env;
  const webhook = await startWebhook(client, metrics.webhook);
  const notReady = (): readonly string[] => [...controller.notReady, ...(webhook?.notReady ?? [])];
  const http = await startHttp({ host, port, registry, notReady });
  life.onStop("http", () => http.close());
  life.onStop("api", () => client.close());
  life.onStop("webhook", () => webhook?.close()); // as late as can be: it is asked until others hear that we go
  life.onStop("events", async () => {
    await events.flush(AbortSignal.timeout(FLUSH_DEADLINE_MS));
    events.close();
  });
  // Why nothing catches it: it only rejects with a bug of ours, which ends the program as any other does.
  const running = controller.run(life.signal);
  life.onStop("controller", () => running);
  const certified = webhook?.run(life.signal);
  life.onStop("certificate", () => certified);
  const { gossipSecret: secret, deployment } = env;
  if (secret !== "") {
    const ports = { client, clock: systemClock, random: systemRandom, log, makeKey };
    const made = ensureGossipSecret({ namespace, secret, deployment }, ports, life.signal);
    life.onStop("gossip secret", () => made);
  }
  log.info("started", { port: http.port });
});

async function startWebhook(client: ApiClient, metrics: WebhookMetrics): Promise<Webhook | undefined> {
  if (env.webhook === undefined) return undefined;
  const epochMs = (): number => Date.now();
  const ports = { client, clock: systemClock, random: systemRandom, epochMs, log, metrics };
  return await Webhook.start({ ...env, ...env.webhook }, ports);
}

/** 256 bits, of which MetalLB's way to derive a key keeps 192. */
function makeKey(): string {
  return randomBytes(32).toString("base64url");
}

async function connectToCluster(): Promise<ApiClient> {
  try {
    return await connect({ kubeconfig: env.kubeconfig, userAgent: `herald-controller/${env.version}` });
  } catch (error) {
    throw new StartError(`${error instanceof Error ? error.message : String(error)} (--kubeconfig)`, {
      cause: error,
    });
  }
}
