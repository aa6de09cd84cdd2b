import "reflect-metadata";
import assert from "node:assert/strict";
import { KeyObject, webcrypto } from "node:crypto";
import { describe, it } from "node:test";
import * as x509 from "@peculiar/x509";
import { livesOf, nextStep } from "./certificate-plan.ts";
import {
  type CertificateFiles,
  NO_CERTIFICATES,
  readSecretData,
  toSecretData,
} from "./certificate-secret.ts";
import { startOver } from "./make-certificates.ts";

const HOST = "herald-webhook.metallb-system.svc";
const DAY = 86_400_000;
const NOW = Date.UTC(2026, 0, 1);
const LIVES = livesOf(90 * DAY);

const P256 = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const P384 = { name: "ECDSA", namedCurve: "P-384", hash: "SHA-384" };
const rsa = (modulusLength: number) => ({
  ...{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength },
  publicExponent: new Uint8Array([1, 0, 1]),
});

type Algorithm = typeof P256 | ReturnType<typeof rsa>;

interface Made {
  readonly algorithm: Algorithm;
  readonly certificate: x509.X509Certificate;
  readonly keys: webcrypto.CryptoKeyPair;
}

/** As somebody else's tools make them. An authority signs itself. */
async function make(algorithm: Algorithm, signer?: Made): Promise<Made> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, [
    "sign",
    "verify",
  ])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create({
    subject: signer === undefined ? "CN=somebody" : "CN=webhook",
    issuer: signer?.certificate.subject ?? "CN=somebody",
    notBefore: new Date(NOW - DAY),
    notAfter: new Date(NOW + 360 * DAY),
    signingAlgorithm: signer?.algorithm ?? algorithm,
    publicKey: keys.publicKey,
    signingKey: signer?.keys.privateKey ?? keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(signer === undefined, undefined, true),
      new x509.SubjectAlternativeNameExtension([{ type: "dns", value: HOST }]),
    ],
  });
  return { algorithm, certificate, keys };
}

const keyIn = ({ keys }: Made) =>
  KeyObject.from(keys.privateKey).export({ type: "pkcs8", format: "pem" }).toString();

const filesOf = (authority: Made, serving?: Made): CertificateFiles => ({
  authorities: authority.certificate.toString("pem"),
  authorityKey: keyIn(authority),
  certificate: serving?.certificate.toString("pem") ?? "",
  key: serving === undefined ? "" : keyIn(serving),
});

const read = (files: CertificateFiles, now = NOW) => readSecretData(toSecretData(files), [HOST], now);

const stepFor = (files: CertificateFiles, now = NOW) =>
  nextStep({ ...read(files, now).state, publishedAt: now }, LIVES, now).type;

describe("a Secret that somebody else has filled", () => {
  it("is of no use when its authority signs with another kind of key than ours", async () => {
    for (const algorithm of [rsa(2048), P384]) {
      const authority = await make(algorithm);
      assert.deepEqual(read(filesOf(authority)), NO_CERTIFICATES);
      assert.deepEqual(read(filesOf(authority, await make(algorithm, authority))), NO_CERTIFICATES);
    }
  });

  it("is of use when all in it is as we make it", async () => {
    const authority = await make(P256);
    assert.equal(stepFor(filesOf(authority)), "renew");
    assert.equal(stepFor(filesOf(authority, await make(P256, authority))), "wait");
    assert.equal(stepFor(await startOver({ hostNames: [HOST], lives: LIVES, now: NOW })), "wait");
  });

  it("is made anew when it is from a clock that was years ahead", async () => {
    const files = await startOver({ hostNames: [HOST], lives: LIVES, now: NOW + 1_000 * DAY });
    assert.equal(stepFor(files), "start-over");
    assert.equal(stepFor(files, NOW + 1_000 * DAY), "wait");
  });

  it("has nothing to serve when TLS refuses what is in it", async () => {
    const authority = await make(P256);
    const files = filesOf(authority, await make(rsa(1024), authority));
    assert.deepEqual([read(files).serving, read(files).state.serving], [undefined, undefined]);
    assert.equal(stepFor(files), "renew");
  });
});
