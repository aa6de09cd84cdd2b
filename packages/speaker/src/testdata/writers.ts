import { elapse } from "@herald/k8s/elapse";
import { FakeApi } from "@herald/k8s/fake";
import { podsPath } from "@herald/k8s/paths";
import { type CustomKind, ServedKinds } from "@herald/k8s/served-kinds";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { OwnPod } from "../own-pod.ts";

export const NAMESPACE = "metallb-system";

/** For tests: an API server with pods of speakers, whose writers run until the end. */
export class Writers {
  readonly clock = new VirtualClock();
  readonly api = new FakeApi({ clock: this.clock });
  readonly #kinds: readonly CustomKind[];
  readonly #stop = new AbortController();
  readonly #runs: Promise<void>[] = [];

  /** @param kinds what is written; served from {@link serve} on. */
  constructor(kinds: readonly CustomKind[], pods: readonly string[]) {
    this.#kinds = kinds;
    for (const name of pods) this.api.put(`${podsPath(NAMESPACE)}/${name}`, {});
  }

  serve(): void {
    const resources = this.#kinds.map(({ plural }) => ({ name: plural }));
    this.api.put("/apis/metallb.io/v1beta1", { resources });
  }

  /** Runs a writer of that pod. */
  start<Writer extends { run(signal: AbortSignal): Promise<void> }>(
    { node, pod }: { readonly node: string; readonly pod: string },
    make: (ports: ReturnType<Writers["ports"]>) => Writer,
  ): Writer {
    const ports = this.ports(node, pod);
    const writer = make(ports);
    this.#runs.push(ports.served.run(this.#stop.signal), writer.run(this.#stop.signal));
    return writer;
  }

  ports(node: string, podName: string) {
    const { api: client, clock } = this;
    const random = new SeededRandom(1);
    return {
      client,
      clock,
      random,
      namespace: NAMESPACE,
      node,
      pod: new OwnPod(client, NAMESPACE, podName),
      served: new ServedKinds({ client, clock, random, wanted: this.#kinds }),
      epochMs: () => clock.now(),
      failed: () => {},
    };
  }

  pass(ms = 1_000): Promise<void> {
    return elapse(this.clock, ms);
  }

  /** What was written since this was last asked, as methods. */
  writes(): string {
    const asked = this.api.requests.splice(0).map(({ method }) => method);
    return asked.filter((method) => method !== "GET" && method !== "LIST").join(" ");
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#runs);
  }
}
