import { type ApiClient, unlessMissing } from "@herald/k8s/api";
import { LackingFields } from "@herald/k8s/lacking-fields";
import type { WorkQueue } from "@herald/k8s/queue";
import type { ServedKinds } from "@herald/k8s/served-kinds";
import {
  type AnnouncingProtocol,
  type FoundAnnouncement,
  isAnothersAnnouncement,
  listServiceAnnouncements,
  removeServiceAnnouncement,
  SERVICE_STATUSES,
  writeServiceAnnouncement,
} from "@herald/k8s/service-status";
import { lookAgainMs, type StatusObjectPorts } from "@herald/k8s/status-object";
import { whenAborted } from "@herald/k8s/when-aborted";
import type { ServiceKey } from "@herald/shared/service/view";
import { FIELD_MANAGER } from "./field-manager.ts";
import type { HoldingWord } from "./kubernetes-protocol.ts";
import type { OwnPod } from "./own-pod.ts";
import { type ServiceQueuePorts, serviceQueue } from "./service-queue.ts";

const CONCURRENCY = 2;
/** Among the Services to write of, but none: what an earlier life of this speaker said. */
const LEFTOVERS = "leftovers";
/** Nor this: whether what was written is there still. */
const LOOK = "look";

interface Written {
  readonly isShared: boolean;
  /** `undefined`: an earlier life of this speaker wrote it, and it goes. */
  readonly word?: HoldingWord & { readonly type: "here" };
}

export interface AnnouncementWriterPorts extends ServiceQueuePorts {
  readonly client: ApiClient;
  readonly namespace: string;
  readonly node: string;
  /** What it writes belongs to. */
  readonly pod: OwnPod;
  readonly served: ServedKinds;
}

/**
 * Keeps an object ServiceL2Status or ServiceBGPStatus for every Service that this node announces, once the API server
 * serves that kind. Whoever takes a Service over alone replaces the object, so that a node that lost it need not do
 * anything.
 */
export class AnnouncementWriter {
  readonly #protocol: AnnouncingProtocol;
  readonly #ports: AnnouncementWriterPorts;
  readonly #queue: WorkQueue;
  readonly #lacking: LackingFields;
  /** Not written yet; bounded by the Services of the cluster. */
  readonly #words = new Map<ServiceKey, HoldingWord>();
  /** What was written, and whether it is one of several; bounded as the words. */
  readonly #written = new Map<ServiceKey, Written>();
  #isRunning = false;

  constructor(protocol: AnnouncingProtocol, ports: AnnouncementWriterPorts) {
    this.#protocol = protocol;
    this.#ports = ports;
    this.#queue = serviceQueue(ports, CONCURRENCY);
    const { clock, failed } = ports;
    const { kind } = SERVICE_STATUSES[protocol];
    this.#lacking = new LackingFields({ clock, found: (error) => failed(kind, error) });
  }

  /** Takes the place of an earlier word on the Service. */
  put(word: HoldingWord): void {
    const { service, type } = word;
    // Until there is the kind, nothing is written that could go.
    if (this.#isRunning || type === "here") this.#words.set(service, word);
    else this.#words.delete(service);
    if (this.#isRunning) this.#queue.add(service);
  }

  /** How many Services are still to be written of. */
  get waiting(): number {
    return this.#words.size;
  }

  /** All that is announced has been put by now: what the speaker said before it was started anew goes. */
  settled(): void {
    this.#queue.add(LEFTOVERS);
  }

  /** Resolves only when aborted, rejects only for a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    const { served } = this.#ports;
    await Promise.race([served.whenServed(SERVICE_STATUSES[this.#protocol].plural), whenAborted(signal)]);
    this.#isRunning = true;
    for (const service of this.#words.keys()) this.#queue.add(service);
    this.#lookLater(signal);
    await this.#queue.run(async (key) => {
      if (key === LEFTOVERS) await this.#sweep(signal);
      else if (key === LOOK) await this.#look(signal);
      else await this.#write(key as ServiceKey, signal);
    }, signal);
  }

  /** By a timer of its own: a key that waits in the queue would keep it from ever being idle. */
  #lookLater(signal: AbortSignal): void {
    if (signal.aborted) return;
    const { clock, random } = this.#ports;
    const cancel = clock.at(clock.now() + lookAgainMs(random), () => {
      signal.removeEventListener("abort", cancel);
      this.#queue.add(LOOK);
      this.#lookLater(signal);
    });
    signal.addEventListener("abort", cancel);
  }

  /** Resolves when all that was put is written, at once where there is no such kind. */
  async whenIdle(): Promise<void> {
    if (this.#isRunning) await this.#queue.whenIdle();
  }

  async #sweep(signal: AbortSignal): Promise<void> {
    const places = await listServiceAnnouncements(this.#object(signal), this.#protocol, this.#ports.node);
    for (const { service, isShared } of places) {
      if (this.#written.has(service) || this.#words.has(service)) continue;
      this.#written.set(service, { isShared });
      this.put({ type: "gone", protocol: this.#protocol, service });
    }
  }

  /** Says again what somebody deleted or edited; what another node has replaced is left to that one. */
  async #look(signal: AbortSignal): Promise<void> {
    if (this.#written.size === 0) return;
    const { node } = this.#ports;
    const ports = this.#object(signal);
    const places = await unlessMissing(listServiceAnnouncements(ports, this.#protocol, node));
    if (places === undefined) return; // its kind was deleted: the next look finds whether it is back
    const found = new Map(places.map((place) => [announcementOf(place), place]));
    for (const [service, written] of [...this.#written]) {
      const place = { protocol: this.#protocol, service, node, isShared: written.isShared };
      const there = found.get(announcementOf(place));
      if (written.word === undefined || there?.saysJust(written.word.names)) continue;
      if (there === undefined && (await isAnothersAnnouncement(ports, place))) continue;
      if (this.#written.get(service) === written && !this.#words.has(service)) this.put(written.word);
    }
  }

  async #write(service: ServiceKey, signal: AbortSignal): Promise<void> {
    const word = this.#words.get(service);
    if (word === undefined) return;
    const { node, pod } = this.#ports;
    const ports = this.#object(signal);
    const place = { protocol: this.#protocol, service, node };
    // What was left to another may not have been taken over after all.
    const before = this.#written.get(service)?.isShared ?? (word.type === "gone" ? false : undefined);
    if (before !== undefined && (word.type !== "here" || before !== word.isShared)) {
      if (word.type !== "left" || before) {
        await removeServiceAnnouncement(ports, { ...place, isShared: before });
      }
      this.#written.delete(service);
    }
    if (word.type === "here") {
      const { isShared, names } = word;
      await writeServiceAnnouncement(ports, { ...place, isShared }, names, await pod.find(signal));
      this.#written.set(service, { isShared, word });
    }
    if (this.#words.get(service) === word) this.#words.delete(service);
  }

  #object(signal: AbortSignal): StatusObjectPorts {
    const { client, namespace } = this.#ports;
    return { client, namespace, fieldManager: FIELD_MANAGER, lacking: this.#lacking, signal };
  }
}

function announcementOf({ service, isShared }: Pick<FoundAnnouncement, "service" | "isShared">): string {
  return `${service} ${isShared}`;
}
