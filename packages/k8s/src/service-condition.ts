import type { ServiceKey } from "@herald/shared/service/view";
import type { V1Condition, V1Service } from "@kubernetes/client-node";
import { type ApiClient, ApiError, type Raw } from "./api.ts";
import { metaTime } from "./meta-time.ts";
import { servicePath, serviceStatusPath } from "./paths.ts";

/** What a condition on a Service ought to say. */
export interface ConditionWish {
  readonly status: "True" | "False";
  /** CamelCase. */
  readonly reason: string;
  /** A sentence for a person. */
  readonly message: string;
  /** Write only over a condition of this message: whoever wrote another one knows better by now. */
  readonly over?: string;
}

export interface ConditionWriteOptions {
  readonly client: ApiClient;
  readonly service: ServiceKey;
  /** Another object of the same name is left alone. */
  readonly uid: string;
  /** Such as `herald.io/Announced`. */
  readonly type: string;
  readonly wish: ConditionWish;
  /** Owner of the condition in the eyes of the API server. */
  readonly fieldManager: string;
  /** Milliseconds since 1970. */
  readonly epochMs: number;
  readonly signal?: AbortSignal;
}

/** `gone`: deleted meanwhile, or another object of the same name by now. */
export type ConditionWrite = "written" | "unchanged" | "gone";

/**
 * Sees to it that a Service has a condition, by server-side apply of that condition alone: nothing else of the status
 * is touched. Nothing is written when it says so already.
 *
 * @throws {ApiError} when the API server refuses, cannot be reached, or somebody else was faster: retry later.
 */
export async function applyServiceCondition(options: ConditionWriteOptions): Promise<ConditionWrite> {
  const { client, service, wish, type, fieldManager, signal } = options;
  const aborting = signal === undefined ? {} : { signal };
  try {
    const found = await client.get<V1Service>(servicePath(service), aborting);
    if (found.metadata?.uid !== options.uid) return "gone";
    const before = found.status?.conditions?.find((condition) => condition.type === type);
    if (isSame(before, wish)) return "unchanged";
    if (wish.over !== undefined && before?.message !== wish.over) return "unchanged";
    const body = bodyOf(options, found, before);
    const how = { fieldManager, force: true, ...aborting };
    await client.patch<V1Service>(serviceStatusPath(service), "apply", body, how);
    return "written";
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return "gone";
    throw error;
  }
}

function isSame(before: Raw<V1Condition> | undefined, { status, reason, message }: ConditionWish): boolean {
  return before?.status === status && before.reason === reason && before.message === message;
}

/** With the version that was read: between reading and writing nobody else may write. */
function bodyOf(
  { type, wish, epochMs }: ConditionWriteOptions,
  { metadata = {} }: Raw<V1Service>,
  before: Raw<V1Condition> | undefined,
): object {
  const { name, namespace, uid, resourceVersion } = metadata;
  const { status, reason, message } = wish;
  const now = metaTime(epochMs);
  const lastTransitionTime = before?.status === status ? before.lastTransitionTime : now;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, uid, resourceVersion },
    status: { conditions: [{ type, status, reason, message, lastTransitionTime }] },
  };
}
