import { homedir } from "node:os";
import { join } from "node:path";

/** Where built programs live: survives a fresh clone, shared by every checkout of one user. */
export function cacheFolder(): string {
  const chosen = process.env["HERALD_CACHE"];
  if (chosen) return chosen;
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "herald");
}

/** Everything one cluster writes: the ledger, certificates, data, logs. */
export function stateFolder(cluster: string): string {
  return join(process.env["HERALD_STATE"] || "/var/tmp/herald", cluster);
}

/** The cluster's name: the caller's, the environment's, or "herald". */
export function clusterName(name?: string): string {
  const chosen = name ?? (process.env["HERALD_CLUSTER"] || "herald");
  if (!/^[a-z][a-z0-9-]{0,19}$/.test(chosen)) {
    throw new Error(`cluster name ${JSON.stringify(chosen)}: want a-z, 0-9 and dashes, at most 20 letters`);
  }
  return chosen;
}
