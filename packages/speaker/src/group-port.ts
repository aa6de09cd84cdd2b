import type { IpAddress } from "@herald/shared/ip/address";

/** One interface in one IPv6 multicast group. */
export interface Membership {
  readonly interface: string;
  /** The kernel's: another interface of the same name has another. */
  readonly index: number;
  readonly group: IpAddress;
}

/** Membership of multicast groups: the kernel in production, which tells switches of it (MLD, RFC 3810). */
export interface GroupPort {
  /**
   * Harmless when joined already. It never throws.
   *
   * @returns `refused`: why not, in the words of the system below, for people.
   */
  join(membership: Membership): "joined" | { readonly refused: string };
  /** Harmless when not joined, and when the interface is gone. */
  leave(membership: Membership): void;
  leaveAll(): void;
}
