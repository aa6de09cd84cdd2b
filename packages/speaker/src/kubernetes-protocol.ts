import type { BGP_SESSION_STATES, SessionStanding } from "@herald/k8s/bgp-session-state";
import type { EventRecord } from "@herald/k8s/events";
import type { OptionalNotice } from "@herald/k8s/optional-reflector";
import type { ConditionWish } from "@herald/k8s/service-condition";
import type { AnnouncingProtocol } from "@herald/k8s/service-status";
import type { Config } from "@herald/shared/config/config";
import type { ConfigMistake } from "@herald/shared/errors";
import type { IpAddress } from "@herald/shared/ip/address";
import type { EndpointView } from "@herald/shared/service/endpoints";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import type { CONFIG_KINDS } from "./config-source.ts";
import type { CandidateNode } from "./plan.ts";
import type { SessionNews } from "./session-news.ts";

/** What the worker is started with. */
export interface KubernetesOptions {
  /** Path; "" for the service account, then the usual places. */
  readonly kubeconfig: string;
  readonly namespace: string;
  /** Name of the ConfigMap. */
  readonly configName: string;
  /** Label selector of the speakers' pods; "": every node counts as having a ready speaker. */
  readonly speakerLabels: string;
  readonly nodeName: string;
  /** Written into Events as their reporter; "" falls back to the node's name. */
  readonly podName: string;
}

/** What can be different in the cluster, already made small. */
export type Change =
  /** Of type LoadBalancer only; one that is of that type no more is gone. */
  | { readonly type: "service"; readonly service: ServiceView }
  | { readonly type: "service-gone"; readonly key: ServiceKey }
  /** See `whereUsable`. None: the Service has no endpoints. */
  | { readonly type: "endpoints"; readonly key: ServiceKey; readonly endpoints: readonly EndpointView[] }
  | { readonly type: "node"; readonly name: string; readonly node: CandidateNode }
  | { readonly type: "node-gone"; readonly name: string }
  /** Where the pods of speakers are that stay, ready or not: the whole list, ours included, sorted. */
  | { readonly type: "speakers"; readonly addresses: readonly IpAddress[] }
  | { readonly type: "config"; readonly config: Config }
  /** Of some part: at least one mistake, or none when there is nothing or the ConfigMap is missing or has no data. */
  | { readonly type: "config-refused"; readonly mistakes: readonly ConfigMistake[]; readonly message: string }
  /** All of the above has been seen once, in full. */
  | { readonly type: "synced" }
  /** What all nodes say of their sessions with routers, while this speaker follows that. */
  | { readonly type: "sessions"; readonly news: SessionNews };

/** Kinds of objects that are followed; a metric label. */
export type Resource =
  | "services"
  | "endpointslices"
  | "nodes"
  | "pods"
  | "configmaps"
  | "secrets"
  | typeof BGP_SESSION_STATES.plural
  | (typeof CONFIG_KINDS)[number]["plural"];

/** What this node has to say of a Service in its status. */
export interface ServiceWord {
  readonly service: ServiceKey;
  readonly uid: string;
  /** `undefined`: nothing any more, also of what is not written yet. */
  readonly wish: ConditionWish | undefined;
  /** How long to wait for a newer word before this one is written, ms. */
  readonly holdMs: number;
}

/** Which Services this node announces, by either protocol. */
export type HoldingWord = { readonly protocol: AnnouncingProtocol; readonly service: ServiceKey } & (
  | {
      readonly type: "here";
      /** In order; on layer 2 of interfaces, none for all, with BGP of peers. */
      readonly names: readonly string[];
      /** With other nodes. */
      readonly isShared: boolean;
    }
  /** No more; `left`: another node does and says so. */
  | { readonly type: "gone" | "left" }
);

/** How the session with a router stands; `gone`: there is to be none. */
export type SessionWord =
  | { readonly type: "here"; readonly peer: string; readonly standing: SessionStanding }
  | { readonly type: "gone"; readonly peer: string };

export type FromWorker =
  /** At most {@link BATCH_CHANGES}; the next one follows a `taken`. */
  | { readonly type: "batch"; readonly changes: readonly Change[] }
  | { readonly type: "notice"; readonly resource: Resource; readonly notice: OptionalNotice }
  | { readonly type: "event-dropped"; readonly record: EventRecord; readonly message: string }
  /** It will be tried again. */
  | { readonly type: "word-failed"; readonly about: string; readonly message: string }
  /** The answer to `flush`. */
  | { readonly type: "flushed" }
  /** There is no way to reach a cluster: the operator's mistake. */
  | { readonly type: "cannot-start"; readonly message: string };

export type ToWorker =
  | { readonly type: "taken" }
  | { readonly type: "event"; readonly record: EventRecord }
  | { readonly type: "word"; readonly word: ServiceWord }
  | { readonly type: "holding"; readonly word: HoldingWord }
  | { readonly type: "session"; readonly word: SessionWord }
  /** Whether to follow the sessions of all nodes. */
  | { readonly type: "follow-sessions"; readonly isWanted: boolean }
  /** Send what waits, within this time. */
  | { readonly type: "flush"; readonly withinMs: number };

/** Few enough that taking them over from another thread costs about a millisecond. */
export const BATCH_CHANGES = 100;
