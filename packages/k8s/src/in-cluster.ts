import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { type Access, type Credentials, parseServer } from "./access.ts";
import { ApiError } from "./api.ts";

/** Where the kubelet mounts the service account of a pod. */
export const SERVICE_ACCOUNT_FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount";

/** The kubelet replaces a token long before it expires; a file this old is read again. */
const REREAD_MS = 60_000;

/**
 * The API server of the cluster this process runs in, by the service account of its pod.
 *
 * @param now monotonic, ms.
 * @returns `undefined` outside a cluster.
 */
export function inClusterAccess(
  environment: Readonly<Record<string, string | undefined>>,
  now: () => number,
  folder: string = SERVICE_ACCOUNT_FOLDER,
): Access | undefined {
  const host = environment["KUBERNETES_SERVICE_HOST"] ?? "";
  const port = environment["KUBERNETES_SERVICE_PORT"] ?? "";
  if (host === "" || port === "" || !existsSync(`${folder}/token`)) return undefined;
  const server = parseServer(`https://${host.includes(":") ? `[${host}]` : host}:${port}`);
  let known: { readonly credentials: Credentials; readonly readAt: number } | undefined;
  return {
    server,
    credentials: async () => {
      if (known === undefined || now() - known.readAt >= REREAD_MS) {
        known = { credentials: await readServiceAccount(folder), readAt: now() };
      }
      return known.credentials;
    },
  };
}

async function readServiceAccount(folder: string): Promise<Credentials> {
  try {
    const [token, ca] = await Promise.all([
      readFile(`${folder}/token`, "utf8"),
      readFile(`${folder}/ca.crt`),
    ]);
    return { headers: { authorization: `Bearer ${token.trim()}` }, tls: { ca } };
  } catch (cause) {
    throw new ApiError(0, "Unreachable", `cannot read the service account in ${folder}: ${cause}`, { cause });
  }
}
