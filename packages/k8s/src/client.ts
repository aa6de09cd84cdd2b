import type { ApiClient } from "./api.ts";

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
  throw new Error(`not yet ${options.kubeconfig}`);
}
