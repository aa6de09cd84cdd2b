import type { Log } from "@herald/daemon/log";
import { type ApiClient, ApiError, type ApiObject } from "@herald/k8s/api";
import { deploymentsPath, objectPath, secretsPath } from "@herald/k8s/paths";
import { WorkQueue } from "@herald/k8s/queue";
import type { Clock, Random } from "@herald/shared/core";

export interface GossipSecretOptions {
  readonly namespace: string;
  readonly secret: string;
  /** Goes with this Deployment; "" for a Secret that nobody owns. */
  readonly deployment: string;
}

export interface GossipSecretPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** A key nobody can guess, as text. */
  readonly makeKey: () => string;
}

/** One that is there may belong to a Deployment that was replaced, and go with it a little later. */
const LOOK_AGAIN_MS = 30_000;
const LOOKS = 4;

/**
 * Makes the Secret with the key of the speakers' gossip, if there is none yet, and tries until it is there. It is
 * never read: whoever may only create Secrets sees no other.
 */
export async function ensureGossipSecret(
  options: GossipSecretOptions,
  { client, clock, random, log, makeKey }: GossipSecretPorts,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, secret } = options;
  const queue = new WorkQueue({
    clock,
    random,
    concurrency: 1,
    retry: { minMs: 500, maxMs: 30_000 },
    retried: ({ error, inMs }) =>
      log.warn("cannot make the Secret of the gossip", { secret, reason: error.message, inMs }),
  });
  const done = new AbortController();
  let looks = 0;
  queue.add(secret);
  await queue.run(
    async () => {
      const metadata = { name: secret, namespace, ...(await owner(options, client)) };
      const body = { metadata, type: "Opaque", stringData: { secretkey: makeKey() } };
      const outcome = await create(client, secretsPath(namespace), body);
      looks += 1;
      if (looks === 1 || outcome === "made") log.info("the key of the gossip", { secret, outcome });
      if (outcome === "made" || looks === LOOKS) done.abort();
      else queue.addAfter(secret, LOOK_AGAIN_MS);
    },
    AbortSignal.any([signal, done.signal]),
  );
}

async function create(client: ApiClient, path: string, body: object): Promise<"made" | "was there"> {
  try {
    await client.create(path, body);
    return "made";
  } catch (error) {
    if (error instanceof ApiError && error.reason === "AlreadyExists") return "was there";
    throw error;
  }
}

/** So that the Secret goes when the Deployment is deleted. */
async function owner(
  { namespace, deployment }: GossipSecretOptions,
  client: ApiClient,
): Promise<{ readonly ownerReferences?: readonly object[] }> {
  if (deployment === "") return {};
  const found = await client.get<ApiObject>(objectPath(deploymentsPath(namespace), deployment));
  const uid = found.metadata?.uid ?? "";
  return { ownerReferences: [{ apiVersion: "apps/v1", kind: "Deployment", name: deployment, uid }] };
}
