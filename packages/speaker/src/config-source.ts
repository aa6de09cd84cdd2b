import { configMapView } from "@herald/k8s/config-map";
import { CustomObjects } from "@herald/k8s/custom-objects";
import { type Lack, OptionalReflector } from "@herald/k8s/optional-reflector";
import { configMapsPath } from "@herald/k8s/paths";
import type { ServedKinds } from "@herald/k8s/served-kinds";
import {
  type ConfigOutcome,
  type ConfigScope,
  ConfigSources,
  shortened,
  type UnreadSource,
} from "@herald/shared/config/config-sources";
import type { ConfigObjects, SecretView } from "@herald/shared/config/objects/config-objects";
import { describeMistake } from "@herald/shared/errors";
import type { Change } from "./kubernetes-protocol.ts";
import type { KubernetesSourcePorts } from "./kubernetes-source.ts";
import { PeerSecrets } from "./peer-secrets.ts";

/** Where each kind of object of a configuration lives. */
export const CONFIG_KINDS = [
  { version: "v1beta1", plural: "ipaddresspools", scope: "pools" },
  { version: "v1beta1", plural: "l2advertisements", scope: "layer2" },
  { version: "v1beta1", plural: "bgpadvertisements", scope: "bgp" },
  { version: "v1beta2", plural: "bgppeers", scope: "bgp" },
  { version: "v1beta1", plural: "bfdprofiles", scope: "bgp" },
  { version: "v1beta1", plural: "communities", scope: "bgp" },
] as const;

/** After a change, for those that come with it: a thousand pools are one configuration, ms. */
const SETTLE_MS = 20;

export interface ConfigSource {
  /** Resolves when aborted. Rejects only for our own bugs. */
  run(signal: AbortSignal): Promise<void>;
  /** Both sources have been seen in full, and what they come to has been put. @throws when aborted first. */
  whenSynced(signal: AbortSignal): Promise<void>;
}

/** Follows both sources of the configuration: the ConfigMap and the objects of metallb.io. */
export function followConfig(
  { namespace, configName }: { readonly namespace: string; readonly configName: string },
  served: ServedKinds,
  ports: KubernetesSourcePorts,
): ConfigSource {
  const { client, clock, random, put, judged, notice } = ports;
  const key = `${namespace}/${configName}`;
  const sources = new ConfigSources();
  const news = new ConfigNews(put);
  let isSynced = false;
  let isDue = false;
  const look = (): void => {
    const data = configMap.values()?.[0]?.data;
    const unread = [...unreadIn(configMap.lack, key), ...unreadOf(objects)];
    secrets.follow(objects.of("bgppeers"));
    const read = objectsOf(objects, secrets.views());
    const outcome = sources.offer({ configMap: data, objects: read, unread });
    const isThere = data !== undefined || isWritten(objects) || unread.length > 0;
    const alone = `there is no ConfigMap ${key}`;
    const missing = objects.anyServed ? `${alone}, no IPAddressPool and no BGPPeer` : alone;
    news.tell(outcome, isThere ? "" : missing);
    const mistakes = [...outcome.refused.values()].flatMap(shortened);
    if (outcome.config !== undefined || mistakes.length > 0) judged?.(mistakes.map(describeMistake));
  };
  const onChange = (): void => {
    if (!isSynced || isDue) return;
    isDue = true;
    clock.at(clock.now() + SETTLE_MS, () => {
      isDue = false;
      look();
    });
  };
  const configMap = new OptionalReflector({
    client,
    clock,
    random,
    path: configMapsPath(namespace),
    query: { fieldSelector: `metadata.name=${configName}` },
    view: configMapView,
    onChange,
    notice: (what) => {
      notice("configmaps", what);
      if (what.type === "listed") onChange();
    },
  });
  const objects: Followed = new CustomObjects({
    client,
    clock,
    random,
    namespace,
    served,
    follow: CONFIG_KINDS,
    onChange,
    notice: (plural, what) => notice(plural, what),
  });
  const secrets = new PeerSecrets({
    client,
    clock,
    random,
    namespace,
    onChange,
    notice: (what) => notice("secrets", what),
  });
  return {
    run: async (signal) => {
      await Promise.all([configMap.run(signal), objects.run(signal), secrets.run(signal)]);
    },
    whenSynced: async (signal) => {
      await Promise.all([configMap.whenKnown(signal), objects.whenSynced(signal)]);
      secrets.follow(objects.of("bgppeers"));
      await secrets.whenKnown(signal);
      isSynced = true;
      look();
    },
  };
}

/** Whether there is something for a configuration to be made of. */
function isWritten(objects: Followed): boolean {
  return objects.of("ipaddresspools").length + objects.of("bgppeers").length > 0;
}

function unreadIn(lack: Lack | undefined, key: string): readonly UnreadSource[] {
  if (lack === undefined || lack.type === "absent") return [];
  return [{ scope: "configmap", what: `ConfigMap ${key}`, why: lack.message }];
}

function unreadOf(objects: Followed): readonly UnreadSource[] {
  const scopes = new Map<string, ConfigScope>(CONFIG_KINDS.map(({ plural, scope }) => [plural, scope]));
  return objects.unread.map(({ plural, why }) => ({
    scope: scopes.get(plural) ?? "pools",
    what: plural,
    why,
  }));
}

type Followed = CustomObjects<(typeof CONFIG_KINDS)[number]["plural"]>;

/** Who may have which address is no business of a speaker's. */
function objectsOf(objects: Followed, secrets: readonly SecretView[]): ConfigObjects | undefined {
  if (!objects.anyServed) return undefined;
  return {
    pools: objects.of("ipaddresspools"),
    l2Advertisements: objects.of("l2advertisements"),
    bgpAdvertisements: objects.of("bgpadvertisements"),
    peers: objects.of("bgppeers"),
    bfdProfiles: objects.of("bfdprofiles"),
    communities: objects.of("communities"),
    secrets,
    namespaces: [],
    nodes: undefined,
  };
}

/** Puts out what is different of a configuration: what is in force, then what is wrong with the rest. */
class ConfigNews {
  readonly #put: (change: Change) => void;
  #inForce: string | undefined;
  #refusal = "";

  constructor(put: (change: Change) => void) {
    this.#put = put;
  }

  /** @param missing that there is no configuration, in words; "": there is one. */
  tell({ config, refused }: ConfigOutcome, missing: string): void {
    const mistakes = [...refused.values()].flatMap(shortened);
    const refusal = missing === "" ? mistakes.map(describeMistake).join("; ") : missing;
    const inForce = JSON.stringify(config, asText);
    const isRight = refusal === "" && this.#refusal !== "";
    if (config !== undefined && (isRight || inForce !== this.#inForce)) this.#put({ type: "config", config });
    this.#inForce = inForce;
    this.#refusal = refusal;
    if (refusal !== "") this.#put({ type: "config-refused", mistakes, message: refusal });
  }
}

function asText(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}`;
  return value instanceof Set ? [...value] : value;
}
