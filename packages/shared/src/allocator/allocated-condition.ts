import { ALLOCATION_REASONS, type AllocationReason } from "../errors.ts";
import type { Outcome } from "./converge.ts";

/** What the condition `herald.io/Allocated` of a Service says. */
export interface AllocatedCondition {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  /** For its owner: what it has; or what was tried, why it was refused and what to change. */
  readonly message: string;
}

/** What the owner of the Service, or the operator, can do about it. */
const ADVICE: Readonly<Record<AllocationReason, string>> = {
  "no-pools": "add an IPAddressPool, or a pool to the ConfigMap",
  "unknown-pool": "name a pool that exists in the annotation address-pool, or none",
  "pool-refused": "mend what is refused",
  "pool-not-allowed": "ask for another pool, or have a pool's serviceAllocation or autoAssign changed",
  "pool-closed": "ask for another pool, or have herald.io/disabled-for-new-services removed from it",
  "quota-reached": "delete a Service that needs no address, or have herald.io/quota-per-namespace raised",
  "pool-exhausted": "add addresses to a pool, or delete a Service that needs none",
  "wrong-family":
    "change the ipFamilies or the ipFamilyPolicy of the Service, or add addresses of that family",
  "invalid-request": "correct what the Service asks for",
  "address-not-in-pool": "ask for an address of one pool, or for none",
  "address-reserved": "ask for another address, or have herald.io/reserve of the pool changed",
  "address-in-use": "ask for another address, or give both Services the same annotation allow-shared-ip",
  "sharing-refused": "ask for another address or other ports, or make the Services agree",
};

/** The closed list of reasons of the condition, each with a sentence. */
export const ALLOCATED_REASONS: Readonly<Record<string, string>> = {
  Allocated: "True: the Service has all the addresses that it can be given.",
  Unjudged:
    "Unknown: the Service keeps addresses that no pool in force has, since pools are refused that may have them.",
  NotConfigured: "There is no configuration yet, or it is refused.",
  ...Object.fromEntries(
    Object.entries(ALLOCATION_REASONS).map(([reason, sentence]) => [camelCase(reason), sentence]),
  ),
};

/** `undefined` for a Service that wants no address. */
export function allocatedCondition(outcome: Outcome): AllocatedCondition | undefined {
  const { addresses, pool, failure, why = "", waits, isUnjudged = false } = outcome;
  if (isUnjudged) {
    const advice = "To change that, mend or delete what is refused";
    return { status: "Unknown", reason: "Unjudged", message: `${why}. ${advice}.` };
  }
  if (failure !== undefined) {
    const status = addresses.length > 0 ? "True" : "False";
    const kept = addresses.length > 0 ? `; ${addresses.join(" and ")} is kept` : "";
    return {
      status,
      reason: camelCase(failure),
      message: `${why}${kept}. To change that, ${ADVICE[failure]}.`,
    };
  }
  if (addresses.length === 0) return undefined;
  const lack = waits ? "; the pool has none of the other family to give" : "";
  const message = `${addresses.join(" and ")} of pool "${pool}"${lack}`;
  return { status: "True", reason: "Allocated", message };
}

/** While nothing is decided yet. @param why there are no pools. */
export function notConfigured(why: string): AllocatedCondition {
  const advice = `${ADVICE["no-pools"]}, or ${ADVICE["pool-refused"]}`;
  return { status: "False", reason: "NotConfigured", message: `${why}. To change that, ${advice}.` };
}

function camelCase(reason: string): string {
  return reason.replaceAll(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
