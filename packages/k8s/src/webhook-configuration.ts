import type { V1ValidatingWebhookConfiguration } from "@kubernetes/client-node";
import type { Raw } from "./api.ts";

/** Whom the API server believes, by webhook. */
export interface WebhookConfigurationView {
  readonly name: string;
  /** Certificates in PEM; "": whom the system believes. */
  readonly webhooks: readonly { readonly name: string; readonly authorities: string }[];
}

export const webhookConfigurationsPath = (): string =>
  "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";

export function webhookConfigurationView({
  metadata,
  webhooks = [],
}: Raw<V1ValidatingWebhookConfiguration>): WebhookConfigurationView {
  return {
    name: metadata?.name ?? "",
    webhooks: webhooks.map(({ name, clientConfig }) => ({
      name,
      authorities: Buffer.from(clientConfig.caBundle ?? "", "base64").toString("utf8"),
    })),
  };
}

/** A strategic merge patch that has every webhook believe these, and leaves all else as it is. */
export function believing({ webhooks }: WebhookConfigurationView, authorities: string): object {
  const caBundle = Buffer.from(authorities).toString("base64");
  return { webhooks: webhooks.map(({ name }) => ({ name, clientConfig: { caBundle } })) };
}
