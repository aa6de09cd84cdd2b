import { annotation } from "../service/annotations.ts";
import type { ServiceView } from "../service/view.ts";

/**
 * What two Services must have in common to share an address, as one text: equal terms may share, as long as
 * no port clashes. The only place that knows the rule.
 */
export type SharingTerms = string & { readonly __brand: "SharingTerms" };

/**
 * @returns `undefined` for a Service that shares with nobody: no sharing key, or an empty one. With
 *   externalTrafficPolicy Local traffic enters only where endpoints are, so such Services share only with
 *   those of the same endpoints, which is to say of the same selector; and never with Cluster, even when the
 *   selector is empty.
 */
export function sharingTermsOf(view: ServiceView): SharingTerms | undefined {
  const sharingKey = annotation(view.annotations, "allow-shared-ip") ?? "";
  if (sharingKey === "") return undefined;
  const entries = view.externalTrafficPolicy === "Local" ? Object.entries(view.selector).sort() : "Cluster";
  return JSON.stringify([sharingKey, entries]) as SharingTerms;
}

/** `TCP/80`: what two Services on one address may not both have. */
export function portsOf(view: ServiceView): readonly string[] {
  return view.ports.map(({ protocol, port }) => `${protocol}/${port}`);
}
