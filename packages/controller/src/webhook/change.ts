import type { Config } from "@herald/shared/config/config";
import { BFD_PROFILE } from "@herald/shared/config/crd/bfd-profile";
import { BGP_ADVERTISEMENT } from "@herald/shared/config/crd/bgp-advertisement";
import { BGP_PEER } from "@herald/shared/config/crd/bgp-peer";
import { COMMUNITY_KIND } from "@herald/shared/config/crd/community";
import { IP_ADDRESS_POOL } from "@herald/shared/config/crd/ip-address-pool";
import { L2_ADVERTISEMENT } from "@herald/shared/config/crd/l2-advertisement";
import type { ConfigObject, ConfigObjects } from "@herald/shared/config/objects/config-objects";

/** All that a configuration is made of, as it is written now. */
export interface World {
  /** What the ConfigMap says; `undefined`: there is none, or a bad one, which is its owner's business. */
  readonly configMap: Config | undefined;
  readonly objects: ConfigObjects;
}

/** The kinds that are judged, in the API server's word for them. */
export const PLURALS = [
  "ipaddresspools",
  "l2advertisements",
  "bgpadvertisements",
  "bgppeers",
  "bfdprofiles",
  "communities",
] as const;

export type Plural = (typeof PLURALS)[number];

/** What somebody wants to do to an object. */
export interface Change {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly plural: Plural;
  readonly namespace: string;
  /** As it would be; as it was, when it is to be deleted. */
  readonly object: ConfigObject;
}

interface Kind {
  readonly kind: string;
  readonly set: Exclude<keyof ConfigObjects, "secrets" | "namespaces" | "nodes">;
}

export const KINDS: Readonly<Record<Plural, Kind>> = {
  ipaddresspools: { kind: IP_ADDRESS_POOL.kind, set: "pools" },
  l2advertisements: { kind: L2_ADVERTISEMENT.kind, set: "l2Advertisements" },
  bgpadvertisements: { kind: BGP_ADVERTISEMENT.kind, set: "bgpAdvertisements" },
  bgppeers: { kind: BGP_PEER.kind, set: "peers" },
  bfdprofiles: { kind: BFD_PROFILE.kind, set: "bfdProfiles" },
  communities: { kind: COMMUNITY_KIND.kind, set: "communities" },
};

/** The world once it is done. */
export function withChange(world: World, change: Change): World {
  const rest = without(world, change);
  if (change.operation === "DELETE") return rest;
  const { set } = KINDS[change.plural];
  return { ...rest, objects: { ...rest.objects, [set]: [...rest.objects[set], change.object] } };
}

/** The world as if the object had never been. */
export function without(world: World, { plural, object }: Change): World {
  const { set } = KINDS[plural];
  const others = world.objects[set].filter(({ metadata }) => metadata.name !== object.metadata.name);
  return { ...world, objects: { ...world.objects, [set]: others } };
}
