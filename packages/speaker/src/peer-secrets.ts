import { type OptionalNotice, OptionalReflector } from "@herald/k8s/optional-reflector";
import { passwordSecretView } from "@herald/k8s/password-secret";
import { secretsPath } from "@herald/k8s/paths";
import { whenAborted } from "@herald/k8s/when-aborted";
import { isObjectName } from "@herald/shared/config/object-name";
import type { ConfigObject, SecretView } from "@herald/shared/config/objects/config-objects";
import type { KubernetesSourcePorts } from "./kubernetes-source.ts";

export interface PeerSecretsOptions extends Pick<KubernetesSourcePorts, "client" | "clock" | "random"> {
  readonly namespace: string;
  /** Something is different. */
  readonly onChange: () => void;
  readonly notice: (notice: OptionalNotice) => void;
}

interface Followed {
  readonly reflector: OptionalReflector<SecretView>;
  readonly abort: AbortController;
}

/**
 * Follows the Secrets that BGPPeers name, each by itself and no other: that is all a role need allow, and all that this
 * process ever has in its memory.
 */
export class PeerSecrets {
  readonly #options: PeerSecretsOptions;
  /** By name; bounded by the BGPPeers. */
  readonly #followed = new Map<string, Followed>();
  readonly #fault = Promise.withResolvers<never>();
  #isEnded = false;

  constructor(options: PeerSecretsOptions) {
    this.#options = options;
  }

  /** The Secrets to follow from now on are those that these name. */
  follow(peers: readonly ConfigObject[]): void {
    if (this.#isEnded) return;
    const names = new Set(peers.map(secretOf).filter((name) => name !== ""));
    for (const [name, { abort }] of this.#followed) {
      if (names.has(name)) continue;
      abort.abort();
      this.#followed.delete(name);
    }
    for (const name of names) if (!this.#followed.has(name)) this.#begin(name);
  }

  /** What is known of them. */
  views(): readonly SecretView[] {
    return [...this.#followed].flatMap(([name, { reflector }]) => {
      const unread = (why: string): SecretView[] => [{ name, type: "", password: undefined, unread: why }];
      if (!reflector.isKnown) return unread("");
      const { lack } = reflector;
      return lack === undefined || lack.type === "absent"
        ? [...(reflector.values() ?? [])]
        : unread(lack.message);
    });
  }

  /** Resolves once all that are followed now are known. @throws the signal's reason when aborted first. */
  async whenKnown(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#followed.values()].map(({ reflector }) => reflector.whenKnown(signal)));
  }

  /** Resolves when aborted. Rejects only for our own bugs. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.race([whenAborted(signal), this.#fault.promise]);
    this.#isEnded = true;
    for (const { abort } of this.#followed.values()) abort.abort();
  }

  #begin(name: string): void {
    const { client, clock, random, namespace, onChange, notice } = this.#options;
    const reflector = new OptionalReflector<SecretView>({
      client,
      clock,
      random,
      path: secretsPath(namespace),
      query: { fieldSelector: `metadata.name=${name}` },
      view: passwordSecretView,
      onChange,
      notice,
    });
    const abort = new AbortController();
    this.#followed.set(name, { reflector, abort });
    reflector.run(abort.signal).catch((error: unknown) => this.#fault.reject(error));
    reflector.whenKnown(abort.signal).then(onChange, () => {}); // also that there is none, or no right to it
  }
}

/**
 * "" for none, or what cannot be read: the peer is told of its own mistake elsewhere. A name that no Secret can have might
 * be more than a name to the API server, which is asked for it in a selector.
 */
function secretOf({ spec }: ConfigObject): string {
  const { passwordSecret } = (spec ?? {}) as { passwordSecret?: { name?: unknown } | null };
  const name = passwordSecret?.name;
  return typeof name === "string" && isObjectName(name) ? name : "";
}
