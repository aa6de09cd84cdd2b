import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { isPresentable } from "@herald/daemon/https";
import type { CertificateState, EpochMs, Validity } from "./certificate-plan.ts";

/** What the Secret holds, all in PEM. */
export interface CertificateFiles {
  /** Whom callers are to believe, the newest first. */
  readonly authorities: string;
  /** Of the newest authority. */
  readonly authorityKey: string;
  readonly certificate: string;
  readonly key: string;
}

/** As in a Secret of type kubernetes.io/tls, for people who look. */
const DATA_KEYS = {
  authorities: "ca.crt",
  authorityKey: "ca.key",
  certificate: "tls.crt",
  key: "tls.key",
} as const satisfies Record<keyof CertificateFiles, string>;

/** Base64 as a Secret's `data`. */
export function toSecretData(files: CertificateFiles): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(DATA_KEYS).map(([name, key]) => [
      key,
      Buffer.from(files[name as keyof CertificateFiles]).toString("base64"),
    ]),
  );
}

/** What there is, as far as it is of use: what somebody else has put there may be anything. */
export interface Certificates {
  readonly state: Omit<CertificateState, "publishedAt">;
  /** All of them, the same on every replica, whatever time it has: so no two undo what the other publishes. */
  readonly published: string;
  /** Without the older ones that have expired; "" when there are none. */
  readonly authorities: string;
  /** Of the newest authority; `undefined` with none. */
  readonly signer: { readonly certificate: string; readonly key: string } | undefined;
  /** What to serve with; `undefined` as in the state. */
  readonly serving: { readonly certificate: string; readonly key: string } | undefined;
}

export const NO_CERTIFICATES: Certificates = {
  state: { authorities: [], serving: undefined },
  published: "",
  authorities: "",
  signer: undefined,
  serving: undefined,
};

/** @param hostNames that the certificate must be for. */
export function readSecretData(
  data: Readonly<Record<string, string>>,
  hostNames: readonly string[],
  now: EpochMs,
): Certificates {
  const text = (file: keyof CertificateFiles) =>
    Buffer.from(data[DATA_KEYS[file]] ?? "", "base64").toString("utf8");
  const published = certificatesIn(text("authorities"));
  const [newest] = published;
  const signerKey = keyOf(newest, text("authorityKey"));
  if (newest === undefined || !canSign(signerKey)) return NO_CERTIFICATES;
  const chain = published.filter((each) => each === newest || each.validToDate.getTime() > now);
  const [certificate] = certificatesIn(text("certificate"));
  const issuer = chain.find((authority) => certificate !== undefined && isIssuedBy(certificate, authority));
  const isOurs = hostNames.every((name) => certificate?.checkHost(name) !== undefined);
  const isUsable = isOurs && keyOf(certificate, text("key")) !== undefined;
  const usable =
    isUsable && certificate && issuer && isPresentable({ certificate: String(certificate), key: text("key") })
      ? { certificate, issuer }
      : undefined;
  return {
    state: {
      authorities: chain.map(validityOf),
      serving: usable && { ...validityOf(usable.certificate), authority: usable.issuer.fingerprint256 },
    },
    published: published.map(String).join(""),
    authorities: chain.map(String).join(""),
    signer: { certificate: String(newest), key: text("authorityKey") },
    serving: usable && { certificate: String(usable.certificate), key: text("key") },
  };
}

const PEM = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** More than there are while one takes the place of another; a bound on what somebody may put there. */
const MAX_AUTHORITIES = 4;

function certificatesIn(text: string): readonly X509Certificate[] {
  return (text.match(PEM) ?? []).slice(0, MAX_AUTHORITIES).flatMap((pem) => {
    try {
      return [new X509Certificate(pem)];
    } catch (error) {
      if (error instanceof Error) return [];
      throw error;
    }
  });
}

/** @returns `undefined` unless it is the key of the certificate. */
function keyOf(certificate: X509Certificate | undefined, pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return certificate?.checkPrivateKey(key) ? key : undefined;
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

/** Whether it is a key as we make them: with no other we can sign. */
function canSign(key: KeyObject | undefined): boolean {
  return key?.asymmetricKeyType === "ec" && key.asymmetricKeyDetails?.namedCurve === "prime256v1";
}

function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function validityOf({ fingerprint256, validFromDate, validToDate }: X509Certificate): Validity {
  return { id: fingerprint256, validFrom: validFromDate.getTime(), validTo: validToDate.getTime() };
}
