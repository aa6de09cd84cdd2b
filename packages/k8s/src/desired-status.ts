import type { IpAddress } from "@herald/shared/ip/address";
import { ALLOCATED_FROM_POOL } from "@herald/shared/service/annotations";
import { ingressShows } from "@herald/shared/service/ingress";
import { NO_SPEAKER_YET } from "@herald/shared/service/no-speaker-yet";
import type { ConditionView, ServiceView } from "@herald/shared/service/view";
import { metaTime } from "./meta-time.ts";
import { ALLOCATED_CONDITION, ANNOUNCED_CONDITION } from "./service.ts";

/** What the status of a Service ought to say. */
export interface DesiredStatus {
  /** In the order to write them; empty clears the status. */
  readonly addresses: readonly IpAddress[];
  /** Written as `metallb.io/ip-allocated-from-pool`; `undefined` removes it. */
  readonly pool: string | undefined;
  /** The condition `herald.io/Allocated`; "none" removes it, absent leaves it alone. */
  readonly allocated?: Word | "none";
}

type Word = Omit<ConditionView, "since">;

/**
 * What to apply on the server to bring a Service's status to `desired`, for the status subresource; `undefined` when
 * nothing differs. Addresses are compared as a sequence of ips: the API server adds `ipMode` to what we write.
 * Carries the resourceVersion, so that it fails with 409 when somebody else was faster.
 *
 * All that is wanted is named each time, since what its manager does not name any more goes. A Service with addresses of
 * which no speaker has spoken yet is told so; that alone is no reason to write.
 *
 * @param epochMs milliseconds since 1970, for the conditions.
 */
export function statusToApply(service: ServiceView, desired: DesiredStatus, epochMs = 0): object | undefined {
  const { key, uid, resourceVersion, annotations } = service;
  const { addresses, pool } = desired;
  const isShown = ingressShows(service, addresses);
  if (isShown && annotations[ALLOCATED_FROM_POOL] === pool && saysAllocated(service, desired)) {
    return undefined;
  }
  const [namespace, name] = key.split("/");
  const conditions = [...allocatedOf(service, desired, epochMs), ...announcedOf(service, desired, epochMs)];
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      ...{ namespace, name, uid, resourceVersion },
      ...(pool !== undefined && { annotations: { [ALLOCATED_FROM_POOL]: pool } }),
    },
    status: {
      // Why as found: somebody may have said more of an address, such as its ipMode. Why also none: others may have written some.
      loadBalancer: { ingress: isShown ? service.ingress : addresses.map((ip) => ({ ip })) },
      ...(conditions.length > 0 && { conditions }),
    },
  };
}

/**
 * The strategic merge patch for what ought to be gone after that and is there still; `undefined`: nothing. What another
 * manager has written, too, such as an earlier release of Herald or MetalLB, no apply of ours takes away.
 */
export function leftoverPatch(applied: ServiceView, { pool, allocated }: DesiredStatus): object | undefined {
  const { uid, resourceVersion, annotations } = applied;
  const isPoolLeft = pool === undefined && annotations[ALLOCATED_FROM_POOL] !== undefined;
  const isWordLeft = allocated === "none" && applied.allocated !== undefined;
  if (!isPoolLeft && !isWordLeft) return undefined;
  return {
    metadata: { uid, resourceVersion, ...(isPoolLeft && { annotations: { [ALLOCATED_FROM_POOL]: null } }) },
    ...(isWordLeft && { status: { conditions: [{ $patch: "delete", type: ALLOCATED_CONDITION }] } }),
  };
}

function saysAllocated({ allocated: found }: ServiceView, { allocated: wanted }: DesiredStatus): boolean {
  if (wanted === undefined) return true;
  if (wanted === "none") return found === undefined;
  const { status, reason, message } = wanted;
  return found?.status === status && found.reason === reason && found.message === message;
}

function allocatedOf(
  { allocated: found }: ServiceView,
  { allocated: wanted = found ?? "none" }: DesiredStatus,
  epochMs: number,
): readonly object[] {
  return wanted === "none" ? [] : [condition(ALLOCATED_CONDITION, wanted, found, epochMs)];
}

/** What the controller has said there itself, if anything: what speakers have said is theirs from then on. */
function announcedOf(
  { announced: found }: ServiceView,
  { addresses }: DesiredStatus,
  epochMs: number,
): readonly object[] {
  const isOurs = found === undefined || found.reason === NO_SPEAKER_YET.reason;
  if (addresses.length === 0 || !isOurs) return [];
  return [condition(ANNOUNCED_CONDITION, found ?? NO_SPEAKER_YET, found, epochMs)];
}

function condition(
  type: string,
  { status, reason, message }: Word,
  found: ConditionView | undefined,
  epochMs: number,
): object {
  const now = metaTime(epochMs);
  const lastTransitionTime = found?.status === status ? found.since : now;
  return { type, status, reason, message, lastTransitionTime };
}
