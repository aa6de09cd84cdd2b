import type { ConflictKind } from "@herald/layer2/conflict-messages";
import type { IpAddress } from "@herald/shared/ip/address";
import type { Intruder } from "./address-states.ts";

/** What an operator is to do about a conflict, by who the other is. */
const ADVICE: Readonly<Record<ConflictKind, string>> = {
  stranger: "find that machine and give it another address, or take this one out of the pools",
  "speaker-without-claim":
    "with kube-proxy in IPVS mode set strictARP: true in its configuration, else remove the address from the interfaces of that node",
  "older-claim": "restart the speaker of that node if it does not stop",
};

export function adviceFor({ kind }: Intruder): string {
  return ADVICE[kind];
}

/** One sentence for somebody who looks at the Service. */
export function describeConflict(address: IpAddress, intruder: Intruder): string {
  return `${whoIs(intruder)} answers for ${address}${blame(intruder)}: ${adviceFor(intruder)}`;
}

export function describeQuarantine(address: IpAddress, intruder: Intruder): string {
  return `${address}${GIVEN_UP} until ${whoIs(intruder)} no longer answers for it: ${adviceFor(intruder)}`;
}

const GIVEN_UP = " is given up";

/** Stands between sentences about several addresses of a Service. */
export const BETWEEN = "; ";

export function sentencesOf(message: string): readonly string[] {
  return message.split(BETWEEN);
}

/** Whether the message of a condition, of any node's, says that an address is given up. */
export function isGivenUpIn(message: string, address: IpAddress): boolean {
  return sentencesOf(message).some((sentence) => sentence.startsWith(`${address}${GIVEN_UP}`));
}

function whoIs({ by, node, interface: name }: Intruder): string {
  const on = name === "" ? "" : ` on ${name}`;
  return node === undefined ? `another machine, ${by}${on},` : `node "${node}", ${by}${on},`;
}

function blame({ kind }: Intruder): string {
  switch (kind) {
    case "stranger":
      return ", too";
    case "speaker-without-claim":
      return " although its speaker does not announce it";
    case "older-claim":
      return " although it was taken over from there";
  }
}
