import type { Api } from "../cluster/api.ts";
import { addressesIn, type ServiceObject, type ServiceOptions, service } from "./objects.ts";

export const SERVICES = "/api/v1/namespaces/default/services";

/** Requests under way at a time: what waits too long on a busy machine is answered with a timeout. */
const AT_ONCE = 50;

/** Creates Services as fast as one client goes. @returns the instant of the last answer, ms as of `performance.now`. */
export async function createMany(api: Api, services: readonly ServiceOptions[]): Promise<number> {
  const left = services[Symbol.iterator]();
  const createInTurn = async (): Promise<void> => {
    for (let next = left.next(); next.done !== true; next = left.next()) {
      await api.post(SERVICES, service({ ...next.value, spec: { ...CHEAP, ...next.value.spec } }));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, createInTurn));
  return performance.now();
}

/** Why: there are 2,768 node ports, and a selector makes the control plane write two more objects for each Service. */
const CHEAP = { allocateLoadBalancerNodePorts: false, selector: {} };

interface Wait {
  readonly holds: () => boolean;
  readonly resolve: (instant: number) => void;
}

/** Which addresses the Services of a namespace have, as a watch tells; thousands cost no more than their events. */
export class AddressWatch {
  readonly #addresses = new Map<string, readonly string[]>(); // by name, of those that have any
  readonly #waits = new Set<Wait>();
  readonly #abort = new AbortController();
  #failed: unknown;

  /** Resolves when it knows what there is now. */
  static async start(api: Api): Promise<AddressWatch> {
    const watch = new AddressWatch();
    const version = await watch.#list(api);
    void watch.#follow(api, version).catch((error: unknown) => {
      if (!watch.#abort.signal.aborted) watch.#failed = error;
    });
    return watch;
  }

  /** By name; Services without addresses are not in it. */
  get addresses(): ReadonlyMap<string, readonly string[]> {
    return this.#addresses;
  }

  /** @returns the instant when it held first, ms as of `performance.now`. */
  async until(holds: () => boolean, deadlineMs: number, what: string): Promise<number> {
    if (holds()) return performance.now();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const wait: Wait = { holds, resolve };
    this.#waits.add(wait);
    const late = (): void => {
      const cause = this.#failed;
      reject(
        new Error(`${what}: not within ${deadlineMs} ms; ${this.#addresses.size} have addresses`, { cause }),
      );
    };
    const timer = setTimeout(late, deadlineMs);
    return await promise.finally(() => {
      clearTimeout(timer);
      this.#waits.delete(wait);
    });
  }

  /** Resolves when so many Services have addresses. @returns the instant, as `until` does. */
  untilAddressed(count: number, deadlineMs: number): Promise<number> {
    return this.until(() => this.#addresses.size === count, deadlineMs, `${count} Services have addresses`);
  }

  stop(): void {
    this.#abort.abort();
  }

  /** @returns the version of the list. */
  async #list(api: Api): Promise<string> {
    const { items, metadata } = await api.get<ServiceList>(SERVICES);
    this.#addresses.clear();
    for (const item of items) this.#take(item);
    this.#settle();
    return metadata.resourceVersion;
  }

  async #follow(api: Api, version: string): Promise<void> {
    for (let since = version; ; since = await this.#list(api)) {
      const events = api.watch<ServiceObject>(`${SERVICES}?resourceVersion=${since}`, this.#abort.signal);
      for await (const { type, object } of events) {
        if (type === "DELETED") this.#addresses.delete(object.metadata.name);
        else this.#take(object);
        this.#settle();
      }
      // Here when the API server has ended the watch: it does so when somebody reads too slowly.
    }
  }

  #settle(): void {
    for (const { holds, resolve } of this.#waits) if (holds()) resolve(performance.now());
  }

  #take(service: ServiceObject): void {
    const addresses = addressesIn(service);
    if (addresses.length > 0) this.#addresses.set(service.metadata.name, addresses);
    else this.#addresses.delete(service.metadata.name);
  }
}

interface ServiceList {
  readonly metadata: { readonly resourceVersion: string };
  readonly items: readonly ServiceObject[];
}

/** One series of the API server's count of requests. */
export interface Requests {
  /** GET, LIST, WATCH, POST, PUT, PATCH, DELETE, APPLY. */
  readonly verb: string;
  /** "services", "services/status". */
  readonly resource: string;
  readonly count: number;
}

/** What the API server has been asked since it started, by verb and resource, whatever it answered. */
export async function requestsSoFar(api: Api): Promise<readonly Requests[]> {
  const counts = new Map<string, Requests>();
  const series = (await api.text("/metrics")).matchAll(/^apiserver_request_total\{(.*)\} (\S+)$/gm);
  for (const [, labels = "", value] of series) {
    const label = (name: string): string => new RegExp(`\\b${name}="([^"]*)"`).exec(labels)?.[1] ?? "";
    const [verb, subresource] = [label("verb"), label("subresource")];
    const resource = `${label("resource")}${subresource === "" ? "" : `/${subresource}`}`;
    const before = counts.get(`${verb} ${resource}`)?.count ?? 0;
    counts.set(`${verb} ${resource}`, { verb, resource, count: before + Number(value) });
  }
  return [...counts.values()];
}

/** How many of a kind there are among them. */
export function requestsOf(all: readonly Requests[], verb: string, resource: string): number {
  return all.find((each) => each.verb === verb && each.resource === resource)?.count ?? 0;
}
