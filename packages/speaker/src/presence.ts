import type { MacAddress } from "@herald/wire/mac";

/** Whose the interfaces on the segment are, as far as speakers say so. */
export interface Presence {
  /** Names of the other speakers by the MAC addresses of their interfaces. */
  readonly names: ReadonlyMap<MacAddress, string>;
  /** Some speaker does not say which interfaces are its own, as MetalLB's do not. */
  readonly foreign: boolean;
}
