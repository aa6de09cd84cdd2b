import type { Log } from "@herald/daemon/log";
import type { ApiObject } from "@herald/k8s/api";
import type { EventRecorder } from "@herald/k8s/events";
import type { ObjectReference } from "@herald/k8s/events-core";
import { idleReservations } from "@herald/shared/allocator/idle-reservations";
import type { Pool } from "@herald/shared/config/config";
import type { Clock } from "@herald/shared/core";
import { describeRemarks, HERALD_PREFIX, idleAnnotations } from "@herald/shared/service/idle-annotations";

/** An object with its annotations, ours at least. */
export interface AnnotatedObject {
  readonly reference: ObjectReference;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface AnnotationWatchOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
  /** Of all kinds that are read, as far as they are known. */
  readonly objects: () => readonly AnnotatedObject[];
  /** In force now. */
  readonly pools: () => readonly Pool[];
}

/** Warns of annotations of ours that do nothing: once for each finding. */
export class AnnotationWatch {
  readonly #options: AnnotationWatchOptions;
  #told: ReadonlyMap<string, string> = new Map(); // by uid
  #cancel: (() => void) | undefined; // while a look is due

  constructor(options: AnnotationWatchOptions) {
    this.#options = options;
  }

  /** Objects or pools may be different now; they are looked at soon. */
  changed(): void {
    const { clock } = this.#options;
    this.#cancel ??= clock.at(clock.now() + COALESCE_MS, () => this.#look());
  }

  /** Nothing is looked at any more. */
  close(): void {
    this.#cancel?.();
  }

  #look(): void {
    this.#cancel = undefined;
    const { log, events, objects, pools } = this.#options;
    const named = new Map(pools().map((pool) => [pool.name, pool]));
    const found = new Map<string, string>();
    for (const { reference: regarding, annotations } of objects()) {
      const { kind, name, uid } = regarding;
      const pool = kind === "IPAddressPool" ? named.get(name) : undefined;
      const remarks = [
        ...idleAnnotations(kind, annotations),
        ...(pool === undefined ? [] : idleReservations(pool)),
      ];
      if (remarks.length === 0) continue;
      const message = describeRemarks(remarks);
      found.set(uid, message);
      if (this.#told.get(uid) === message) continue;
      log.warn("annotation does nothing", { kind, name, message });
      events.record({ regarding, type: "Warning", reason: "AnnotationIgnored", message });
    }
    this.#told = found;
  }
}

const COALESCE_MS = 5_000;

/** The view of an object of metallb.io that is read for its annotations. */
export function annotatedObject(
  { apiVersion, kind }: Pick<ObjectReference, "apiVersion" | "kind">,
  { metadata }: ApiObject,
): AnnotatedObject {
  const { name = "", namespace = "", uid = "" } = metadata ?? {};
  const { annotations = {} } = (metadata ?? {}) as Partial<AnnotatedObject>;
  const ours = Object.entries(annotations).filter(([key]) => key.startsWith(HERALD_PREFIX));
  return {
    reference: { apiVersion, kind, namespace, name, uid },
    annotations: Object.fromEntries(ours),
  };
}
