import { AllocationError, type AllocationReason } from "../errors.ts";
import type { ServiceView } from "../service/view.ts";
import { requestedPool } from "./request.ts";

/**
 * Why a Service is not given what it asks for, as it is to be told beside pools that are refused: those exist, and what it
 * lacks may already be written.
 *
 * @param refused names of the IPAddressPools that are there and not in force; `undefined`: nothing of the pools is refused.
 */
export function besideRefused(
  failure: AllocationError,
  view: ServiceView,
  refused: readonly string[] | undefined,
): AllocationError {
  if (refused === undefined || !DECIDED_BY_POOLS.has(failure.reason)) return failure;
  const name = requestedPool(view);
  if (name !== undefined && refused.includes(name)) {
    return new AllocationError(
      "pool-refused",
      `the Service asks for pool "${name}", which is refused, ${WHERE}`,
    );
  }
  if (failure.reason === "no-pools" && refused.length > 0) {
    return new AllocationError(
      "pool-refused",
      `no pool is in force: ${describePools(refused)} refused, ${WHERE}`,
    );
  }
  const { reason, message } = failure;
  return new AllocationError(reason, `${message}; some of what is written of pools is refused, ${WHERE}`);
}

const WHERE = 'as the ConfigurationState "controller" says';

/** What other pools could change. */
const DECIDED_BY_POOLS: ReadonlySet<AllocationReason> = new Set([
  "no-pools",
  "unknown-pool",
  "pool-not-allowed",
  "pool-closed",
  "quota-reached",
  "pool-exhausted",
  "wrong-family",
  "address-not-in-pool",
  "address-reserved",
]);

const MAX_NAMED = 5;

function describePools(names: readonly string[]): string {
  const named = names.slice(0, MAX_NAMED).map((name) => `"${name}"`);
  const rest = names.length - named.length;
  if (rest > 0) named.push(`${rest} more`);
  return names.length === 1 ? `pool ${named[0]} is` : `pools ${named.join(", ")} are`;
}
