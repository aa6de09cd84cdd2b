import { matchesSelector } from "../../service/label-selector.ts";
import type { LabelSelector, Pool } from "../config.ts";
import { toSelector } from "./parse.ts";

/** The pools an advertisement is for, before it is known which there are. */
export interface PoolSelection {
  readonly names: readonly string[];
  /** Those of which one matches are selected as well; with neither names nor selectors all are. */
  readonly selectors: readonly LabelSelector[];
}

interface Written {
  readonly ipAddressPools?: readonly string[] | undefined;
  readonly ipAddressPoolSelectors?: readonly Parameters<typeof toSelector>[0][] | undefined;
}

export function toSelection({ ipAddressPools = [], ipAddressPoolSelectors = [] }: Written): PoolSelection {
  return { names: ipAddressPools, selectors: ipAddressPoolSelectors.map(toSelector) };
}

/** Names without a pool, and selectors that match none, select none. */
export function selectPools({ names, selectors }: PoolSelection, pools: readonly Pool[]): readonly Pool[] {
  if (names.length === 0 && selectors.length === 0) return pools;
  const named = new Set(names);
  return pools.filter(
    ({ name, labels }) => named.has(name) || selectors.some((selector) => matchesSelector(selector, labels)),
  );
}

/** Sorted, as in a `Config`. */
export function namesOf(pools: readonly Pool[]): readonly string[] {
  return pools.map(({ name }) => name).sort();
}
