import type { Log } from "@herald/daemon/log";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import type { AddressTurn } from "./address-states.ts";
import { adviceFor } from "./conflict-words.ts";

/** One line for what an operator has not been told of an address yet. */
export function logTurn(
  log: Log,
  address: IpAddress,
  turn: AddressTurn,
  services: readonly ServiceKey[],
): void {
  switch (turn.type) {
    case "conflict": {
      const { kind, by: mac, node, interface: on } = turn.intruder;
      const advice = adviceFor(turn.intruder);
      log.warn("another machine has an address of ours", {
        address,
        kind,
        mac,
        node,
        interface: on,
        services,
        advice,
      });
      return;
    }
    case "quarantined":
      log.error("address given up: another machine does not give way", {
        address,
        mac: turn.intruder.by,
        services,
        advice: adviceFor(turn.intruder),
      });
      return;
    case "released":
      log.info("the other machine is gone: the address is announced", { address, services });
      return;
    case "settled":
      log.info("the conflict is over: nobody else answers any more", { address, services });
      return;
    case "lost":
      log.info("left to a newer claim", { address, node: turn.to, services });
      return;
    case "announced":
      return;
  }
}
