import type { EventRecord } from "@herald/k8s/events";
import type { ServiceWord } from "./kubernetes-protocol.ts";

/** Told otherwise: by Events of their own, or by what `kubectl describe` shows of the Service anyway. */
const TOLD_OTHERWISE: ReadonlySet<string> = new Set([
  "AddressConflict",
  "AddressQuarantined",
  "NoEndpoints",
  "NoIPAllocated",
  "Probing",
]);

/** MetalLB, too, has an Event where no interface is there that an L2Advertisement wants: alerts may go by its reason. */
const NO_INTERFACE = { condition: "NoInterface", event: "announceFailed" };

/**
 * The Event beside a condition that was just written: `kubectl describe` does not show conditions of Services.
 *
 * @returns `undefined` where there is nothing more to tell.
 */
export function notAnnouncedEvent({ service, uid, wish }: ServiceWord): EventRecord | undefined {
  if (wish === undefined || wish.status === "True" || TOLD_OTHERWISE.has(wish.reason)) return undefined;
  const [namespace = "", name = ""] = service.split("/");
  const regarding = { apiVersion: "v1", kind: "Service", namespace, name, uid };
  const reason = wish.reason === NO_INTERFACE.condition ? NO_INTERFACE.event : "notAnnounced";
  return { regarding, type: "Warning", reason, message: wish.message };
}
