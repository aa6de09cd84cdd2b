import { type Answer, type HttpsServer, startHttps } from "@herald/daemon/https";
import type { Log } from "@herald/daemon/log";
import { type ApiClient, ApiError } from "@herald/k8s/api";
import type { Clock, Random } from "@herald/shared/core";
import { answerTo, type Question, ReviewError, readReview } from "./admission-review.ts";
import { CertificateKeeper } from "./certificate-keeper.ts";
import type { EpochMs } from "./certificate-plan.ts";
import type { World } from "./change.ts";
import { type DanglingReferences, judge } from "./judge.ts";
import { readWorld } from "./read-world.ts";
import { SharedRead } from "./shared-read.ts";
import type { WebhookMetrics } from "./webhook-metrics.ts";

export interface WebhookOptions {
  /** Address to listen on; "" is every address. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Of the objects, and of all else that is named here. */
  readonly namespace: string;
  /** Name of the ConfigMap with a configuration. */
  readonly configName: string;
  /** Name of the Service that the API server finds us by. */
  readonly service: string;
  /** Name of the Secret with the certificate. */
  readonly secret: string;
  /** Name of the ValidatingWebhookConfiguration. */
  readonly configuration: string;
  readonly certificateLifeMs: number;
  /** How long the API server waits for an answer. */
  readonly timeoutMs: number;
  readonly danglingReferences: DanglingReferences;
}

export interface WebhookPorts {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly epochMs: () => EpochMs;
  readonly log: Log;
  readonly metrics: WebhookMetrics;
}

/** Where the API server asks. */
export const VALIDATE_PATH = "/validate";

/** etcd takes objects of up to 1.5 MiB, and there are two in a question; the rest is for what is around them. */
const MAX_OCTETS = 4 * 1024 * 1024;
/** Nearly all questions have a few KiB. Anybody may ask, and a large one takes many times its size once it is parsed. */
const LARGE = { octets: 64 * 1024, atOnce: 4 } as const;
/** Four for each question that may wait: API servers keep theirs open, and this bounds what is read of small ones. */
const MAX_CONNECTIONS = 256;
/** What waits for an answer; the API server has no patience for more. */
const MAX_QUESTIONS = 64;
/** The part of the API server's patience that reading may take; the rest is for the way to us and back. */
const READ_WITHIN = 4 / 5;

/**
 * Refuses objects that the programs would refuse to follow, while whoever writes them still looks. It answers on every
 * replica, leader or not, and reads what it judges by itself.
 */
export class Webhook {
  readonly #options: WebhookOptions;
  readonly #ports: WebhookPorts;
  readonly #keeper: CertificateKeeper;
  readonly #server: HttpsServer;
  readonly #world: SharedRead<World>;
  #questions = 0; // under way

  /** @throws {StartError} when its port cannot be listened on. */
  static async start(options: WebhookOptions, ports: WebhookPorts): Promise<Webhook> {
    let webhook: Webhook | undefined;
    const { host, port } = options;
    const server = await startHttps({
      ...{ host, port, portFlag: "--webhook-port", maxOctets: MAX_OCTETS },
      routes: { [VALIDATE_PATH]: (body) => (webhook as Webhook).#answer(body) },
      large: LARGE,
      busy: () => (webhook as Webhook).#busy(),
      maxConnections: MAX_CONNECTIONS,
      dropped: () => ports.metrics.failed("busy"), // Why no line: whoever connects for ever would write as many
      failed: (error) => ports.log.error("the webhook failed", { reason: error.message }),
    });
    webhook = new Webhook(options, ports, server);
    return webhook;
  }

  private constructor(options: WebhookOptions, ports: WebhookPorts, server: HttpsServer) {
    const { namespace, service, secret, configuration, certificateLifeMs } = options;
    this.#options = options;
    this.#ports = ports;
    this.#server = server;
    this.#keeper = new CertificateKeeper(
      {
        ...{ namespace, secret, configuration, servingLifeMs: certificateLifeMs },
        hostNames: [`${service}.${namespace}.svc`],
      },
      { ...ports, present: (serving) => server.present(serving) },
    );
    this.#world = new SharedRead(() => this.#read());
    ports.metrics.watch(() => this.#keeper.expiresAt);
  }

  get port(): number {
    return this.#server.port;
  }

  /** What readiness waits for: else a rollout would leave the API server with nobody to ask. */
  get notReady(): readonly string[] {
    return this.#keeper.isSettled ? [] : ["the certificate of the webhook"];
  }

  /** Resolves once aborted; rejects only with a bug of ours. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#keeper.run(signal);
  }

  /** Answers what has begun, then lets nobody connect. */
  async close(): Promise<void> {
    await this.#server.close();
  }

  /** Counted from the question: whoever asks while others are read for waits for them first. */
  async #worldInTime(): Promise<World> {
    const late = Promise.withResolvers<never>();
    const cancel = this.#whenLate((why) => late.reject(why));
    try {
      return await Promise.race([this.#world.ask(), late.promise]);
    } finally {
      cancel();
    }
  }

  #whenLate(then: (why: ApiError) => void): () => void {
    const { clock } = this.#ports;
    const withinMs = this.#options.timeoutMs * READ_WITHIN;
    const why = new ApiError(0, "TimedOut", `no answer within ${withinMs} ms`);
    return clock.at(clock.now() + withinMs, () => then(why));
  }

  async #read(): Promise<World> {
    const { client } = this.#ports;
    const abort = new AbortController();
    const cancel = this.#whenLate((why) => abort.abort(why));
    try {
      return await readWorld(client, this.#options, abort.signal);
    } finally {
      cancel();
    }
  }

  async #answer(body: unknown): Promise<Answer> {
    if (this.#questions >= MAX_QUESTIONS) return this.#busy();
    this.#questions += 1;
    try {
      const question = readReview(body);
      return { status: 200, body: this.#judge(question, await this.#worldInTime()) };
    } catch (error) {
      if (error instanceof ReviewError) return this.#fail(400, "senseless", error.message);
      if (error instanceof ApiError) {
        return this.#fail(503, "unreadable", `cannot read what there is: ${error.message}`);
      }
      throw error;
    } finally {
      this.#questions -= 1;
    }
  }

  #judge(question: Question, world: World): object {
    const { change } = question;
    const { namespace, danglingReferences } = this.#options;
    const verdict = judge(change, world, namespace, danglingReferences);
    const allowed = verdict.refused.length === 0;
    this.#ports.metrics.answered(allowed);
    if (!allowed) {
      const { operation, plural, object } = change;
      const mistakes = verdict.refused.map(({ path, message }) => `${path}: ${message}`);
      this.#ports.log.info("refused a change", { operation, plural, name: object.metadata.name, mistakes });
    }
    return answerTo(question, verdict);
  }

  #busy(): Answer {
    return this.#fail(503, "busy", "too many questions at once");
  }

  #fail(status: number, reason: Parameters<WebhookMetrics["failed"]>[0], message: string): Answer {
    this.#ports.metrics.failed(reason);
    this.#ports.log.warn("a change was not judged", { reason, message });
    return { status, body: { status: message } };
  }
}
