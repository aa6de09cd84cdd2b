import { BFD_PROFILE } from "./bfd-profile.ts";
import { BGP_ADVERTISEMENT } from "./bgp-advertisement.ts";
import { BGP_PEER } from "./bgp-peer.ts";
import { BGP_SESSION_STATE } from "./bgp-session-state.ts";
import { COMMUNITY_KIND } from "./community.ts";
import { CONFIGURATION_STATE } from "./configuration-state.ts";
import type { CrdKind } from "./crd-kind.ts";
import { IP_ADDRESS_POOL } from "./ip-address-pool.ts";
import { L2_ADVERTISEMENT } from "./l2-advertisement.ts";
import { SERVICE_BGP_STATUS, SERVICE_L2_STATUS } from "./service-statuses.ts";

/** All kinds of the group, those that operators write first. */
export const CRD_KINDS: readonly CrdKind[] = [
  IP_ADDRESS_POOL,
  L2_ADVERTISEMENT,
  BGP_ADVERTISEMENT,
  BGP_PEER,
  BFD_PROFILE,
  COMMUNITY_KIND,
  SERVICE_L2_STATUS,
  SERVICE_BGP_STATUS,
  BGP_SESSION_STATE,
  CONFIGURATION_STATE,
];
