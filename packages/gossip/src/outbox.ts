import type { SwimEffect } from "./effect.ts";
import type { DatagramMessage, Endpoint } from "./message.ts";
import type { SwimNotice } from "./notices.ts";

/** What the parts of the core have to say during one call, in order. */
export class Outbox {
  #effects: SwimEffect[] = [];

  push(effect: SwimEffect): void {
    this.#effects.push(effect);
  }

  send(to: Endpoint, messages: readonly DatagramMessage[]): void {
    this.#effects.push({ type: "send", to, messages });
  }

  notice(reason: SwimNotice, node: string, detail = ""): void {
    this.#effects.push({ type: "notice", reason, node, detail });
  }

  take(): readonly SwimEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }
}
