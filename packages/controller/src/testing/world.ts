import { createLog } from "@herald/daemon/log";
import { type ApiClient, ApiError } from "@herald/k8s/api";
import { createEventRecorder } from "@herald/k8s/events";
import { FakeApi } from "@herald/k8s/fake";
import {
  configMapsPath,
  eventsPath,
  metallbPath,
  namespacesPath,
  objectPath,
  servicePath,
  servicesPath,
} from "@herald/k8s/paths";
import type { Clock, Instant, Random } from "@herald/shared/core";
import { NO_SPEAKER_YET } from "@herald/shared/service/no-speaker-yet";
import { Registry } from "prom-client";
import { Controller, type ControllerOptions } from "../controller.ts";
import { createControllerMetrics } from "../metrics.ts";

/** Time as a test drives it. */
export interface TestClock extends Clock {
  nextDue(): Instant | undefined;
  runUntil(end: Instant): void;
}

const NAMESPACE = "metallb-system";
const CONFIG_PATH = objectPath(configMapsPath(NAMESPACE), "config");
const EPOCH_MS = Date.UTC(2026, 0, 1);

/** What a Service with an address says where there are no speakers, see `conditions`. */
export const UNSPOKEN = `herald.io/Announced Unknown NoSpeakerYet: ${NO_SPEAKER_YET.message}`;

/** A cluster in memory with any number of controllers, on time that passes when the test says so. */
export class World {
  readonly clock: TestClock;
  readonly api: FakeApi;
  readonly #random: Random;

  constructor(clock: TestClock, random: Random) {
    this.clock = clock;
    this.#random = random;
    this.api = new FakeApi({ clock, startEpochMs: EPOCH_MS });
  }

  /** Puts the YAML of a configuration into the ConfigMap. */
  configure(config: string): void {
    this.api.put(CONFIG_PATH, {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { namespace: NAMESPACE, name: "config" },
      data: { config },
    });
  }

  removeConfig(): void {
    this.api.remove(CONFIG_PATH);
  }

  /** Creates an IPAddressPool, or changes the one there is. */
  putPool(name: string, spec: object, annotations: Readonly<Record<string, string>> = {}): void {
    this.api.put(poolPath(name), {
      apiVersion: "metallb.io/v1beta1",
      kind: "IPAddressPool",
      metadata: { namespace: NAMESPACE, name, annotations },
      spec,
    });
  }

  /** Creates an L2Advertisement, or changes the one there is. */
  putAdvertisement(name: string, spec: object): void {
    const metadata = { namespace: NAMESPACE, name };
    this.api.put(objectPath(metallbPath("l2advertisements", NAMESPACE), name), { metadata, spec });
  }

  removePool(name: string): void {
    this.api.remove(poolPath(name));
  }

  /** Creates a namespace with these labels, or changes the one there is. */
  putNamespace(name: string, labels: Readonly<Record<string, string>>): void {
    this.api.put(objectPath(namespacesPath(), name), { metadata: { name, labels } });
  }

  /** Creates a Service in `default`, or changes the one there is, status and all. */
  put(name: string, { spec = {}, annotations = {}, ...rest }: ServiceFields = {}): void {
    this.api.put(servicePath(`default/${name}`), {
      apiVersion: "v1",
      kind: "Service",
      metadata: {
        namespace: "default",
        name,
        annotations,
        ...(rest.createdAt === undefined ? {} : { creationTimestamp: rest.createdAt }),
      },
      spec: {
        type: "LoadBalancer",
        clusterIP: "10.96.0.1",
        clusterIPs: ["10.96.0.1"],
        ipFamilies: ["IPv4"],
        ports: [{ protocol: "TCP", port: 80 }],
        ...spec,
      },
      ...(rest.ingress === undefined ? {} : { status: { loadBalancer: { ingress: rest.ingress } } }),
    });
  }

  /** Writes only the status of a Service that is there, as somebody else would. */
  writeStatus(name: string, ingress: readonly object[]): void {
    const path = servicePath(`default/${name}`);
    this.api.put(path, { ...this.api.peek<object>(path), status: { loadBalancer: { ingress } } });
  }

  remove(name: string): void {
    this.api.remove(servicePath(`default/${name}`));
  }

  /** What the status of a Service says: addresses and host names, in order. */
  addresses(name: string): readonly string[] {
    return ingressOf(this.api.peek(servicePath(`default/${name}`)));
  }

  /** Every Service in `default` with its addresses. */
  everything(): Readonly<Record<string, readonly string[]>> {
    const services = this.api.peekAll<StoredService>(servicesPath("default"));
    return Object.fromEntries(services.map((service) => [service.metadata?.name ?? "", ingressOf(service)]));
  }

  pool(name: string): string | undefined {
    const service = this.api.peek<StoredService>(servicePath(`default/${name}`));
    return service?.metadata?.annotations?.["metallb.io/ip-allocated-from-pool"];
  }

  /** `type status reason: message` of each condition in the status of a Service. */
  conditions(name: string): readonly string[] {
    const { status } = this.api.peek<StoredService>(servicePath(`default/${name}`)) ?? {};
    return (status?.conditions ?? []).map(
      ({ type, status: is, reason, message }) => `${type} ${is} ${reason}: ${message}`,
    );
  }

  /** `Type Reason: message`, times how often it was told, of an object in `default` or of the ConfigMap. */
  events(name: string): readonly string[] {
    return this.api
      .peekAll<StoredEvent>(eventsPath())
      .filter((event) => event.involvedObject?.name === name)
      .map(
        ({ type, reason, message, count = 1 }) =>
          `${type} ${reason}: ${message}${count > 1 ? ` ×${count}` : ""}`,
      );
  }

  /** `NAME TYPE` of each write of a Service's status that has reached the API server, by what kind of patch. */
  get serviceWrites(): readonly string[] {
    return this.api.requests.flatMap(({ path, type }) => {
      const [, name] = /\/services\/([^/]+)\/status$/.exec(path) ?? [];
      return name === undefined ? [] : [`${name} ${type}`];
    });
  }

  /** How many of them. */
  get statusWrites(): number {
    return this.#statusWritesOf("/services/");
  }

  /** The same of an IPAddressPool's. */
  get poolWrites(): number {
    return this.#statusWritesOf("/ipaddresspools/");
  }

  /** The same of the controller's ConfigurationState. */
  get stateWrites(): number {
    return this.#statusWritesOf("/configurationstates/");
  }

  /** As somebody else would write it, where there is one. */
  poolStatus(name: string, status?: object): unknown {
    const pool = this.api.peek<{ status?: unknown }>(poolPath(name));
    if (status !== undefined) this.api.put(poolPath(name), { ...pool, status });
    return pool?.status;
  }

  /** `result errorSummary`, and the reasons of the conditions. */
  get configurationState(): string | undefined {
    const status = this.configurationStatus;
    return (
      status &&
      [status.result, status.errorSummary, ...status.conditions.map(({ reason }) => reason)].join("|")
    );
  }

  get configurationStatus(): StoredState["status"] | undefined {
    const path = objectPath(metallbPath("configurationstates", NAMESPACE), "controller");
    return this.api.peek<StoredState>(path)?.status;
  }

  /** As somebody else would. */
  removeConfigurationState(): void {
    this.api.remove(objectPath(metallbPath("configurationstates", NAMESPACE), "controller"));
  }

  #statusWritesOf(part: string): number {
    return this.api.requests.filter(
      ({ method, path }) => method === "PATCH" && path.includes(part) && path.endsWith("/status"),
    ).length;
  }

  start(options: Partial<ControllerOptions> = {}): Replica {
    return new Replica(this, this.#random, options);
  }

  /** Lets everything happen that needs no time. */
  async settle(): Promise<void> {
    for (let quiet = 0, seen = -1; quiet < 3; quiet += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.api.requests.length !== seen) quiet = 0;
      seen = this.api.requests.length;
    }
  }

  async pass(durationMs: number): Promise<void> {
    const end = this.clock.now() + durationMs;
    await this.settle();
    for (let due = this.clock.nextDue(); due !== undefined && due <= end; due = this.clock.nextDue()) {
      this.clock.runUntil(due);
      await this.settle();
    }
    this.clock.runUntil(end);
  }
}

function poolPath(name: string): string {
  return objectPath(metallbPath("ipaddresspools", NAMESPACE), name);
}

export interface ServiceFields {
  readonly spec?: object;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly createdAt?: string;
  readonly ingress?: readonly object[];
}

/** One controller with a connection of its own, which a test can cut. */
export class Replica {
  readonly controller: Controller;
  readonly registry = new Registry();
  /** Message and data of every line from `info` on. */
  readonly lines: Readonly<Record<string, unknown>>[] = [];
  readonly #stop = new AbortController();
  readonly #connection: Connection;
  readonly #running: Promise<void>;
  #frozen = false;

  constructor({ api, clock: worldClock }: World, random: Random, options: Partial<ControllerOptions>) {
    const clock: Clock = {
      now: () => worldClock.now(),
      at: (due, callback) => worldClock.at(due, () => (this.#frozen ? undefined : callback())),
    };
    this.#connection = new Connection(api, clock);
    const { client } = this.#connection;
    const epochMs = (): number => EPOCH_MS + clock.now();
    const log = createLog({
      level: "info",
      program: "controller",
      write: (line) => this.lines.push(JSON.parse(line)),
    });
    const instance = options.identity ?? "one";
    this.controller = new Controller(
      {
        namespace: NAMESPACE,
        configName: "config",
        lbClass: "",
        sharingAcrossNamespaces: false,
        identity: instance,
        leaderElect: true,
        ...options,
      },
      {
        client,
        clock,
        random,
        log,
        epochMs,
        events: createEventRecorder({
          client,
          component: "metallb-controller",
          instance,
          clock,
          random,
          epochMs,
        }),
        metrics: createControllerMetrics(this.registry),
      },
    );
    this.#running = this.controller.run(this.#stop.signal);
  }

  /** As SIGTERM does. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** As SIGKILL does: what was sent was sent, and nothing comes after it. */
  kill(): void {
    this.#connection.cut(() => true);
  }

  /** Requests to such paths hang from now on, as behind a broken switch. */
  cut(matches: (path: string) => boolean): void {
    this.#connection.cut(matches);
  }

  /** Its timers never ring again, as in a process that stood still, while what was sent to it still arrives. */
  freezeTimers(): void {
    this.#frozen = true;
  }

  heal(): void {
    this.#connection.cut(() => false);
  }

  /** The value of a metric; `undefined` when there is no such series. */
  async metric(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number | undefined> {
    const metric = await this.registry.getSingleMetric(name)?.get();
    return metric?.values.find((series) =>
      Object.entries(labels).every(
        ([label, value]) => (series.labels as Record<string, unknown>)[label] === value,
      ),
    )?.value;
  }
}

/** An API client whose requests can be made to go unanswered, and whose watches then say nothing. */
class Connection {
  #isCut: (path: string) => boolean = () => false;
  #changed = Promise.withResolvers<void>();
  readonly #clock: Clock;
  readonly client: ApiClient;

  constructor(api: ApiClient, clock: Clock) {
    this.#clock = clock;
    this.client = new Proxy(api, {
      get: (target, name) => {
        const value = Reflect.get(target, name) as unknown;
        if (typeof value !== "function") return value;
        return (path: string, ...rest: unknown[]) => this.#call(target, value as Method, path, rest);
      },
    });
  }

  cut(matches: (path: string) => boolean): void {
    this.#isCut = matches;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  async #call(target: ApiClient, method: Method, path: string, rest: readonly unknown[]): Promise<unknown> {
    const { signal } = (rest.at(-1) ?? {}) as { readonly signal?: AbortSignal };
    if (this.#isCut(path)) return await this.#unanswered(signal);
    const answer = await method.call(target, path, ...rest);
    if (this.#isCut(path)) return await this.#unanswered(signal);
    return isWatch(answer) ? this.#held(path, answer) : answer;
  }

  /** What comes while the connection is cut arrives when it heals. */
  async *#held(path: string, events: AsyncIterable<unknown>): AsyncIterable<unknown> {
    for await (const event of events) {
      while (this.#isCut(path)) await this.#changed.promise;
      yield event;
    }
  }

  #unanswered(signal: AbortSignal | undefined): Promise<never> {
    return new Promise((_, reject) => {
      const timeout = new ApiError(0, "TimedOut", "no answer");
      this.#clock.at(this.#clock.now() + REQUEST_TIMEOUT_MS, () => reject(timeout));
      signal?.addEventListener("abort", () => reject(signal.reason));
      if (signal?.aborted) reject(signal.reason);
    });
  }
}

const REQUEST_TIMEOUT_MS = 30_000;

function isWatch(answer: unknown): answer is AsyncIterable<unknown> {
  return typeof answer === "object" && answer !== null && Symbol.asyncIterator in answer;
}

type Method = (this: ApiClient, path: string, ...rest: readonly unknown[]) => Promise<unknown>;

interface StoredService {
  readonly metadata?: { readonly name?: string; readonly annotations?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly conditions?: readonly Record<"type" | "status" | "reason" | "message", string>[];
    readonly loadBalancer?: { readonly ingress?: readonly { ip?: string; hostname?: string }[] };
  };
}

interface StoredState {
  readonly status: {
    readonly result: string;
    readonly errorSummary: string;
    readonly conditions: readonly { readonly reason: string; readonly message: string }[];
  };
}

interface StoredEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly involvedObject?: { readonly name?: string };
}

function ingressOf(service: StoredService | undefined): readonly string[] {
  return (service?.status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? "");
}
