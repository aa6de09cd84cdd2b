import type { IpAddress } from "@herald/shared/ip/address";
import type { AsPath } from "./as-path.ts";
import type { ORIGIN } from "./iana.ts";

export type Origin = keyof typeof ORIGIN;

/** What an UPDATE says of its routes, apart from where they lead to in families other than IPv4. */
export interface PathAttributes {
  readonly origin?: Origin;
  readonly asPath?: AsPath;
  /** For what stands in the NLRI field: IPv4. */
  readonly nextHop?: IpAddress;
  /** 32 bits, as the next one. Lower is better. */
  readonly med?: number;
  /** Higher is better. Between internal peers only. */
  readonly localPref?: number;
  readonly atomicAggregate?: true;
  readonly aggregator?: Aggregator;
  /** Canonical texts of communities: community.ts. */
  readonly communities?: readonly string[];
  readonly extendedCommunities?: readonly string[];
  readonly largeCommunities?: readonly string[];
  /** RFC 4456; internal peers only, as the next one. */
  readonly originatorId?: IpAddress;
  readonly clusterList?: readonly IpAddress[];
  /** Who first said "to customers only" (RFC 9234 §5). */
  readonly onlyToCustomer?: number;
  /** Optional ones that we do not know, in the order of the message. */
  readonly unknown?: readonly UnknownAttribute[];
}

export interface Aggregator {
  readonly asn: number;
  readonly address: IpAddress;
}

export interface UnknownAttribute {
  readonly flags: number;
  readonly code: number;
  readonly value: Uint8Array;
}
