import { existsSync } from "node:fs";
import type { RequestOptions } from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";
import type { KubeConfig } from "@kubernetes/client-node";
import { type Access, type Credentials, parseServer, type TlsCredentials } from "./access.ts";
import { ApiError } from "./api.ts";

/** Tokens and certificates of plugins are asked for again after this long. */
const REFRESH_MS = 60_000;

/**
 * The API server of a kubeconfig's current context. Loads client-node, which knows every way to authenticate that a
 * kubeconfig may name.
 *
 * @param path of the file; "" for $KUBECONFIG, then ~/.kube/config.
 * @param now monotonic, ms.
 * @returns `undefined` when no path is given and there is no kubeconfig in the usual places.
 * @throws {Error} when the file cannot be used, with its path.
 */
export async function kubeconfigAccess(path: string, now: () => number): Promise<Access | undefined> {
  const source = path === "" ? defaultKubeconfig() : path;
  if (source === undefined) return undefined;
  const { KubeConfig, bufferFromFileOrString } = await import("@kubernetes/client-node");
  const config = new KubeConfig();
  try {
    if (path === "") config.loadFromDefault();
    else config.loadFromFile(path);
  } catch (cause) {
    throw new Error(`kubeconfig ${source}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  const cluster = config.getCurrentCluster();
  if (cluster === null) throw new Error(`kubeconfig ${source}: its current context names no cluster`);
  if (cluster.proxyUrl !== undefined) throw new Error(`kubeconfig ${source}: proxy-url is not supported`);
  // Why: client-node forgets the cluster's CA when the context has no user.
  const ca = bufferFromFileOrString(cluster.caFile, cluster.caData) ?? undefined;
  const server = parseServer(cluster.server);
  if (!server.secure) {
    // Why: client-node refuses credentials over plain HTTP otherwise; there is no TLS that could be verified.
    config.clusters = config.clusters.map((each) =>
      each.name === cluster.name ? { ...each, skipTLSVerify: true } : each,
    );
  }
  let known: { readonly credentials: Credentials; readonly readAt: number } | undefined;
  return {
    server,
    credentials: async () => {
      if (known === undefined || now() - known.readAt >= REFRESH_MS) {
        known = { credentials: await readCredentials(config, source, ca), readAt: now() };
      }
      return known.credentials;
    },
  };
}

function defaultKubeconfig(): string | undefined {
  const named = process.env["KUBECONFIG"] ?? "";
  if (named !== "") return named;
  const usual = join(homedir(), ".kube", "config");
  return existsSync(usual) ? usual : undefined;
}

async function readCredentials(
  config: KubeConfig,
  source: string,
  ca: Buffer | undefined,
): Promise<Credentials> {
  const options: RequestOptions = {};
  try {
    await config.applyToHTTPSOptions(options);
  } catch (cause) {
    throw new ApiError(0, "Unreachable", `credentials of kubeconfig ${source}: ${cause}`, { cause });
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) headers[name.toLowerCase()] = `${value}`;
  if (typeof options.auth === "string") {
    headers["authorization"] = `Basic ${Buffer.from(options.auth).toString("base64")}`;
  }
  return { headers, tls: tlsOf(options, ca) };
}

function tlsOf(options: RequestOptions, ca: Buffer | undefined): TlsCredentials {
  const wanted = {
    ca,
    ...pick(options, ["ca", "cert", "key", "passphrase", "servername", "rejectUnauthorized"]),
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== undefined));
}

function pick<Key extends keyof RequestOptions>(
  options: RequestOptions,
  names: readonly Key[],
): Pick<RequestOptions, Key> {
  return Object.fromEntries(
    names.filter((name) => options[name] != null).map((name) => [name, options[name]]),
  ) as Pick<RequestOptions, Key>;
}
