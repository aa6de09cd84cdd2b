import { annotation } from "../service/annotations.ts";
import { namespaceOf, type ServiceKey, type ServiceView } from "../service/view.ts";

/** What a Service occupies on an address, and with whom it may share one. */
export interface Claim {
  readonly service: ServiceKey;
  /** Where a sharing key means something only inside its namespace. `undefined`: with nobody. */
  readonly inNamespace: SharingTerms | undefined;
  /** Where a key means the same in every namespace. `undefined`: with nobody. */
  readonly inCluster: SharingTerms | undefined;
  readonly ports: readonly string[];
}

/**
 * What two Services must have in common to share an address, as one text: equal terms may share, as long as
 * no port clashes. The only place that knows the rule.
 */
export type SharingTerms = string & { readonly __brand: "SharingTerms" };

export function claimOf(view: ServiceView): Claim {
  const namespace = namespaceOf(view.key);
  return {
    service: view.key,
    inNamespace: sharingTermsOf(view, namespace),
    inCluster: sharingTermsOf(view, ""),
    ports: portsOf(view),
  };
}

/**
 * @param scope the namespace in which the key means something; "": everywhere.
 * @returns `undefined` for a Service that shares with nobody: no sharing key, or an empty one. With
 *   externalTrafficPolicy Local traffic enters only where endpoints are, so such Services share only with
 *   those of the same endpoints, which is to say of the same selector; and never with Cluster, even when the
 *   selector is empty.
 */
function sharingTermsOf(view: ServiceView, scope: string): SharingTerms | undefined {
  const sharingKey = annotation(view.annotations, "allow-shared-ip") ?? "";
  if (sharingKey === "") return undefined;
  const entries = view.externalTrafficPolicy === "Local" ? Object.entries(view.selector).sort() : "Cluster";
  return JSON.stringify([scope, sharingKey, entries]) as SharingTerms;
}

/** `TCP/80`: what two Services on one address may not both have. */
function portsOf(view: ServiceView): readonly string[] {
  return view.ports.map(({ protocol, port }) => `${protocol}/${port}`);
}
