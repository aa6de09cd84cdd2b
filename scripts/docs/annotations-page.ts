import {
  ALLOCATED_FROM_POOL,
  ANNOTATION_PREFIXES,
  ANNOTATIONS,
  BGP_ADVERTISEMENT_ANNOTATIONS,
  BGP_PEER_ANNOTATIONS,
  HERALD_ANNOTATIONS,
  NODE_ANNOTATIONS,
  POOL_ANNOTATIONS,
} from "../../packages/shared/src/service/annotations.ts";
import { page, table } from "./markdown.ts";

export function annotationsPage(): string {
  const [preferred, old] = ANNOTATION_PREFIXES;
  const rows = Object.entries(ANNOTATIONS).map(([name, meaning]) => [
    `\`${preferred}${name}\``,
    `\`${old}${name}\``,
    meaning,
  ]);
  return page(
    "Annotations of a Service",
    "Source: `packages/shared/src/service/annotations.ts`. Both spellings work; where both are set, the first wins.",
    [
      table(["annotation", "as MetalLB 0.7 to 0.12 wrote it", "meaning"], rows),
      "Herald's own, which MetalLB ignores:",
      table(
        ["annotation", "meaning"],
        Object.entries(HERALD_ANNOTATIONS).map(([name, meaning]) => [`\`${name}\``, meaning]),
      ),
      `The controller writes \`${ALLOCATED_FROM_POOL}\`: the pool an address came from. It is removed with the address.`,
      "An annotation `herald.io/...` that is not known, or is for another kind, does nothing, and neither does a reservation of an address that its pool never gives out. A Warning Event `AnnotationIgnored` on the object says so, with the nearest name; of objects of metallb.io [the webhook](../admission.md) says it while they are written.",
      "## Annotations of an IPAddressPool",
      "Herald's own, which MetalLB ignores. One that cannot be read is a mistake in the pool.",
      table(
        ["annotation", "meaning"],
        Object.entries(POOL_ANNOTATIONS).map(([name, meaning]) => [`\`${name}\``, meaning]),
      ),
      "## Annotations of a BGPAdvertisement",
      "Herald's own, which MetalLB ignores. One that cannot be read is a mistake in the advertisement. Where advertisements meet in one prefix: [bgp.md](../bgp.md).",
      table(
        ["annotation", "meaning"],
        Object.entries(BGP_ADVERTISEMENT_ANNOTATIONS).map(([name, meaning]) => [`\`${name}\``, meaning]),
      ),
      "## Annotations of a BGPPeer",
      "Herald's own, which MetalLB ignores. One that cannot be read is a mistake in the peer.",
      table(
        ["annotation", "meaning"],
        Object.entries(BGP_PEER_ANNOTATIONS).map(([name, meaning]) => [`\`${name}\``, meaning]),
      ),
      "## Annotations of a Node",
      table(
        ["annotation", "meaning"],
        Object.entries(NODE_ANNOTATIONS).map(([name, meaning]) => [`\`${name}\``, meaning]),
      ),
    ],
  );
}
