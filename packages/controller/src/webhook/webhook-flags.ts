import { oneOf, wholeNumber } from "@herald/daemon/flags";
import { parseDuration } from "@herald/shared/config/duration";
import { z } from "zod";
import { DANGLING_REFERENCES } from "./judge.ts";
import type { WebhookOptions } from "./webhook.ts";

/** RFC 1035, as names of Services, and good for the other objects as well. */
const objectName = z
  .string()
  .regex(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/, "want a name of lower-case letters, digits and -");

/** TLS knows no parts of a second, and the API server has to hear of a new certificate in time. */
const SHORTEST_LIFE_MS = 10_000;
const LONGEST_LIFE_MS = 10 * 365 * 86_400_000;

function durationWithin(leastMs: number, mostMs: number, range: string): z.ZodType<number, string> {
  return z.string().transform((text, ctx) => {
    const parsed = parseDuration(text);
    if ("milliseconds" in parsed) {
      const { milliseconds } = parsed;
      if (milliseconds >= leastMs && milliseconds <= mostMs) return milliseconds;
    }
    ctx.addIssue({ code: "custom", message: `want a duration ${range}` });
    return z.NEVER;
  });
}

/** Flags of the controller that its webhook goes by; two are called as with MetalLB. */
export const WEBHOOK_FLAGS = {
  "cert-service-name": {
    schema: objectName,
    description: "Service that the API server finds the webhook by: its certificate is for that name.",
    default: "herald-webhook",
    placeholder: "NAME",
  },
  "webhook-certificate-life": {
    schema: durationWithin(SHORTEST_LIFE_MS, LONGEST_LIFE_MS, "from 10s to 87600h"),
    description:
      "How long a certificate of the webhook is good for. It is replaced after two thirds of that, while requests go on.",
    default: "2160h",
    placeholder: "DURATION",
  },
  "webhook-configuration": {
    schema: objectName,
    description:
      "ValidatingWebhookConfiguration whose caBundle is kept, so that the API server believes the webhook.",
    default: "herald-webhook",
    placeholder: "NAME",
  },
  "webhook-dangling-references": {
    schema: oneOf(...DANGLING_REFERENCES),
    description:
      "Warn of a change by which an object names what there is not (pool, peer, profile, alias), so that objects may come and go in any order, or Refuse it.",
    default: "Warn",
    placeholder: "WORD",
  },
  "webhook-mode": {
    schema: oneOf("enabled", "disabled"),
    description: "enabled, or disabled for the same as --webhook-port 0. MetalLB's onlywebhook is not there.",
    default: "enabled",
    placeholder: "MODE",
  },
  "webhook-port": {
    schema: wholeNumber(0, 65_535),
    description:
      "Port of the webhook that refuses bad objects of metallb.io when they are written (docs/admission.md); 0 for none.",
    default: "9443",
    placeholder: "NUMBER",
  },
  "webhook-secret": {
    schema: objectName,
    description: "Secret that the certificate of the webhook is kept in; all replicas share it.",
    default: "herald-webhook-cert",
    placeholder: "NAME",
  },
  "webhook-timeout": {
    schema: durationWithin(1_000, 30_000, "from 1s to 30s"),
    description:
      "How long the API server waits for the webhook: timeoutSeconds of its configuration. It answers within four fifths of that.",
    default: "5s",
    placeholder: "DURATION",
  },
} as const;

type WebhookFlagValues = {
  readonly [Name in keyof typeof WEBHOOK_FLAGS]: z.output<(typeof WEBHOOK_FLAGS)[Name]["schema"]>;
};

/** What only the webhook wants to know. */
export type WebhookSettings = Pick<
  WebhookOptions,
  "port" | "service" | "secret" | "configuration" | "certificateLifeMs" | "timeoutMs" | "danglingReferences"
>;

/** @returns `undefined` when there is to be none. */
export function webhookSettings(values: WebhookFlagValues): WebhookSettings | undefined {
  const port = values["webhook-port"];
  if (port === 0 || values["webhook-mode"] === "disabled") return undefined;
  return {
    port,
    service: values["cert-service-name"],
    secret: values["webhook-secret"],
    configuration: values["webhook-configuration"],
    certificateLifeMs: values["webhook-certificate-life"],
    timeoutMs: values["webhook-timeout"],
    danglingReferences: values["webhook-dangling-references"],
  };
}
