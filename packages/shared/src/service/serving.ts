import type { ServiceView } from "./view.ts";

/**
 * Whether a Service is one for us: without `--lb-class` those that name no class, with it those that name
 * just that one. Says nothing of its type: the API drops the class of a Service that stops being a
 * LoadBalancer, so whoever holds something for a Service that is not ours any more must give it back.
 *
 * @param lbClass "" when none is set.
 */
export function servedBy(view: ServiceView, lbClass: string): boolean {
  return (view.loadBalancerClass ?? "") === lbClass;
}
