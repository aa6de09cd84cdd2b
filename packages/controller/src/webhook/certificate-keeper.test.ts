import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createLog } from "@herald/daemon/log";
import { ApiError } from "@herald/k8s/api";
import { FakeApi } from "@herald/k8s/fake";
import { objectPath, secretsPath } from "@herald/k8s/paths";
import { webhookConfigurationsPath } from "@herald/k8s/webhook-configuration";
import { SeededRandom } from "@herald/lab/random";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { CertificateKeeper, type CertificateKeeperPorts } from "./certificate-keeper.ts";
import { livesOf } from "./certificate-plan.ts";
import { toSecretData } from "./certificate-secret.ts";
import { startOver } from "./make-certificates.ts";

const HOME = "metallb-system";
const HOST = `herald-webhook.${HOME}.svc`;
const SECRET = objectPath(secretsPath(HOME), "cert");
const CONFIGURATION = objectPath(webhookConfigurationsPath(), "herald-webhook");
const DAY = 86_400_000;
const LIVES = livesOf(90 * DAY);
const NOW = Date.UTC(2026, 0, 1);

/** An API server in memory with a good certificate, and keepers of it. */
class World {
  readonly clock = new VirtualClock();
  readonly api = new FakeApi({ clock: this.clock });
  readonly lines: string[] = [];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];

  async fill(now = NOW): Promise<void> {
    const data = toSecretData(await startOver({ hostNames: [HOST], lives: LIVES, now }));
    this.api.put(SECRET, { metadata: { namespace: HOME }, data });
  }

  keep({ skewMs = 0, ...ports }: Partial<CertificateKeeperPorts> & { readonly skewMs?: number }) {
    const keeper = new CertificateKeeper(
      {
        ...{ namespace: HOME, secret: "cert", configuration: "herald-webhook" },
        ...{ hostNames: [HOST], servingLifeMs: LIVES.servingMs },
      },
      {
        client: this.api,
        clock: this.clock,
        random: new SeededRandom(1),
        epochMs: () => NOW + this.clock.now() + skewMs,
        log: createLog({ level: "info", program: "controller", write: (line) => this.lines.push(line) }),
        present: () => {},
        ...ports,
      },
    );
    this.#running.push(keeper.run(this.#stop.signal));
    return keeper;
  }

  /** Lets virtual time pass, and what takes real time in it. */
  async pass(durationMs: number): Promise<void> {
    const end = this.clock.now() + durationMs;
    for (let at = this.clock.now(); at < end; ) {
      at = Math.min(end, Math.max(at + 1, this.clock.nextDue() ?? end));
      this.clock.runUntil(at);
      for (let turns = 0; turns < 40; turns += 1) await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Keys are made in real time. */
  async until(holds: () => boolean): Promise<void> {
    const due = performance.now() + 60_000;
    while (!holds()) {
      assert.ok(performance.now() < due, holds.toString());
      await this.pass(1_000);
    }
  }

  get isTold(): boolean {
    return JSON.stringify(this.api.peek(CONFIGURATION)).includes("caBundle");
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}

describe("the keeper of the certificate", () => {
  it("outlives what it did not expect, says it and tries again", async () => {
    const world = new World();
    await world.fill();
    world.api.put(CONFIGURATION, { webhooks: [{ name: "a", clientConfig: {} }] });
    let presented = 0;
    const keeper = world.keep({
      present: () => {
        presented += 1;
        if (presented === 1) throw new Error("ee key too small");
      },
    });
    await world.pass(10_000);
    assert.deepEqual([presented, keeper.isSettled], [1, false]);
    assert.match(
      world.lines.join(""),
      /"reason":"ee key too small".*cannot keep the certificate of the webhook/,
    );
    await world.pass(30_000);
    assert.deepEqual([presented, keeper.isSettled], [2, true]);
    await world.stop();
  });

  it("writes but now and then while another's clock is years ahead", async () => {
    const world = new World();
    await world.fill();
    world.api.put(CONFIGURATION, { webhooks: [{ name: "a", clientConfig: {} }] });
    for (const skewMs of [0, 1_000 * DAY]) world.keep({ skewMs });
    const writes = () => world.lines.filter((line) => line.includes("made a certificate")).length;
    await world.until(() => writes() >= 6);
    await world.stop();
    assert.ok(world.clock.now() >= 20_000, `${world.clock.now()} ms`); // three times each
  });

  it("tells the API server once of an old authority that has expired by one replica's clock alone", async () => {
    const world = new World();
    const issued = { hostNames: [HOST], lives: LIVES };
    const old = await startOver({ ...issued, now: NOW - LIVES.authorityMs });
    const fresh = await startOver({ ...issued, now: NOW });
    const data = toSecretData({ ...fresh, authorities: fresh.authorities + old.authorities });
    world.api.put(SECRET, { metadata: { namespace: HOME }, data });
    world.api.put(CONFIGURATION, { webhooks: [{ name: "a", clientConfig: {} }] });
    let told = 0;
    const over = new ApiError(429, "TooManyRequests", "enough"); // else they would go on within one moment
    world.api.failNext(100, over, ({ method, path }) => {
      if (method === "PATCH" && path === CONFIGURATION) told += 1;
      return told > 10;
    });
    for (const skewMs of [-DAY / 48, DAY / 48]) world.keep({ skewMs });
    await world.pass(1_000);
    await world.stop();
    assert.ok(told > 0 && told <= 2, `${told} times`); // both may see at once that nothing was said
  });

  for (const { lacks, path } of [
    { lacks: "to make the Secret", path: secretsPath(HOME) },
    { lacks: "to change the ValidatingWebhookConfiguration", path: CONFIGURATION },
  ]) {
    it(`keeps nobody waiting without a right ${lacks}, and does it once there is one`, async () => {
      const world = new World();
      const forbidden = new ApiError(403, "Forbidden", "no");
      const isWrite = (method: string) => method === "POST" || method === "PATCH";
      let isAllowed = false;
      if (path === CONFIGURATION) await world.fill();
      world.api.put(CONFIGURATION, { webhooks: [{ name: "a", clientConfig: {} }] });
      world.api.failNext(100, forbidden, (each) => isWrite(each.method) && each.path === path && !isAllowed);
      const keeper = world.keep({ present: () => assert.ok(isAllowed || path === CONFIGURATION) });
      await world.until(() => keeper.isSettled);
      assert.match(world.lines.join(""), /Forbidden: no.*cannot keep the certificate of the webhook/);
      isAllowed = true;
      await world.until(() => keeper.expiresAt !== undefined && world.isTold);
      await world.stop();
    });
  }

  it("replaces certificates in time though the API server can never be told of their authority", async () => {
    const world = new World();
    await world.fill();
    world.api.put(CONFIGURATION, { webhooks: [{ name: "a", clientConfig: {} }] });
    const isTelling = ({ method, path }: { method: string; path: string }) =>
      method === "PATCH" && path === CONFIGURATION;
    world.api.failNext(1_000_000, new ApiError(403, "Forbidden", "no"), isTelling);
    let laterMs = 0;
    const epochMs = () => NOW + laterMs + world.clock.now();
    const keeper = world.keep({ epochMs });
    await world.until(() => keeper.expiresAt !== undefined);
    for (const days of [61, 122, 183, 244, 305, 366, 427]) {
      laterMs = days * DAY;
      await world.until(() => (keeper.expiresAt ?? 0) > epochMs());
    }
    assert.match(world.lines.join(""), /Forbidden: no.*cannot keep the certificate of the webhook/);
    assert.equal(world.isTold, false);
    await world.stop();
  });
});
