import type { ServiceView } from "@herald/shared/service/view";
import type { V1Service } from "@kubernetes/client-node";
import { type ApiClient, ApiError, type PatchType, unlessMissing } from "./api.ts";
import { type DesiredStatus, leftoverPatch, statusToApply } from "./desired-status.ts";
import { servicePath, serviceStatusPath } from "./paths.ts";
import { serviceView } from "./service.ts";

export type StatusWrite =
  | { readonly outcome: "written" | "unchanged"; readonly service: ServiceView }
  /** Deleted meanwhile, or another object of the same name by now. */
  | { readonly outcome: "gone" };

export interface StatusWriteOptions {
  readonly client: ApiClient;
  readonly service: ServiceView;
  /** What the status of this Service should be; `undefined` leaves it alone. Asked again after a conflict. */
  readonly decide: (service: ServiceView) => DesiredStatus | undefined;
  /** Owner of what is written in the eyes of the API server. */
  readonly fieldManager: string;
  /** Asked right before every request that writes; once it says no, nothing more is written. */
  readonly mayWrite?: () => boolean;
  /** Milliseconds since 1970; for the conditions. */
  readonly epochMs?: number;
  readonly signal?: AbortSignal;
}

/** Somebody who writes the same Service faster than this is asked about by the queue's back-off. */
const ATTEMPTS = 5;

/**
 * Sees to it that a status is what `decide` wants, by server-side apply, in one request; a second one takes away what
 * another manager had written before and ought to be gone. After a conflict the Service is read again and `decide` asked
 * again, up to five times.
 *
 * @throws {ApiError} when the API server refuses or cannot be reached: retry later.
 */
export async function writeServiceStatus(options: StatusWriteOptions): Promise<StatusWrite> {
  const written = await unlessMissing(decideAndWrite(options, options.service, ATTEMPTS));
  return written ?? { outcome: "gone" };
}

async function decideAndWrite(
  options: StatusWriteOptions,
  service: ServiceView,
  attemptsLeft: number,
): Promise<StatusWrite> {
  const { client, decide, mayWrite = () => true, epochMs, signal } = options;
  const desired = mayWrite() ? decide(service) : undefined;
  const wanted = desired === undefined ? undefined : statusToApply(service, desired, epochMs);
  if (desired === undefined || wanted === undefined) return { outcome: "unchanged", service };
  try {
    const applied = await patch(options, "apply", wanted);
    const leftover = leftoverPatch(applied, desired);
    if (leftover === undefined || !mayWrite()) return { outcome: "written", service: applied };
    return { outcome: "written", service: await patch(options, "strategic", leftover) };
  } catch (error) {
    // Also when it is gone: the API server takes the apply for a wish to create what has another uid.
    if (!(error instanceof ApiError && error.status === 409 && attemptsLeft > 1)) throw error;
  }
  const reading = signal === undefined ? {} : { signal };
  const fresh = serviceView(await client.get<V1Service>(servicePath(service.key), reading));
  if (fresh.uid !== options.service.uid) return { outcome: "gone" };
  return await decideAndWrite(options, fresh, attemptsLeft - 1);
}

/** @returns the Service as it is after that. */
async function patch(
  { client, service, fieldManager, signal }: StatusWriteOptions,
  type: PatchType,
  body: object,
): Promise<ServiceView> {
  const how = { fieldManager, ...(type === "apply" && { force: true }), ...(signal && { signal }) };
  return serviceView(await client.patch<V1Service>(serviceStatusPath(service.key), type, body, how));
}
