import type { BFD_STATE } from "./iana.ts";

/** Up: packets get through both ways, and both sides know (RFC 5880 §6.2). */
export type BfdState = keyof typeof BFD_STATE;

/** RFC 5880 §6.8.6: our next state, by our state and then by the one that the peer says it is in. */
export const NEXT_STATE: Readonly<Record<BfdState, Readonly<Record<BfdState, BfdState>>>> = {
  "admin-down": { "admin-down": "admin-down", down: "admin-down", init: "admin-down", up: "admin-down" },
  down: { "admin-down": "down", down: "init", init: "up", up: "down" },
  init: { "admin-down": "down", down: "init", init: "up", up: "up" },
  up: { "admin-down": "down", down: "down", init: "up", up: "up" },
};
