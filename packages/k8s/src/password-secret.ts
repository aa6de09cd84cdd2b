import type { SecretView } from "@herald/shared/config/objects/config-objects";
import type { V1Secret } from "@kubernetes/client-node";
import { type ApiObject, keyOf, type Raw } from "./api.ts";

/** What a password is taken from. As MetalLB, it is the whole value, a line's end included. */
export function passwordSecretView(object: ApiObject): SecretView {
  const { metadata, type = "", data } = object as Raw<V1Secret>;
  const password = data?.["password"];
  return {
    name: metadata?.name ?? keyOf(object),
    type,
    password: password === undefined ? undefined : Buffer.from(password, "base64").toString(),
  };
}
