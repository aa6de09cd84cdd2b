import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { Agent, request } from "node:https";
import { connect, type Socket } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { createLog } from "@herald/daemon/log";
import { ApiError } from "@herald/k8s/api";
import { FakeApi } from "@herald/k8s/fake";
import {
  configMapsPath,
  metallbPath,
  namespacesPath,
  nodesPath,
  objectPath,
  secretsPath,
} from "@herald/k8s/paths";
import { webhookConfigurationsPath } from "@herald/k8s/webhook-configuration";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { Registry } from "prom-client";
import { BACKDATED_MS, livesOf } from "./certificate-plan.ts";
import { readSecretData, toSecretData } from "./certificate-secret.ts";
import { renew, startOver } from "./make-certificates.ts";
import { VALIDATE_PATH, Webhook } from "./webhook.ts";
import { createWebhookMetrics } from "./webhook-metrics.ts";

const HOME = "metallb-system";
const HOST = `herald-webhook.${HOME}.svc`;
const SECRET = objectPath(secretsPath(HOME), "herald-webhook-cert");
const CONFIGURATION = objectPath(webhookConfigurationsPath(), "herald-webhook");
const DAY = 86_400_000;
const HALF_AN_HOUR = 1_800_000;
const LIFE_MS = 90 * DAY;
const TIMEOUT_MS = 10_000;

interface StoredSecret {
  readonly data?: Readonly<Record<string, string>>;
}

interface StoredConfiguration {
  readonly webhooks: readonly {
    readonly rules: readonly string[];
    readonly clientConfig: { caBundle?: string };
  }[];
}

class CountingClock extends VirtualClock {
  waits = 0; // since the start

  override at(due: number, callback: () => void): () => void {
    this.waits += 1;
    return super.at(due, callback);
  }
}

/** An API server in memory, with the chart's Secret and ValidatingWebhookConfiguration. */
class World {
  readonly clock = new CountingClock();
  readonly api = new FakeApi({ clock: this.clock });
  readonly lines: string[] = [];
  readonly #startMs = Date.now(); // TLS looks at the real time

  constructor() {
    this.api.put(SECRET, { metadata: { namespace: HOME } });
    const webhooks = ["a", "b"].map((name) => ({ name, rules: [name], clientConfig: { service: {} } }));
    this.api.put(CONFIGURATION, { webhooks });
  }

  get epochMs(): number {
    return this.#startMs + this.clock.now();
  }

  async start(t: TestContext, skewMs = 0, danglingReferences: "Warn" | "Refuse" = "Warn"): Promise<Replica> {
    const stop = new AbortController();
    const registry = new Registry();
    const webhook = await Webhook.start(
      {
        ...{ host: "127.0.0.1", port: 0, namespace: HOME, configName: "config", service: "herald-webhook" },
        ...{ secret: "herald-webhook-cert", configuration: "herald-webhook", certificateLifeMs: LIFE_MS },
        ...{ timeoutMs: TIMEOUT_MS, danglingReferences },
      },
      {
        client: this.api,
        clock: this.clock,
        random: new SeededRandom(1),
        epochMs: () => this.epochMs + skewMs,
        log: createLog({ level: "info", program: "controller", write: (line) => this.lines.push(line) }),
        metrics: createWebhookMetrics(registry),
      },
    );
    const running = webhook.run(stop.signal);
    t.after(async () => {
      stop.abort();
      await Promise.all([running, webhook.close()]);
    });
    return { webhook, registry };
  }

  secret(file: string): string {
    const { data = {} } = this.api.peek<StoredSecret>(SECRET) ?? {};
    return Buffer.from(data[file] ?? "", "base64").toString("utf8");
  }

  /** Whom the API server believes. */
  get believed(): string {
    const { webhooks = [] } = this.api.peek<StoredConfiguration>(CONFIGURATION) ?? {};
    const [one, ...others] = webhooks.map(({ clientConfig }) => clientConfig.caBundle ?? "");
    for (const other of others) assert.equal(other, one);
    return Buffer.from(one ?? "", "base64").toString("utf8");
  }

  /** Lets virtual time pass, and what takes real time in it. */
  async pass(durationMs: number): Promise<void> {
    const end = this.clock.now() + durationMs;
    for (let at = this.clock.now(); at < end; ) {
      at = Math.min(end, Math.max(at + 1, this.clock.nextDue() ?? end));
      this.clock.runUntil(at);
      await this.quiet();
    }
  }

  /** Keys are made elsewhere, so that nothing here says when they are done. */
  async quiet(): Promise<void> {
    for (let turns = 0, seen = -1; turns < 40; turns += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      if (this.api.requests.length !== seen) turns = 0;
      seen = this.api.requests.length;
    }
  }

  async until(what: string, holds: () => boolean): Promise<void> {
    const due = performance.now() + 60_000;
    while (!holds()) {
      assert.ok(performance.now() < due, what);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async ready({ webhook }: Replica): Promise<void> {
    await this.until("the webhook is ready and believed", () => {
      return webhook.notReady.length === 0 && this.believed !== "" && this.believed === this.secret("ca.crt");
    });
  }
}

interface Replica {
  readonly webhook: Webhook;
  readonly registry: Registry;
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
  /** Of the certificate that was shown, or that it was an older connection. */
  readonly fingerprint: string;
}

const AS_BEFORE = "as before";

/** Asks as the API server does: by the name of the Service, and believing nobody but the bundle. */
async function ask(
  { webhook }: Replica,
  ca: string,
  body: string | object,
  options: { readonly agent?: Agent; readonly path?: string } = {},
): Promise<Reply> {
  const { agent = new Agent(), path = VALIDATE_PATH } = options;
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const asked = request({
    ...{ host: "127.0.0.1", port: webhook.port, servername: HOST, ca, agent, path, method: "POST" },
    headers: { "content-type": "application/json", "content-length": Buffer.byteLength(text) },
  });
  asked.end(text);
  const [response] = await once(asked, "response");
  const shown = (): X509Certificate => response.socket.getPeerX509Certificate();
  const fingerprint = asked.reusedSocket ? AS_BEFORE : shown().fingerprint256;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  if (options.agent === undefined) agent.destroy();
  return { status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()), fingerprint };
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** What a server in this process is asked from now on, as it comes. */
function exchanges(t: TestContext): readonly Exchange[] {
  const seen: Exchange[] = [];
  const note = (exchange: unknown): void => void seen.push(exchange as Exchange);
  subscribe("http.server.request.start", note);
  t.after(() => unsubscribe("http.server.request.start", note));
  return seen;
}

/** How many were read to their end. */
function readIn(seen: readonly Exchange[]): number {
  return seen.filter(({ request }) => request.readableEnded).length;
}

/** Begins to ask, and sends nothing of the body. */
async function announce({ webhook }: Replica, ca: string, headers: OutgoingHttpHeaders): Promise<number> {
  const asked = request({
    ...{ host: "127.0.0.1", port: webhook.port, servername: HOST, ca, path: VALIDATE_PATH, method: "POST" },
    ...{ agent: false, headers: { "content-type": "application/json", ...headers } },
  });
  asked.flushHeaders();
  const [{ statusCode }] = await once(asked, "response");
  asked.on("error", () => {}); // that it is over before its body is sent
  asked.destroy();
  return statusCode;
}

function review(operation: string, plural: string, name: string, spec: object, request: object = {}): object {
  const object = { apiVersion: "metallb.io/v1beta1", kind: "K", metadata: { name, uid: "1" }, spec };
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      ...{ uid: "u-1", operation, namespace: HOME, name, dryRun: true, userInfo: {} },
      resource: { group: "metallb.io", version: "v1beta1", resource: plural },
      object: operation === "DELETE" ? null : object,
      oldObject: operation === "CREATE" ? null : object,
      ...request,
    },
  };
}

const poolPath = (name: string) => objectPath(metallbPath("ipaddresspools", HOME), name);

describe("the webhook", () => {
  it("judges a change beside what the API server has at that moment, and writes nothing", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const ca = world.believed;
    const good = review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] });
    const said = async () => (await ask(replica, ca, good)).body;
    const allowed = { uid: "u-1", allowed: true };
    const review1 = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" };
    assert.deepEqual(await said(), { ...review1, response: allowed });
    world.api.put(poolPath("a"), { metadata: { namespace: HOME }, spec: { addresses: ["192.0.2.0/24"] } });
    const message = '"192.0.2.7/32" overlaps "192.0.2.0/24" (IPAddressPool a: spec.addresses[0])';
    const field = "IPAddressPool b: spec.addresses[0]";
    world.api.requests.length = 0;
    assert.deepEqual(await said(), {
      ...review1,
      response: {
        uid: "u-1",
        allowed: false,
        status: {
          ...{ status: "Failure", code: 422, reason: "Invalid", message: `${field}: ${message}` },
          details: {
            ...{ group: "metallb.io", kind: "IPAddressPool", name: "b" },
            causes: [{ reason: "FieldValueInvalid", field, message }],
          },
        },
      },
    });
    assert.deepEqual([...new Set(world.api.requests.map(({ method }) => method))].sort(), ["GET", "LIST"]);
    assert.match(
      await replica.registry.metrics(),
      /requests_total\{allowed="true"\} 1\n.*requests_total\{allowed="false"\} 1\n/,
    );
  });

  it("reads but the metadata of what is there by the thousand", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const listPage = t.mock.method(world.api, "listPage");
    await ask(
      replica,
      world.believed,
      review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] }),
    );
    const lists = listPage.mock.calls.map(({ arguments: [path, { metadataOnly }] }) => ({
      path,
      metadataOnly,
    }));
    assert.deepEqual(
      lists.filter(({ metadataOnly }) => metadataOnly).map(({ path }) => path),
      [namespacesPath(), nodesPath()],
    );
    assert.equal(lists.length, 8);
  });

  it("warns of what is not there yet, and of the ConfigMap's pools", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const config = "address-pools: [{name: old, protocol: layer2, addresses: [192.0.2.0/24]}]";
    world.api.put(objectPath(configMapsPath(HOME), "config"), {
      metadata: { namespace: HOME },
      data: { config },
    });
    const response = async (...args: Parameters<typeof review>) =>
      ((await ask(replica, world.believed, review(...args))).body as { response: object }).response;
    assert.deepEqual(await response("CREATE", "l2advertisements", "l2", { ipAddressPools: ["x"] }), {
      ...{ uid: "u-1", allowed: true },
      warnings: ['L2Advertisement l2: spec.ipAddressPools[0]: there is no IPAddressPool "x"'],
    });
    const { warnings } = (await response("CREATE", "ipaddresspools", "b", {
      addresses: ["192.0.2.7/32"],
    })) as { readonly warnings: readonly string[] };
    assert.match(JSON.stringify(warnings), /of pool \\"old\\" in the ConfigMap's address-pools/);
  });

  it("refuses what is not there yet where it is told to", async (t) => {
    const world = new World();
    const replica = await world.start(t, 0, "Refuse");
    await world.ready(replica);
    const asked = review("CREATE", "l2advertisements", "l2", { ipAddressPools: ["x"] });
    const { response } = (await ask(replica, world.believed, asked)).body as {
      readonly response: { readonly allowed: boolean; readonly status: { readonly details: object } };
    };
    const field = "L2Advertisement l2: spec.ipAddressPools[0]";
    assert.deepEqual(
      [response.allowed, response.status.details],
      [
        false,
        {
          ...{ group: "metallb.io", kind: "L2Advertisement", name: "l2" },
          causes: [{ reason: "FieldValueInvalid", field, message: 'there is no IPAddressPool "x"' }],
        },
      ],
    );
  });

  it("reads the object of a deletion from what it was", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    world.api.put(objectPath(metallbPath("bfdprofiles", HOME), "fast"), { metadata: { namespace: HOME } });
    world.api.put(objectPath(metallbPath("bgppeers", HOME, "v1beta2"), "tor"), {
      metadata: { namespace: HOME },
      spec: { myASN: 1, peerASN: 2, peerAddress: "10.0.0.1", bfdProfile: "fast" },
    });
    const { body } = await ask(replica, world.believed, review("DELETE", "bfdprofiles", "fast", {}));
    assert.match(
      JSON.stringify(body),
      /cannot be deleted while it is named by BGPPeer tor: spec\.bfdProfile/,
    );
  });

  it("answers 400 to what is no question of an API server, and says nothing of what is in it", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const asked = async (body: object) => await ask(replica, world.believed, body);
    const nonsense = await asked({ password: "secret" });
    assert.deepEqual(
      [nonsense.status, nonsense.body],
      [400, { status: "no AdmissionReview of a kind that is judged here: see apiVersion, kind, request" }],
    );
    const pods = review("CREATE", "pods", "p", { password: "secret" });
    assert.deepEqual((await asked(pods)).body, {
      status: "no AdmissionReview of a kind that is judged here: see request.resource.resource",
    });
    const nothing = review("UPDATE", "bgppeers", "p", {}, { object: null });
    assert.deepEqual((await asked(nothing)).body, {
      status: "no AdmissionReview of a kind that is judged here: UPDATE of no object",
    });
    assert.equal((await asked([])).status, 400);
    assert.doesNotMatch(world.lines.join("\n"), /secret\b(?!-)/);
    assert.match(await replica.registry.metrics(), /failures_total\{reason="senseless"\} 4\n/);
  });

  it("refuses bodies that are too large, and paths it does not know", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const length = 4 * 1024 * 1024 + 1;
    assert.equal(await announce(replica, world.believed, { "content-length": length }), 413);
    assert.deepEqual(await ask(replica, world.believed, "{").then(({ status }) => status), 400);
    const elsewhere = await ask(replica, world.believed, {}, { path: "/" });
    assert.deepEqual(
      [elsewhere.status, elsewhere.body],
      [404, { status: "not found", paths: ["/validate"] }],
    );
  });

  it("answers 503 when it cannot read what there is, so that the failurePolicy decides", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const ca = world.believed;
    world.api.failNext(1, new ApiError(500, "InternalError", "no"), ({ path }) => path.includes("bgppeers"));
    const question = review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] });
    const { status, body } = await ask(replica, ca, question);
    assert.deepEqual([status, body], [503, { status: "cannot read what there is: InternalError: no" }]);
    assert.equal((await ask(replica, ca, question)).status, 200);
    assert.match(await replica.registry.metrics(), /failures_total\{reason="unreadable"\} 1\n/);
  });
});

describe("the webhook, while the API server does not answer", () => {
  it("keeps 64 waiting for four fifths of its patience, and sends others away at once", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const ca = world.believed;
    const question = review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] });
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    world.api.setHanging(true);
    const answered: Reply[] = [];
    const asked = Array.from({ length: 65 }, async () => {
      answered.push(await ask(replica, ca, question, { agent }));
    });
    await world.until("one is sent away", () => answered.length > 0);
    assert.deepEqual(
      answered.map(({ status, body }) => [status, body]),
      [[503, { status: "too many questions at once" }]],
    );
    await world.pass(7_999);
    assert.equal(answered.length, 1);
    await world.pass(1);
    await world.until("all are answered", () => answered.length === 65);
    await Promise.all(asked);
    const late = "cannot read what there is: TimedOut: no answer within 8000 ms";
    assert.deepEqual(
      [...new Set(answered.slice(1).map(({ body }) => JSON.stringify(body)))],
      [JSON.stringify({ status: late })],
    );
    assert.match(await replica.registry.metrics(), /failures_total\{reason="unreadable"\} 64\n/);
  });

  it("keeps four large ones at once, and sends others away before it reads them", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const ca = world.believed;
    const question = (octets: number): object =>
      review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"], padding: "x".repeat(octets) });
    const seen = exchanges(t);
    const agents = Array.from({ length: 4 }, () => new Agent());
    world.api.setHanging(true);
    for (const agent of agents) ask(replica, ca, question(65_536), { agent }).catch(() => {});
    await world.until("all are read", () => readIn(seen) === 4);
    for (const agent of agents) agent.destroy(); // who asked is gone, and what was asked is not
    await world.until("all are gone", () => seen.every(({ response }) => response.closed));
    assert.equal(await announce(replica, ca, { "content-length": 65_537 }), 503);
    assert.equal(await announce(replica, ca, { "transfer-encoding": "chunked" }), 503);
    const small = ask(replica, ca, question(1_000));
    await world.until("a small one is read", () => readIn(seen) === 5);
    world.api.setHanging(false);
    await world.pass(9_000);
    await small;
    assert.equal((await ask(replica, ca, question(65_536))).status, 200);
    assert.match(await replica.registry.metrics(), /failures_total\{reason="busy"\} 2\n/);
  });

  it("closes what is one connection too many", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const connections: Socket[] = [];
    const open = async (): Promise<Socket> => {
      const connection = connect({ host: "127.0.0.1", port: replica.webhook.port });
      connections.push(connection);
      await once(connection, "connect");
      return connection;
    };
    for (let opened = 0; opened < 256; opened += 1) await open(); // in turn: the last one to come is one too many
    const last = await open();
    last.on("error", () => {}); // or it is reset
    await new Promise((resolve) => last.once("close", resolve));
    assert.match(await replica.registry.metrics(), /failures_total\{reason="busy"\} 1\n/);
    assert.deepEqual(
      connections.filter(({ destroyed }) => destroyed),
      [last],
    );
    for (const connection of connections) connection.destroy();
  });

  it("counts from the question, also for one that waits until others have been read for", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    const ca = world.believed;
    const question = review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] });
    world.api.setHanging(true);
    const answered: string[] = [];
    const asking = async (name: string): Promise<void> => {
      const before = world.clock.waits;
      ask(replica, ca, question).then(({ status }) => answered.push(`${name}: ${status}`));
      await world.until("it has come", () => world.clock.waits > before);
    };
    await asking("first");
    await world.pass(3_000);
    await asking("second");
    await world.pass(4_500);
    assert.deepEqual(answered, []);
    await world.pass(1_000);
    await world.until("the first is answered", () => answered.length > 0);
    assert.deepEqual(answered, ["first: 503"]);
    await world.pass(3_000); // 11.5 s: the second came at 3 s
    await world.until("the second is answered", () => answered.length > 1);
    assert.deepEqual(answered, ["first: 503", "second: 503"]);
  });
});

describe("the certificate of the webhook", () => {
  it("is made once by replicas that start together, and both serve with it", async (t) => {
    const world = new World();
    const replicas = await Promise.all([world.start(t), world.start(t)]);
    for (const replica of replicas) await world.ready(replica);
    const question = review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] });
    const shown = await Promise.all(replicas.map((each) => ask(each, world.believed, question)));
    const { fingerprint256, validFromDate, subjectAltName } = new X509Certificate(world.secret("tls.crt"));
    assert.deepEqual(
      shown.map(({ fingerprint }) => fingerprint),
      [fingerprint256, fingerprint256],
    );
    assert.equal(subjectAltName, `DNS:${HOST}`);
    assert.ok(validFromDate.getTime() <= world.epochMs - BACKDATED_MS + 1_000); // for slow clocks
    assert.equal(world.secret("ca.crt").match(/BEGIN/g)?.length, 1);
    const said = world.lines.filter((line) => /made a certificate|cannot keep/.test(line));
    assert.equal(said.length, 1, said.join("\n")); // who comes second says nothing of it
  });

  it("leaves the rest of the ValidatingWebhookConfiguration as it was", async (t) => {
    const world = new World();
    await world.ready(await world.start(t));
    const { webhooks = [] } = world.api.peek<StoredConfiguration>(CONFIGURATION) ?? {};
    assert.deepEqual(
      webhooks.map(({ rules }) => rules),
      [["a"], ["b"]],
    );
  });

  it("is believed again after somebody has put the ValidatingWebhookConfiguration back", async (t) => {
    const world = new World();
    const replica = await world.start(t);
    await world.ready(replica);
    world.api.put(CONFIGURATION, { webhooks: [{ name: "a", rules: ["a"], clientConfig: {} }] });
    await world.ready(replica);
  });

  it("is replaced at two thirds of its life, under connections that go on", async (t) => {
    const world = new World();
    const now = world.epochMs - 60 * DAY + HALF_AN_HOUR;
    const data = toSecretData(await startOver({ hostNames: [HOST], lives: livesOf(LIFE_MS), now }));
    world.api.put(SECRET, { metadata: { namespace: HOME }, data });
    const replica = await world.start(t);
    await world.ready(replica);
    const ca = world.believed;
    const old = world.secret("tls.crt");
    const question = review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] });
    const agent = new Agent({ keepAlive: true });
    await ask(replica, ca, question, { agent });
    await world.pass(HALF_AN_HOUR - 2_000);
    assert.equal((await ask(replica, ca, question)).fingerprint, new X509Certificate(old).fingerprint256);
    await world.pass(3_000);
    await world.until("a new certificate", () => world.secret("tls.crt") !== old);
    await world.quiet();
    const { fingerprint256, validToDate } = new X509Certificate(world.secret("tls.crt"));
    assert.equal((await ask(replica, ca, question)).fingerprint, fingerprint256);
    const kept = await ask(replica, ca, question, { agent });
    agent.destroy();
    assert.deepEqual([kept.status, kept.fingerprint], [200, AS_BEFORE]);
    assert.equal(world.believed, ca);
    const gauge = await replica.registry.metrics();
    assert.match(gauge, new RegExp(`expiry_timestamp_seconds ${validToDate.getTime() / 1000}\n`));
  });

  it("comes from a new authority only after the API server has believed it for an hour", async (t) => {
    const world = new World();
    const issued = { hostNames: [HOST], lives: livesOf(LIFE_MS) };
    const old = await startOver({ ...issued, now: world.epochMs - 250 * DAY });
    const known = readSecretData(toSecretData(old), [HOST], world.epochMs);
    const data = toSecretData(await renew(known, { ...issued, now: world.epochMs }));
    world.api.put(SECRET, { metadata: { namespace: HOME }, data });
    const serving = world.secret("tls.crt");
    const replica = await world.start(t);
    await world.until("two to believe", () => world.believed.match(/BEGIN/g)?.length === 2);
    assert.equal(world.believed, world.secret("ca.crt"));
    const [authority = ""] = world.believed.split(/(?<=END CERTIFICATE-----\n)/);
    await world.pass(2 * HALF_AN_HOUR - 1_000);
    assert.equal(world.secret("tls.crt"), serving);
    const question = review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] });
    assert.equal((await ask(replica, world.believed, question)).status, 200);
    await world.pass(2_000);
    await world.until("a certificate of the new one", () => world.secret("tls.crt") !== serving);
    const served = new X509Certificate(world.secret("tls.crt"));
    assert.ok(served.verify(new X509Certificate(authority).publicKey));
    assert.equal(world.believed.match(/BEGIN/g)?.length, 2);
  });

  it("is replaced when it has expired, or is for another name, or is no certificate at all", async (t) => {
    const world = new World();
    const lives = livesOf(LIFE_MS);
    const of = async (hostNames: readonly string[], now: number) =>
      toSecretData(await startOver({ hostNames, lives, now }));
    const good = await of([HOST], world.epochMs);
    for (const data of [
      await of([HOST], world.epochMs - LIFE_MS - 1),
      await of(["other.svc"], world.epochMs),
      { ...good, "tls.key": (await of([HOST], world.epochMs))["tls.key"] },
      { "tls.crt": Buffer.from("nonsense").toString("base64") },
    ]) {
      world.api.put(SECRET, { metadata: { namespace: HOME }, data });
      const replica = await world.start(t);
      await world.ready(replica);
      const question = review("CREATE", "ipaddresspools", "b", { addresses: ["192.0.2.7/32"] });
      assert.equal((await ask(replica, world.believed, question)).status, 200);
    }
  });

  it("is taken over as it is by a replica whose clock is half an hour off", async (t) => {
    const world = new World();
    const first = await world.start(t);
    await world.ready(first);
    const made = world.secret("tls.crt");
    for (const skewMs of [-1_800_000, 1_800_000]) {
      const replica = await world.start(t, skewMs);
      await world.ready(replica);
      await world.quiet();
      assert.equal(world.secret("tls.crt"), made);
    }
  });

  it("is not waited for where there are no rights to it", async (t) => {
    const world = new World();
    const refused = new ApiError(403, "Forbidden", "no");
    world.api.failNext(100, refused, ({ path }) => path.includes("/secrets"));
    const { webhook } = await world.start(t);
    assert.deepEqual(webhook.notReady, ["the certificate of the webhook"]);
    await world.pass(10_000);
    assert.deepEqual(webhook.notReady, []);
    assert.equal(world.lines.filter((line) => line.includes("no rights")).length, 1);
  });
});
