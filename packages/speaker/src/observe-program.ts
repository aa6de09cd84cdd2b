import { hash } from "node:crypto";
import { systemClock } from "@herald/daemon/clock";
import { startHttp } from "@herald/daemon/http";
import type { Life } from "@herald/daemon/lifecycle";
import type { Log } from "@herald/daemon/log";
import { createRegistry } from "@herald/daemon/metrics";
import { systemRandom } from "@herald/daemon/random";
import { StartError } from "@herald/daemon/start-error";
import type { ApiClient } from "@herald/k8s/api";
import { connect } from "@herald/k8s/client";
import { ServedKinds } from "@herald/k8s/served-kinds";
import { describeMistake } from "@herald/shared/errors";
import { CONFIG_KINDS } from "./config-source.ts";
import { judgeLink } from "./interface-rules.ts";
import { watchInterfaces } from "./io/interfaces.ts";
import type { Change, KubernetesOptions } from "./kubernetes-protocol.ts";
import { followKubernetes } from "./kubernetes-source.ts";
import { ObservedNode, type WouldAnnounce } from "./observe.ts";
import { createObserverMetrics, type ObserverMetrics } from "./observe-metrics.ts";
import type { PlanOptions } from "./plan.ts";

export interface ObserveProgramOptions {
  readonly kubernetes: KubernetesOptions;
  readonly plan: PlanOptions;
  readonly excludedInterfaces: readonly RegExp[];
  readonly host: string;
  readonly port: number;
}

/** Between a change and the look that counts it and all that come with it, ms. */
const LOOK_AFTER_MS = 1_000;

/** A speaker that only watches: no packets, no gossip, no sessions, no writes. One thread is enough for that. */
export async function startObserving(options: ObserveProgramOptions, log: Log, life: Life): Promise<void> {
  const { kubernetes, plan, host, port } = options;
  const node = new ObservedNode({
    plan,
    node: kubernetes.nodeName,
    digest: (text) => hash("sha256", text, "buffer"),
  });
  const registry = createRegistry();
  const looks = new Looks(node, createObserverMetrics(registry), log);
  const http = await startHttp({
    host,
    port,
    registry,
    notReady: () => (node.synced ? [] : ["a first look at the whole cluster"]),
    pages: { "/would": () => ({ node: kubernetes.nodeName, services: looks.last }) },
  });
  life.onStop("http", http.close);
  const interfaces = watchInterfaces({
    clock: systemClock,
    onLinks: (links) => {
      const verdicts = links.map((link) => judgeLink(link, options.excludedInterfaces));
      const usable = verdicts.filter((each) => typeof each !== "string").filter((each) => each.operational);
      node.setInterfaces(new Set(usable.map(({ name }) => name)));
      looks.soon();
    },
    onTrouble: (reason) => log.warn("news of interfaces were lost", { reason }),
  });
  life.onStop("interfaces", () => interfaces.stop());
  const client = await reach(kubernetes.kubeconfig);
  life.onStop("api", () => client.close());
  const following = follow(client, kubernetes, log, life.signal, (change) => {
    node.take(change);
    looks.soon();
  });
  life.onStop("kubernetes", () => following);
  log.info("observing: nothing is announced from here", { node: kubernetes.nodeName, port: http.port });
}

async function follow(
  client: ApiClient,
  options: KubernetesOptions,
  log: Log,
  signal: AbortSignal,
  put: (change: Change) => void,
): Promise<void> {
  const ports = { client, clock: systemClock, random: systemRandom };
  const served = new ServedKinds({ ...ports, wanted: CONFIG_KINDS });
  const following = followKubernetes(
    options,
    served,
    {
      ...ports,
      put: (change) => {
        if (change.type === "config-refused")
          log.error("configuration refused", { mistakes: change.mistakes.map(describeMistake) });
        put(change);
      },
      notice: (resource, notice) => log.debug("api notice", { resource, ...notice }),
    },
    signal,
  );
  await Promise.all([served.run(signal), following]);
}

async function reach(kubeconfig: string): Promise<ApiClient> {
  try {
    return await connect({ kubeconfig, userAgent: "herald-speaker" });
  } catch (error) {
    throw new StartError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

/** What would be announced, looked at once for all changes of a second; what is different is told. */
class Looks {
  last: readonly WouldAnnounce[] = [];
  readonly #node: ObservedNode;
  readonly #metrics: ObserverMetrics;
  readonly #log: Log;
  #told = new Map<string, string>(); // by Service; bounded by the Services of the cluster
  #isDue = false;

  constructor(node: ObservedNode, metrics: ObserverMetrics, log: Log) {
    this.#node = node;
    this.#metrics = metrics;
    this.#log = log;
  }

  soon(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    systemClock.at(systemClock.now() + LOOK_AFTER_MS, () => {
      this.#isDue = false;
      if (this.#node.synced) this.#look();
    });
  }

  #look(): void {
    this.last = this.#node.decide();
    this.#metrics.looked(this.last);
    const told = new Map<string, string>();
    for (const { service, ...would } of this.last) {
      const text = JSON.stringify(would);
      told.set(service, text);
      if (this.#told.get(service) !== text) this.#log.info("would", { service, ...would });
    }
    this.#told = told;
  }
}
