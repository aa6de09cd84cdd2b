import type { IpAddress, IpFamily } from "./address.ts";

/** Addresses `first` to `last`, both included, of one family, `first <= last`. */
export interface IpRange {
  readonly family: IpFamily;
  readonly first: bigint;
  readonly last: bigint;
  /** As the operator wrote it, for messages. */
  readonly text: string;
}

export type { IpAddress };
