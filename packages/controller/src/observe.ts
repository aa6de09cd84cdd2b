import type { Config } from "@herald/shared/config/config";
import { type ConfigMistake, describeMistake } from "@herald/shared/errors";
import type { IpAddress } from "@herald/shared/ip/address";
import { byClaim } from "@herald/shared/service/claim-order";
import { ingressAddresses } from "@herald/shared/service/ingress";
import { servedBy } from "@herald/shared/service/serving";
import type { ServiceKey, ServiceView } from "@herald/shared/service/view";
import { type Decision, Reconciler } from "./reconcile.ts";

/** What would become of the addresses of a Service, were Herald's controller to begin now. */
export const OUTCOMES = {
  keeps: "It keeps the addresses that its status has.",
  gains: "It is given addresses, and loses none.",
  changes: "It loses an address and is given another.",
  loses: "It loses an address and is given none for it.",
  waits: "It has no address and is given none.",
} as const;

export type WouldOutcome = keyof typeof OUTCOMES;

/** One Service that Herald would serve. */
export interface Would {
  readonly service: ServiceKey;
  readonly outcome: WouldOutcome;
  /** In its status now. */
  readonly has: readonly IpAddress[];
  /** In its status then. */
  readonly would: readonly IpAddress[];
  /** Reason of the condition `herald.io/Allocated`; "" while there is no configuration. */
  readonly reason: string;
  /** For people; "" when it simply keeps what it has. */
  readonly why: string;
}

export interface ObserveOptions {
  /** "" serves Services without a class. */
  readonly lbClass: string;
  readonly sharingAcrossNamespaces: boolean;
}

/**
 * Asks the very allocator that gives out addresses: takes over what statuses say, then decides for everybody. It
 * begins from nothing each time and leaves nothing behind.
 *
 * @param config `undefined` while none is in force: nobody loses anything then.
 * @param refused see `besideRefused`.
 * @returns every Service of type LoadBalancer and of the class, the oldest first.
 */
export function wouldDo(
  config: Pick<Config, "pools" | "unjudged"> | undefined,
  services: Iterable<ServiceView>,
  options: ObserveOptions,
  refused: readonly string[] | undefined = config?.unjudged?.map(({ name }) => name),
): readonly Would[] {
  const ours = [...services]
    .filter((view) => view.type === "LoadBalancer" && servedBy(view, options.lbClass))
    .sort(byClaim);
  const reconciler = new Reconciler({ ...options, source: "" });
  const isPartial = config?.unjudged !== undefined;
  const decisions =
    config === undefined ? [] : reconciler.configure(config.pools, ours, 0, isPartial, refused);
  const byKey = new Map(decisions.map((decision) => [decision.view.key, decision]));
  return ours.map((view) => wouldOf(view, byKey.get(view.key)));
}

/** How many addresses are in statuses, and how many of them would not be there any more. */
export function countChanges(all: readonly Would[]): { readonly addresses: number; readonly lost: number } {
  const lost = all.map(({ has, would }) => has.filter((address) => !would.includes(address)).length);
  return {
    addresses: all.reduce((sum, { has }) => sum + has.length, 0),
    lost: lost.reduce((sum, count) => sum + count, 0),
  };
}

/** What `GET /would` says of a controller that only observes. */
export interface WouldPage {
  /** Whether a configuration is in force; without one nothing would be decided. */
  readonly configured: boolean;
  /** What is wrong with the configuration, a line each. */
  readonly mistakes: readonly string[];
  /** In statuses now. */
  readonly addresses: number;
  /** Of these, how many would change or go. */
  readonly lost: number;
  /** Services by what would become of them. */
  readonly counts: Readonly<Record<WouldOutcome, number>>;
  /** All that would not simply keep what they have, the oldest first. */
  readonly services: readonly Would[];
}

export function pageOf(
  all: readonly Would[],
  configured: boolean,
  mistakes: readonly ConfigMistake[],
): WouldPage {
  const count = (outcome: WouldOutcome): number => all.filter((each) => each.outcome === outcome).length;
  const outcomes = Object.keys(OUTCOMES) as WouldOutcome[];
  return {
    configured,
    mistakes: mistakes.map(describeMistake),
    ...countChanges(all),
    counts: Object.fromEntries(outcomes.map((outcome) => [outcome, count(outcome)])) as WouldPage["counts"],
    services: all.filter(({ outcome }) => outcome !== "keeps"),
  };
}

function wouldOf(view: ServiceView, decision: Decision | undefined): Would {
  const has = ingressAddresses(view);
  const desired = decision?.desired;
  if (desired === undefined) {
    const outcome = has.length > 0 ? "keeps" : "waits";
    return { service: view.key, outcome, has, would: has, reason: "", why: "" };
  }
  const would = desired.addresses;
  const outcome = outcomeOf(has, would);
  const condition = typeof desired.allocated === "object" ? desired.allocated : undefined;
  const { reason = "" } = condition ?? {};
  const cleared = decision?.notices.filter((notice) => notice.reason === "ClearAssignment") ?? [];
  const sentences = [...cleared.map(({ message }) => message), ...(condition ? [condition.message] : [])];
  const isPlain = outcome === "keeps" && reason === "Allocated";
  return { service: view.key, outcome, has, would, reason, why: isPlain ? "" : sentences.join("; ") };
}

function outcomeOf(has: readonly IpAddress[], would: readonly IpAddress[]): WouldOutcome {
  const isLost = has.some((address) => !would.includes(address));
  const isGiven = would.some((address) => !has.includes(address));
  if (isLost) return isGiven ? "changes" : "loses";
  if (isGiven) return "gains";
  return has.length > 0 ? "keeps" : "waits";
}
