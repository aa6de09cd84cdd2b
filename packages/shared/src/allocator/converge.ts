import { AllocationError, type AllocationReason } from "../errors.ts";
import { familyOf, type IpAddress } from "../ip/address.ts";
import { ingressAddresses } from "../service/ingress.ts";
import type { ServiceView } from "../service/view.ts";
import type { Allocator, Held } from "./allocator.ts";
import { besideRefused } from "./refused-pools.ts";

/** Where one Service should be. */
export interface Outcome {
  /** What its status should list, in this order; empty when it has or wants none. */
  readonly addresses: readonly IpAddress[];
  /** The pool they are of, for the annotation; `undefined` exactly when there are none. */
  readonly pool: string | undefined;
  /** What to tell its owner, in order. */
  readonly notices: readonly Notice[];
  /** Why it does not have what it asks for; `undefined` when it does, or asks for nothing. */
  readonly failure: AllocationReason | undefined;
  /** The same as a sentence. */
  readonly why: string | undefined;
  /** Whether it would be given more if somebody else gave something back. */
  readonly waits: boolean;
  /** Services without addresses may succeed now: look at them again. */
  readonly freed: boolean;
  /** Kept until it is known whether it may have them: see `UnjudgedServices`. */
  readonly isUnjudged?: true;
}

/** An Event on the Service. */
export interface Notice {
  readonly level: "Normal" | "Warning";
  readonly reason: NoticeReason;
  readonly message: string;
}

/** MetalLB's Event reasons, as its users know them, and one of ours. */
export type NoticeReason =
  | "IPAllocated"
  | "ClearAssignment"
  | "AdditionalAssignFailed"
  | "AllocationFailed"
  | "LoadBalancerFailed"
  | "not enough clusterips"
  | "nolbIPsIPFamily"
  | "AnnotationIgnored";

/**
 * Brings what the allocator holds for one Service of ours to what the Service asks for. Level-triggered: lost,
 * doubled and reordered events do no harm. What is held counts for more than what the status says, which may
 * be a read of the past; a status is believed when nothing is held.
 *
 * @param refused see `besideRefused`.
 */
export function converge(view: ServiceView, allocator: Allocator, refused?: readonly string[]): Outcome {
  const openings = allocator.openings;
  const notices: Notice[] = [];
  const failure = settle(view, allocator, notices, refused);
  return outcomeOf(view, allocator, openings, notices, failure);
}

/** Takes everything back from a Service that is no longer ours to serve. */
export function relinquish(view: ServiceView, allocator: Allocator): Outcome {
  const openings = allocator.openings;
  allocator.release(view.key);
  return outcomeOf(view, allocator, openings, [], undefined);
}

/** Tells its owner what a Service loses, and why. */
export function clearing(addresses: readonly IpAddress[], { message }: AllocationError): Notice {
  return {
    level: "Normal",
    reason: "ClearAssignment",
    message: `Taking back ${addresses.join(" and ")}: ${message}`,
  };
}

function outcomeOf(
  view: ServiceView,
  allocator: Allocator,
  openings: number,
  notices: readonly Notice[],
  failure: AllocationError | undefined,
): Outcome {
  const held = allocator.heldBy(view.key);
  return {
    addresses: held?.addresses ?? [],
    pool: held?.pool,
    notices,
    failure: failure?.reason,
    why: failure?.message,
    waits: failure !== undefined || (held !== undefined && lacksFamily(view, held)),
    freed: allocator.openings !== openings,
  };
}

function settle(
  view: ServiceView,
  allocator: Allocator,
  notices: Notice[],
  refused: readonly string[] | undefined,
): AllocationError | undefined {
  if (view.type !== "LoadBalancer" || view.clusterIps.length === 0) {
    allocator.release(view.key);
    return undefined;
  }
  if (view.ipFamilyPolicy === "RequireDualStack" && view.clusterIps.length < 2) {
    allocator.release(view.key);
    const message = `Service requires dual stack but has only the cluster address ${view.clusterIps[0]}`;
    notices.push({ level: "Warning", reason: "not enough clusterips", message });
    return new AllocationError("wrong-family", message);
  }
  if (allocator.hasPools) adoptStatus(view, allocator, notices);
  return holdAndTell(view, allocator, notices, refused);
}

/** A Service we have not seen before keeps what an earlier run gave it, if it may. */
function adoptStatus(view: ServiceView, allocator: Allocator, notices: Notice[]): void {
  if (allocator.heldBy(view.key) !== undefined) return;
  const addresses = ingressAddresses(view);
  if (addresses.length > new Set(addresses.map(familyOf)).size) {
    const message = `Status has ${addresses.join(", ")}, want one address of each family at most`;
    notices.push({ level: "Warning", reason: "nolbIPsIPFamily", message });
    return;
  }
  try {
    allocator.adopt(view);
  } catch (error) {
    notices.push(clearing(addresses, expectAllocationError(error)));
  }
}

function holdAndTell(
  view: ServiceView,
  allocator: Allocator,
  notices: Notice[],
  refused: readonly string[] | undefined,
): AllocationError | undefined {
  const before = allocator.heldBy(view.key);
  const objection = allocator.objection(view);
  const tellLoss = (): void => {
    const now = allocator.heldBy(view.key)?.addresses ?? [];
    const lost = before?.addresses.filter((address) => !now.includes(address)) ?? [];
    if (objection !== undefined && lost.length > 0) notices.push(clearing(lost, objection));
  };
  try {
    const after = allocator.hold(view);
    tellLoss();
    notices.push(...tellGain(view, before, after));
    return undefined;
  } catch (error) {
    const failure = besideRefused(expectAllocationError(error), view, refused);
    const { message } = failure;
    tellLoss();
    notices.push(
      allocator.heldBy(view.key) === undefined
        ? {
            level: "Warning",
            reason: "AllocationFailed",
            message: `Failed to allocate IP for "${view.key}": ${message}`,
          }
        : { level: "Warning", reason: "LoadBalancerFailed", message: `${message}; the address is kept` },
    );
    return failure;
  }
}

function tellGain(view: ServiceView, before: Held | undefined, now: Held): readonly Notice[] {
  const added = now.addresses.filter((address) => !before?.addresses.includes(address));
  if (added.length === now.addresses.length) return [gain("Assigned IP", added)];
  if (added.length > 0) return [gain("Assigned additional IP", added)];
  if (!lacksFamily(view, now)) return [];
  const message = `Failed to allocate an IP of the other family for "${view.key}": pool "${now.pool}" has none to give`;
  return [{ level: "Normal", reason: "AdditionalAssignFailed", message }];
}

function lacksFamily({ ipFamilyPolicy, clusterIps }: ServiceView, { addresses }: Held): boolean {
  return ipFamilyPolicy === "PreferDualStack" && clusterIps.length > addresses.length;
}

function gain(text: string, addresses: readonly IpAddress[]): Notice {
  return { level: "Normal", reason: "IPAllocated", message: `${text} ${JSON.stringify(addresses)}` };
}

function expectAllocationError(error: unknown): AllocationError {
  if (error instanceof AllocationError) return error;
  throw error;
}
