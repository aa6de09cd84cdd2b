import type { Instant } from "@herald/shared/core";
import type { Stop } from "./effect.ts";
import { CEASE } from "./iana.ts";
import type { Machine } from "./machine.ts";
import { cease, hardReset, type Notification } from "./notification.ts";

/** Ends a connection as it was asked for. */
export function stopMachine(machine: Machine, { how, text }: Stop, now: Instant): void {
  const kept = machine.state === "established" ? machine.negotiated?.gracefulRestart : undefined;
  const restarting = how === "restart";
  const told = text === "" ? "" : `: ${text}`;
  const error = {
    reason: restarting ? "restarting" : "stopped",
    text: `${restarting ? "restarting" : `ended from this side, ${how}`}${told}`,
  } as const;
  if (restarting && kept !== undefined) machine.on("restart", now, { error });
  else machine.on("stop", now, { error, answer: farewell(how, text, kept?.notifications ?? false) });
}

/** @param keeps whether the peer keeps our routes although it is told this. */
function farewell(how: Stop["how"], text: string, keeps: boolean): Notification {
  if (how === "restart" || how === "reset") return cease(CEASE.reset, text);
  const answer = how === "shutdown" ? cease(CEASE.shutdown, text) : cease(CEASE.deconfigured);
  return keeps ? hardReset(answer) : answer;
}
