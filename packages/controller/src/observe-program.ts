import { systemClock } from "@herald/daemon/clock";
import { startHttp } from "@herald/daemon/http";
import type { Life } from "@herald/daemon/lifecycle";
import type { Log } from "@herald/daemon/log";
import { createRegistry } from "@herald/daemon/metrics";
import { systemRandom } from "@herald/daemon/random";
import type { ApiClient } from "@herald/k8s/api";
import type { ControllerEnv } from "./env.ts";
import { createObserverMetrics } from "./observe-metrics.ts";
import { Observer } from "./observer.ts";

/** A controller that writes nothing and competes for no Lease: see `Observer`. */
export async function startObserving(
  env: ControllerEnv,
  client: ApiClient,
  log: Log,
  life: Life,
): Promise<void> {
  const { host, port } = env;
  const registry = createRegistry();
  const metrics = createObserverMetrics(registry);
  const observer = new Observer(env, { client, log, metrics, clock: systemClock, random: systemRandom });
  const http = await startHttp({
    host,
    port,
    registry,
    notReady: () => observer.notReady,
    pages: { "/would": () => observer.page },
  });
  life.onStop("http", () => http.close());
  life.onStop("api", () => client.close());
  const running = observer.run(life.signal);
  life.onStop("observer", () => running);
  log.info("observing: nothing is given out from here", { port: http.port });
}
