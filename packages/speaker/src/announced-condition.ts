import type { ConditionWish } from "@herald/k8s/service-condition";
import type { IpAddress } from "@herald/shared/ip/address";
import { NO_SPEAKER_YET, NO_SPEAKER_YET_SENTENCE } from "@herald/shared/service/no-speaker-yet";
import type { AddressState, Intruder } from "./address-states.ts";
import { BETWEEN, describeConflict, describeQuarantine } from "./conflict-words.ts";
import { WITHDRAW_REASONS, type WithdrawReason } from "./plan.ts";

/** What a speaker says of a Service that it is to announce. */
const HOLDER_REASONS = {
  Announced:
    "True: nodes answer for all addresses of the Service. Where BGP alone announces it: a node has a session with a router that is to be told, or it is not known whether one has; the message says which.",
  AddressConflict:
    "Another machine has an address of the Service, too: some clients reach that one. The message says which, and what to do.",
  AddressQuarantined:
    "An address of the Service is given up to another machine that does not give way. It is asked again every minute, and announced once that machine is gone.",
  Probing:
    "The segment is asked whether somebody has an address of the Service already. It takes half a second.",
  SpeakerStopped: "The speaker that announced the Service was stopped and no other took over.",
} as const;

type HolderReason = keyof typeof HOLDER_REASONS;

/** Why no router hears of a Service, beside the reasons of a withdrawal. */
const BGP_REASONS = {
  noPeer: "BGP alone is to announce the Service, and no node has a BGPPeer that is to be told.",
  noSession:
    "BGP alone is to announce the Service, and no node that could has a session with a router. The message names the routers and says what went wrong last.",
} as const;

type NobodyReason = WithdrawReason | keyof typeof BGP_REASONS;

const NOBODY_SENTENCES: Readonly<Record<NobodyReason, string>> = {
  ...BGP_REASONS,
  ...(Object.fromEntries(
    Object.entries(WITHDRAW_REASONS).map(([reason, { sentence }]) => [reason, sentence]),
  ) as Record<WithdrawReason, string>),
};

export const ANNOUNCED = "Announced" satisfies HolderReason;
export const QUARANTINED = "AddressQuarantined" satisfies HolderReason;
export const PROBING = "Probing" satisfies HolderReason;
export const NO_SESSION = capitalized("noSession" satisfies NobodyReason);

/** The closed list of reasons of the condition, each with a sentence; those of a withdrawal as in the log. */
export const ANNOUNCED_REASONS: Readonly<Record<string, string>> = {
  [NO_SPEAKER_YET.reason]: NO_SPEAKER_YET_SENTENCE,
  ...HOLDER_REASONS,
  ...Object.fromEntries(
    Object.entries(NOBODY_SENTENCES)
      .filter(([reason]) => !isNoWord(reason))
      .map(([reason, sentence]) => [capitalized(reason), sentence]),
  ),
};

/** Where a Service is that this node is to announce: the worst of its addresses. */
export function conditionOf(
  node: string,
  addresses: readonly IpAddress[],
  stateOf: (address: IpAddress) => AddressState,
  isSpread: boolean,
): ConditionWish | undefined {
  const states = addresses.map((address) => ({ address, state: stateOf(address) }));
  // A newer claim of another speaker's: that one writes.
  if (states.some(({ state }) => state.name === "lost")) return undefined;
  for (const { name, reason, describe } of TROUBLES) {
    const messages = states.flatMap(({ address, state }) =>
      state.name === name && "intruder" in state ? [describe(address, state.intruder)] : [],
    );
    if (messages.length > 0) return { status: "False", reason, message: messages.join(BETWEEN) };
  }
  const probing = states.filter(({ state }) => state.name === "probing").map(({ address }) => address);
  if (probing.length > 0) {
    const message = `the segment is asked whether somebody has ${probing.join(" or ")} already`;
    return { status: "False", reason: PROBING, message };
  }
  const who = isSpread ? "several nodes, each for its share of the clients" : `node "${node}"`;
  const message = `announced from ${who}: ${addresses.join(", ")}`;
  return { status: "True", reason: ANNOUNCED, message };
}

const TROUBLES: readonly {
  readonly name: "quarantined" | "conflict";
  readonly reason: HolderReason;
  readonly describe: (address: IpAddress, intruder: Intruder) => string;
}[] = [
  { name: "quarantined", reason: QUARANTINED, describe: describeQuarantine },
  { name: "conflict", reason: "AddressConflict", describe: describeConflict },
];

/** A Service that only BGP announces. Why without names: they would change with every node. */
export const ANNOUNCED_BY_BGP: ConditionWish = {
  status: "True",
  reason: ANNOUNCED,
  message:
    "announced by BGP, and a session with a router that is to be told is up; the ServiceBGPStatuses say from which nodes, and to which peers",
};

/** The same where not every speaker says so in BGPSessionStates, or they cannot be read. */
export const PERHAPS_ANNOUNCED_BY_BGP: ConditionWish = {
  status: "True",
  reason: ANNOUNCED,
  message:
    "announced by BGP wherever a session is up; whether one is, is not known here for want of BGPSessionStates: the metric metallb_bgp_session_up and the logs of the speakers say it",
};

/** Where a Service is that no node announces. @param message what to change; the reason's sentence unless told. */
export function nobodyCondition(reason: NobodyReason, message?: string): ConditionWish {
  return { status: "False", reason: capitalized(reason), message: message ?? NOBODY_SENTENCES[reason] };
}

/** Whether two conditions say the same. */
export function isSameWord(one: Word | undefined, other: Word | undefined): boolean {
  return one?.status === other?.status && one?.reason === other?.reason && one?.message === other?.message;
}

type Word = Pick<ConditionWish, "reason" | "message"> & { readonly status: string };

/** Whether a condition says that nobody announces, or has said so: whoever does announce knows better. */
export function isNobodys({ status, reason }: Word): boolean {
  return reason === NO_SPEAKER_YET.reason || (status === "False" && !(reason in HOLDER_REASONS));
}

/** Where a Service is that this node announced last, and that is not Herald's to announce any more. */
export function withdrawnCondition(node: string, reason: WithdrawReason): ConditionWish {
  const { sentence } = WITHDRAW_REASONS[reason];
  return nobodyCondition(reason, `not announced any more, at last from node "${node}": ${sentence}`);
}

/** @param over what this node wrote last: whoever took over has written something else. */
export function stoppedCondition(node: string, over: string): ConditionWish {
  const message = `the speaker of node "${node}" was stopped, and no other took over`;
  return { status: "False", reason: "SpeakerStopped" satisfies HolderReason, message, over };
}

/** Somebody else writes, there is nothing to write to, or the node does announce where no other can. */
function isNoWord(reason: string): boolean {
  return ["notOwner", "serviceDeleted", "nodeDrained", "nodeCordoned", "nodeNotReady"].includes(reason);
}

function capitalized(reason: string): string {
  return `${reason.charAt(0).toUpperCase()}${reason.slice(1)}`;
}
