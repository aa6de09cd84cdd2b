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

/**
 * The Event beside a condition that was just written: `kubectl describe` does not show conditions of Services.
 *
 * @returns `undefined` where there is nothing more to tell.
 */
export function notAnnouncedEvent({ service, uid, wish }: ServiceWord): EventRecord | undefined {
  if (wish === undefined || wish.status === "True" || TOLD_OTHERWISE.has(wish.reason)) return undefined;
  const [namespace = "", name = ""] = service.split("/");
  const regarding = { apiVersion: "v1", kind: "Service", namespace, name, uid };
  return { regarding, type: "Warning", reason: "notAnnounced", message: wish.message };
}
