import type { ApiClient } from "./api.ts";
import { HttpApiClient } from "./http-client.ts";
import { inClusterAccess, SERVICE_ACCOUNT_FOLDER } from "./in-cluster.ts";
import { kubeconfigAccess } from "./kubeconfig.ts";
import { Transport } from "./transport.ts";

export interface ConnectOptions {
  /** Path of a kubeconfig file; "" or absent for the service account, then $KUBECONFIG and ~/.kube/config. */
  readonly kubeconfig?: string;
  /** Sent as User-Agent: shows in the API server's audit log. */
  readonly userAgent?: string;
}

/**
 * Finds the API server and the credentials for it. Nothing is requested yet.
 *
 * @throws {Error} when there are neither a service account nor a usable kubeconfig; the message says what was
 *   looked for.
 */
export async function connect(options: ConnectOptions = {}): Promise<ApiClient> {
  const { kubeconfig = "", userAgent = "herald" } = options;
  const now = (): number => performance.now();
  const access =
    (kubeconfig === "" ? inClusterAccess(process.env, now) : undefined) ??
    (await kubeconfigAccess(kubeconfig, now));
  if (access === undefined) {
    throw new Error(
      `no way to reach a cluster: no service account in ${SERVICE_ACCOUNT_FOLDER} with KUBERNETES_SERVICE_HOST and ` +
        "KUBERNETES_SERVICE_PORT set, no $KUBECONFIG, no ~/.kube/config",
    );
  }
  return new HttpApiClient(new Transport(access, userAgent));
}
