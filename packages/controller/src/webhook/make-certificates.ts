// Who signs certificates. Loaded when one is to be made, once in two months: it costs some megabytes.
import "reflect-metadata"; // which the library wants there first
import {
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  webcrypto,
  X509Certificate,
} from "node:crypto";
import * as x509 from "@peculiar/x509";
import { BACKDATED_MS, type EpochMs, type Lives } from "./certificate-plan.ts";
import type { CertificateFiles, Certificates } from "./certificate-secret.ts";

/** P-256 with SHA-256: what every TLS library knows. */
const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

x509.cryptoProvider.set(webcrypto);

/** A certificate and its key, in PEM. */
interface Pair {
  readonly certificate: string;
  readonly key: string;
}

export interface IssueOptions {
  /** What callers may ask for. */
  readonly hostNames: readonly string[];
  readonly lives: Lives;
  readonly now: EpochMs;
}

/** Everything anew. */
export async function startOver(options: IssueOptions): Promise<CertificateFiles> {
  const authority = await makeAuthority(options);
  const serving = await issue(authority, options);
  return filesOf(authority.certificate, authority, serving);
}

/** One more authority before those there are; what is served stays. */
export async function addAuthority(known: Certificates, options: IssueOptions): Promise<CertificateFiles> {
  const authority = await makeAuthority(options);
  const { certificate = "", key = "" } = known.serving ?? {};
  return filesOf(authority.certificate + known.authorities, authority, { certificate, key });
}

/** A new certificate by the newest authority. */
export async function renew(
  { authorities, signer }: Certificates,
  options: IssueOptions,
): Promise<CertificateFiles> {
  if (signer === undefined) throw new Error("nobody to sign a certificate: start over instead");
  return filesOf(authorities, signer, await issue(signer, options));
}

function filesOf(authorities: string, signer: Pair, serving: Pair): CertificateFiles {
  return { authorities, authorityKey: signer.key, ...serving };
}

async function makeAuthority({ lives, now }: IssueOptions): Promise<Pair> {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: ALGORITHM.namedCurve });
  const keys = { publicKey: toWebKey(publicKey, "verify"), privateKey: toWebKey(privateKey, "sign") };
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Why the time: two authorities that are believed at once should not have one name.
    name: `CN=herald webhook ${new Date(now).toISOString()}`,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now + lives.authorityMs),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: withNewline(certificate.toString("pem")), key: pemOf(privateKey) };
}

async function issue(authority: Pair, { hostNames, lives, now }: IssueOptions): Promise<Pair> {
  const issuer = new x509.X509Certificate(authority.certificate);
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: ALGORITHM.namedCurve });
  const publicWebKey = toWebKey(publicKey, "verify");
  const certificate = await x509.X509CertificateGenerator.create({
    subject: "CN=herald webhook",
    issuer: issuer.subject,
    notBefore: new Date(now - BACKDATED_MS),
    notAfter: new Date(now + lives.servingMs),
    signingAlgorithm: ALGORITHM,
    publicKey: publicWebKey,
    signingKey: toWebKey(createPrivateKey(authority.key), "sign"),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(hostNames.map((value) => ({ type: "dns", value }))),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      await x509.SubjectKeyIdentifierExtension.create(publicWebKey),
    ],
  });
  return { certificate: withNewline(certificate.toString("pem")), key: pemOf(privateKey) };
}

function toWebKey(key: KeyObject, usage: "sign" | "verify"): webcrypto.CryptoKey {
  return key.toCryptoKey(ALGORITHM, true, [usage]);
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

function withNewline(pem: string): string {
  return String(new X509Certificate(pem));
}
