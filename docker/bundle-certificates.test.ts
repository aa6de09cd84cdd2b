import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { bundle } from "./bundle.ts";

type Making = typeof import("../packages/controller/src/webhook/make-certificates.ts");

it("a bundle makes certificates, though their library is CommonJS and wants another one first", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "herald-certificates-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const entries = { make: "packages/controller/src/webhook/make-certificates.ts" };
  await bundle({ entries, addons: [] }, folder);
  const { startOver } = (await import(join(folder, "make.js"))) as Making;
  const lives = { servingMs: 60_000, authorityMs: 60_000, settleMs: 0 };
  const { certificate, authorities } = await startOver({ hostNames: ["a.svc"], lives, now: Date.now() });
  const served = new X509Certificate(certificate);
  assert.equal(served.subjectAltName, "DNS:a.svc");
  assert.ok(served.verify(new X509Certificate(authorities).publicKey));
});
