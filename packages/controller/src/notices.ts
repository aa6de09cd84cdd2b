import type { Log } from "@herald/daemon/log";
import type { LeaseNotice } from "@herald/k8s/lease-core";
import type { OptionalNotice } from "@herald/k8s/optional-reflector";
import type { AdvertisementKind } from "./advertisement-watch.ts";
import type { Resource } from "./caches.ts";
import type { SummedKind } from "./peer-summaries.ts";

/** One log line per fact of the connection to the API server. */
export function logReflectorNotice(
  log: Log,
  resource: Resource | AdvertisementKind | SummedKind | "nodes" | "servicecidrs",
  notice: OptionalNotice,
): void {
  const { type, ...fields } = notice;
  const data = { resource, ...fields };
  switch (type) {
    case "absent":
      log.info("kind is not installed, looking for it now and then", data);
      return;
    case "refused":
      log.warn("our roles do not allow to list it, going on without, trying now and then", {
        ...data,
        ...(resource === "namespaces" && { effect: "namespaceSelectors of pools match nothing" }),
      });
      return;
    case "overdue":
      log.warn("not read yet, going on without, trying again", data);
      return;
    case "listed":
      log.info("listed", data);
      return;
    case "watching":
      log.debug("watching", data);
      return;
    case "list-failed":
      log.warn("list failed, trying again", data);
      return;
    case "watch-failed":
      log.warn("watch failed, trying again", data);
      return;
    case "silent":
      log.warn("watch went silent, connecting anew", data);
      return;
    case "expired":
      log.info("watch expired, listing anew", data);
      return;
  }
}

export function logLeaseNotice(log: Log, notice: LeaseNotice): void {
  const { type, ...fields } = notice;
  switch (type) {
    case "leading":
      log.info("leading: this replica gives out addresses");
      return;
    case "following":
      log.info("following: another replica gives out addresses", fields);
      return;
    case "lost":
      log.warn("lost the lease, stopped writing", fields);
      return;
    case "released":
      log.info("released the lease");
      return;
    case "failed":
      log.warn("lease not reached, trying again", fields);
      return;
  }
}
