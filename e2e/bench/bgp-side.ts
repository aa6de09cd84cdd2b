import { createLog } from "@herald/daemon/log";
import { createRegistry } from "@herald/daemon/metrics";
import { systemRandom } from "@herald/daemon/random";
import { configFromConfigMap } from "@herald/shared/config/load";
import type { Clock } from "@herald/shared/core";
import { serviceKey } from "@herald/shared/service/view";
import type { BgpPort } from "@herald/speaker/bgp-port";
import { BgpSpeaker } from "@herald/speaker/bgp-speaker";
import { createSpeakerMetrics } from "@herald/speaker/metrics";
import { fit, service } from "@herald/speaker/planner-fixture";

/** Both ends of every session here. */
export const [OURS, THEIRS] = [64_500, 64_512];

/** The BGP side of a speaker, with so many Services that nobody serves yet, one address each. */
export class BgpSide {
  readonly #speaker: BgpSpeaker;
  readonly #count: number;
  readonly #registry = createRegistry();

  constructor(count: number, clock: Clock, sockets: BgpPort) {
    this.#count = count;
    this.#speaker = new BgpSpeaker(
      {
        node: "this",
        address: undefined,
        plan: { ignoreExcludeLb: false, drainOnCordon: false, drainOnNotReady: false, lbClass: undefined },
        partMs: 0,
      },
      {
        clock,
        random: systemRandom,
        sockets,
        log: createLog({ level: "info", program: "bench", write: () => {} }),
        metrics: createSpeakerMetrics(this.#registry),
        recordEvent: () => {},
        sayHolding: () => {},
        saySession: () => {},
        epochMs: () => 0,
        startBfd: () => ({ want: () => {}, part: async () => {}, close: async () => {} }),
        isNear: () => true,
        sourceTowards: () => undefined,
        packets: {
          open: () => {
            throw new Error("no peer is found by its interface here");
          },
        },
        linkLocalOf: () => undefined,
        sharedMs: () => clock.now(),
        onBfdCrash: (error) => {
          throw error;
        },
      },
    );
    for (let at = 0; at < count; at += 1) {
      this.#speaker.take({
        type: "service",
        service: service(nameAt(at), [addressAt(at)], { ipFamilies: [4] }),
      });
    }
  }

  /** From here on it speaks. */
  begin(routers: readonly string[]): void {
    this.configure(routers, "1");
    this.#speaker.take({ type: "node", name: "this", node: fit });
    this.#speaker.take({ type: "synced" });
  }

  /** @param mark a community of every route. */
  configure(routers: readonly string[], mark: string): void {
    const peers = routers.map((each) => `- {peer-address: ${each}, peer-asn: ${THEIRS}, my-asn: ${OURS}}`);
    const config = `peers:
${peers.join("\n")}
address-pools:
- name: all
  protocol: bgp
  addresses: [10.0.0.0/8]
  bgp-advertisements: [{communities: ["${OURS}:${mark}"]}]
`;
    this.#speaker.take({ type: "config", config: configFromConfigMap({ config }) });
  }

  /** Whether the endpoint of a Service is ready. */
  serve(at: number, ready: boolean): void {
    const endpoints = [{ nodeName: "this", addresses: ["172.16.0.1"], ready, serving: ready }];
    this.#speaker.take({ type: "endpoints", key: serviceKey("default", nameAt(at)), endpoints });
  }

  serveAll(): void {
    for (let at = 0; at < this.#count; at += 1) this.serve(at, true);
  }

  /** Of all peers. */
  async updatesSent(): Promise<number> {
    const counter = this.#registry.getSingleMetric("metallb_bgp_updates_total");
    const { values = [] } = (await counter?.get()) ?? {};
    return values.reduce((sum, { value }) => sum + value, 0);
  }

  stop(): Promise<void> {
    return this.#speaker.stop();
  }
}

/** Of the Service of that number. */
export function addressAt(at: number): string {
  return `10.0.${at >> 8}.${at & 255}`;
}

function nameAt(at: number): string {
  return `s${at}`;
}
