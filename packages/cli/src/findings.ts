/** Whether an object means the same to Herald as to MetalLB. */
export type Verdict = "same" | "differs" | "refused";

/** What there is to say of an object. */
export interface Remark {
  /** Where in the object: `spec.addresses[0]`, for a ConfigMap with the line; "" for the whole. */
  readonly field: string;
  readonly text: string;
  /** A heading in our docs that says more; "" for none. */
  readonly link: string;
}

export interface Finding {
  readonly kind: string;
  /** `namespace/name`, or the name alone. */
  readonly name: string;
  readonly verdict: Verdict;
  /** None for what is simply the same. */
  readonly remarks: readonly Remark[];
}

/** Headings that remarks lead to; a test sees to it that they are there. */
export const LINKS = {
  configuration: "docs/differences.md#configuration",
  addresses: "docs/differences.md#which-address-a-service-gets",
  announcing: "docs/differences.md#who-answers-and-how",
  running: "docs/differences.md#running-it",
  routers: "docs/bgp.md#what-a-router-is-told",
  bgp: "docs/differences.md#routers",
  bfd: "docs/bfd.md#not-done",
  gossip: "docs/migrate.md#one-gossip-cluster",
  check: "docs/migrate.md#check",
  addressPools: "docs/migrate.md#from-addresspools-metallb-013",
  kinds: "docs/migrate.md#keep-the-kinds",
} as const;

export function differs(text: string, link: string, field = ""): Remark {
  return { field, text, link };
}

export function finding(kind: string, name: string, remarks: readonly Remark[]): Finding {
  return { kind, name, remarks, verdict: remarks.length === 0 ? "same" : "differs" };
}

/** The same, and there is something to say nevertheless. */
export function same(kind: string, name: string, text: string): Finding {
  return { kind, name, verdict: "same", remarks: [{ field: "", text, link: "" }] };
}

export function refused(kind: string, name: string, remarks: readonly Remark[]): Finding {
  return { kind, name, verdict: "refused", remarks };
}
