import type { Log } from "@herald/daemon/log";
import { type ApiClient, ApiError, type ApiObject } from "@herald/k8s/api";
import { type OptionalNotice, OptionalReflector } from "@herald/k8s/optional-reflector";
import { objectPath, secretsPath } from "@herald/k8s/paths";
import { WorkQueue } from "@herald/k8s/queue";
import {
  believing,
  type WebhookConfigurationView,
  webhookConfigurationsPath,
  webhookConfigurationView,
} from "@herald/k8s/webhook-configuration";
import type { Clock, Random } from "@herald/shared/core";
import {
  type CertificateStep,
  type EpochMs,
  isGood,
  type Lives,
  livesOf,
  nextStep,
} from "./certificate-plan.ts";
import {
  type CertificateFiles,
  type Certificates,
  NO_CERTIFICATES,
  readSecretData,
  toSecretData,
} from "./certificate-secret.ts";
import type { IssueOptions } from "./make-certificates.ts";

export interface CertificateKeeperOptions {
  readonly namespace: string;
  /** Secret that all replicas share. */
  readonly secret: string;
  /** ValidatingWebhookConfiguration whose callers are to believe us. */
  readonly configuration: string;
  /** What callers ask for. */
  readonly hostNames: readonly string[];
  readonly servingLifeMs: number;
}

export interface CertificateKeeperPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly epochMs: () => EpochMs;
  readonly log: Log;
  /** To serve with from now on. */
  readonly present: (serving: NonNullable<Certificates["serving"]>) => void;
}

/** What there is to do; it does all of it at once. */
const TASK = "certificate";
/** The clock that certificates go by may be set at any time, so it is looked at this often. */
const LOOK_AGAIN_MS = 3_600_000;
/** A sixth of the shortest life is less. */
const BETWEEN_WRITES_MS = 10_000;
const RETRY = { minMs: 500, maxMs: 30_000 } as const;

/**
 * Sees to it that there is a good certificate to serve with, that the API server believes it, and that both are replaced
 * in time. All replicas do the same with one Secret: whoever writes first wins, and the others serve with what he wrote.
 */
export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #ports: CertificateKeeperPorts;
  readonly #secrets: OptionalReflector<SecretView>;
  readonly #configurations: OptionalReflector<WebhookConfigurationView>;
  readonly #queue: WorkQueue;
  #presented: Certificates["state"]["serving"];
  #published: { readonly id: string | undefined; readonly at: EpochMs } | undefined;
  #wroteAt = -Infinity; // by the monotonic clock
  #isRefused = false;

  constructor(options: CertificateKeeperOptions, ports: CertificateKeeperPorts) {
    this.#options = options;
    this.#ports = ports;
    const { client, clock, random } = ports;
    const follow = (name: string) => ({
      ...{ client, clock, random, query: { fieldSelector: `metadata.name=${name}` } },
      onChange: () => this.#queue.add(TASK),
      notice: (news: OptionalNotice) => this.#hear(name, news),
    });
    this.#secrets = new OptionalReflector<SecretView>({
      ...follow(options.secret),
      path: secretsPath(options.namespace),
      view: secretView,
    });
    this.#configurations = new OptionalReflector<WebhookConfigurationView>({
      ...follow(options.configuration),
      path: webhookConfigurationsPath(),
      view: webhookConfigurationView,
    });
    this.#queue = new WorkQueue({
      ...{ clock, random, concurrency: 1, retry: RETRY },
      retried: ({ error, inMs }) =>
        ports.log.warn("cannot keep the certificate of the webhook", { reason: error.message, inMs }),
    });
  }

  /** When what is served expires; `undefined` while there is nothing to serve. */
  get expiresAt(): EpochMs | undefined {
    return this.#presented?.validTo;
  }

  /** Whether there is a certificate to serve with, or will be none: our roles do not allow it. */
  get isSettled(): boolean {
    return this.#presented !== undefined || this.#isRefused;
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#secrets.run(signal),
      this.#configurations.run(signal),
      this.#queue.run(() => this.#tendOrTryAgain(), signal),
    ]);
  }

  #hear(name: string, news: OptionalNotice): void {
    if (news.type === "refused") {
      this.#isRefused = true;
      this.#ports.log.warn("no rights to what the webhook needs", { name, reason: news.message });
    }
    if (news.type === "listed") this.#queue.add(TASK); // also when it is not there
  }

  /** What a Secret may hold is up to others: no surprise in it ends a program that does more than this. */
  async #tendOrTryAgain(): Promise<void> {
    try {
      await this.#tend();
    } catch (error) {
      if (error instanceof ApiError && error.status === 403) this.#isRefused = true;
      if (error instanceof ApiError || !(error instanceof Error)) throw error;
      const inMs = RETRY.maxMs;
      this.#ports.log.error("cannot keep the certificate of the webhook", { reason: error.message, inMs });
      this.#queue.addAfter(TASK, inMs);
    }
  }

  async #tend(): Promise<void> {
    const secret = this.#secrets.values()?.[0];
    if (this.#secrets.values() === undefined || !this.#configurations.isKnown) return;
    const now = this.#ports.epochMs();
    const { hostNames, servingLifeMs } = this.#options;
    const known = secret === undefined ? NO_CERTIFICATES : readSecretData(secret.data, hostNames, now);
    this.#present(known, now);
    const published = await this.#publish(known).catch(refusalOf);
    const publishedAt = published === true ? this.#publishedAt(known, now) : undefined;
    const lives = livesOf(servingLifeMs);
    await this.#take(nextStep({ ...known.state, publishedAt }, lives, now), { secret, known, lives, now });
    // Why only now: who may never tell the API server replaces what is in the Secret all the same.
    if (published instanceof ApiError) throw published;
  }

  async #take(step: CertificateStep, { secret, known, lives, now }: Seen): Promise<void> {
    if (step.type === "wait") {
      this.#queue.addAfter(TASK, Math.min(Math.max(step.until - now, MIN_WAIT_MS), LOOK_AGAIN_MS));
      return;
    }
    const { clock } = this.#ports;
    // Why: replicas whose clocks are years apart replace each other's for ever, which they may do at leisure.
    const waitMs = this.#wroteAt + Math.min(BETWEEN_WRITES_MS, lives.settleMs) - clock.now();
    if (waitMs > 0) {
      this.#queue.addAfter(TASK, waitMs);
      return;
    }
    const { hostNames } = this.#options;
    await this.#write(step, await makeFiles(step, known, { hostNames, lives, now }), secret);
  }

  #present({ state, serving }: Certificates, now: EpochMs): void {
    if (serving === undefined || state.serving === undefined) return;
    if (state.serving.id === this.#presented?.id || !isGood(state.serving, now)) return;
    this.#ports.present(serving);
    this.#presented = state.serving;
    const validTo = new Date(state.serving.validTo).toISOString();
    this.#ports.log.info("the webhook has a certificate", { validTo });
  }

  /** Since when we know it; a new start begins to count anew, which only takes longer. */
  #publishedAt({ state: { authorities } }: Certificates, now: EpochMs): EpochMs {
    const newest = authorities[0]?.id;
    if (this.#published?.id !== newest) this.#published = { id: newest, at: now };
    return this.#published?.at ?? now;
  }

  /** @returns whether the API server has been told of the newest authority; nobody to tell is as good. */
  async #publish({ published }: Certificates): Promise<boolean> {
    const configuration = this.#configurations.values()?.[0];
    if (configuration === undefined || published === "") return true;
    if (configuration.webhooks.every((webhook) => webhook.authorities === published)) return true;
    const path = objectPath(webhookConfigurationsPath(), this.#options.configuration);
    await this.#ports.client.patch(path, "strategic", believing(configuration, published));
    return false; // until we see it
  }

  async #write(
    { type }: CertificateStep,
    files: CertificateFiles,
    known: SecretView | undefined,
  ): Promise<void> {
    const { client, clock, log } = this.#ports;
    const { namespace, secret } = this.#options;
    const collection = secretsPath(namespace);
    const metadata = { name: secret, namespace };
    const body = { apiVersion: "v1", kind: "Secret", data: toSecretData(files) };
    try {
      if (known === undefined) await client.create(collection, { ...body, metadata });
      else {
        // Why: not what somebody else has written since.
        const { resourceVersion } = known;
        await client.patch(objectPath(collection, secret), "merge", {
          data: body.data,
          metadata: { resourceVersion },
        });
      }
      this.#wroteAt = clock.now();
      log.info("made a certificate for the webhook", { step: type });
    } catch (error) {
      if (error instanceof ApiError && error.status === 409) return; // another replica was faster, and we shall see
      throw error;
    }
  }
}

function refusalOf(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  throw error;
}

/** A step that is due by a fraction of a second is not tried again and again. */
const MIN_WAIT_MS = 100;

async function makeFiles(
  { type }: Exclude<CertificateStep, { readonly type: "wait" }>,
  known: Certificates,
  options: IssueOptions,
): Promise<CertificateFiles> {
  const { addAuthority, renew, startOver } = await import("./make-certificates.ts");
  switch (type) {
    case "start-over":
      return await startOver(options);
    case "add-authority":
      return await addAuthority(known, options);
    case "renew":
      return await renew(known, options);
  }
}

/** What a step was decided by. */
interface Seen {
  readonly secret: SecretView | undefined;
  readonly known: Certificates;
  readonly lives: Lives;
  readonly now: EpochMs;
}

interface SecretView {
  readonly data: Readonly<Record<string, string>>;
  readonly resourceVersion: string;
}

function secretView({
  metadata,
  data = {},
}: ApiObject & { readonly data?: Readonly<Record<string, string>> }): SecretView {
  return { data, resourceVersion: metadata?.resourceVersion ?? "" };
}
