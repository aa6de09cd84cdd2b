import { AllocationError } from "../errors.ts";
import { familyOf, type IpAddress, type IpFamily, parseAddress } from "../ip/address.ts";
import { annotation } from "../service/annotations.ts";
import type { ServiceView } from "../service/view.ts";

/**
 * Addresses the Service asks for by name, in its order; empty when it leaves the choice to us.
 *
 * @throws {AllocationError} `invalid-request` when the text is wrong whatever the pools are: no address, more
 *   than one of a family, or both ways of asking at once.
 */
export function requestedAddresses(view: ServiceView): readonly IpAddress[] {
  const annotated = (annotation(view.annotations, "loadBalancerIPs") ?? "").trim();
  const field = view.loadBalancerIp.trim();
  if (annotated !== "" && field !== "") {
    throw invalid(
      `spec.loadBalancerIP ("${field}") and the loadBalancerIPs annotation ("${annotated}") are both set, ` +
        "want only one of them",
    );
  }
  if (field !== "") return [parseRequested(field, "spec.loadBalancerIP")];
  if (annotated === "") return [];
  const addresses = annotated
    .split(",", MAX_REQUESTED + 1)
    .map((part) => parseRequested(part.trim(), "the loadBalancerIPs annotation"));
  if (addresses.length > new Set(addresses.map(familyOf)).size) {
    throw invalid(
      `the loadBalancerIPs annotation ("${annotated}") has several addresses of one family, ` +
        "want one address, or one IPv4 and one IPv6 address",
    );
  }
  return addresses;
}

/** The pool the Service asks for by name; `undefined` when any will do. */
export function requestedPool(view: ServiceView): string | undefined {
  return annotation(view.annotations, "address-pool") || undefined;
}

/** Which families a Service is to get. */
export type FamilyWish =
  /** All of these, or nothing. */
  | { readonly type: "all"; readonly families: readonly IpFamily[] }
  /** Both if one pool has both, else the first, else the second. */
  | { readonly type: "prefer-both"; readonly families: readonly [IpFamily, IpFamily] };

/**
 * What the cluster addresses of a Service call for. A single one calls for its family alone, whatever the
 * policy prefers: traffic of the other family could not be forwarded.
 *
 * @throws {AllocationError} `wrong-family` when policy and cluster addresses contradict each other.
 */
export function familyWish(view: ServiceView): FamilyWish {
  const families = [...new Set(view.clusterIps.map(familyOf))];
  const [first, second] = families;
  if (first === undefined) throw wrongFamily("the Service has no cluster address yet");
  if (second === undefined) {
    if (view.ipFamilyPolicy !== "RequireDualStack") return { type: "all", families };
    throw wrongFamily("the Service requires dual stack but has only one cluster address");
  }
  switch (view.ipFamilyPolicy) {
    case "RequireDualStack":
      return { type: "all", families: [4, 6] };
    case "PreferDualStack":
      return { type: "prefer-both", families: (view.ipFamilies[0] ?? 4) === 6 ? [6, 4] : [4, 6] };
    case "SingleStack":
      throw wrongFamily("the Service is single stack but has cluster addresses of two families");
  }
}

/** Whether addresses of just these families are an answer to the wish. */
export function satisfiesWish(wish: FamilyWish, addresses: readonly IpAddress[]): boolean {
  const families = new Set(addresses.map(familyOf));
  if (families.size !== addresses.length || families.size === 0) return false;
  if (wish.type === "prefer-both") return true;
  return families.size === wish.families.length && wish.families.every((family) => families.has(family));
}

/** `IPv4`, or `IPv4 and IPv6`. */
export function describeFamilies(families: readonly IpFamily[]): string {
  return families.map((family) => `IPv${family}`).join(" and ");
}

/** One of each family. */
const MAX_REQUESTED = 2;

function parseRequested(text: string, where: string): IpAddress {
  const address = parseAddress(text);
  if (address !== undefined) return address;
  throw invalid(`${where} has "${text}", want an IPv4 or IPv6 address`);
}

function invalid(message: string): AllocationError {
  return new AllocationError("invalid-request", message);
}

function wrongFamily(message: string): AllocationError {
  return new AllocationError("wrong-family", message);
}
