import { type IpAddress, parseAddress } from "../ip/address.ts";
import type { ServiceView } from "./view.ts";

/** The addresses in a Service's status, in its order; host names and text that is no address left out. */
export function ingressAddresses(view: ServiceView): readonly IpAddress[] {
  return view.ingress.map(({ ip }) => parseAddress(ip ?? "")).filter((address) => address !== undefined);
}

/**
 * Whether the status already says just these addresses in this order, so that nothing need be written. What
 * else an entry carries (the API server adds `ipMode`) does not count; an entry with a host name does.
 */
export function ingressShows(view: ServiceView, addresses: readonly IpAddress[]): boolean {
  return (
    view.ingress.length === addresses.length &&
    view.ingress.every(
      ({ ip, hostname }, index) => (hostname ?? "") === "" && parseAddress(ip ?? "") === addresses[index],
    )
  );
}
