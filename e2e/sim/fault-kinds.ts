/** What can go wrong, and how often it does, against the others. */
export const FAULT_WEIGHTS = {
  loss: 3,
  duplicates: 1,
  jitter: 1,
  pause: 4,
  dies: 4,
  "power-cut": 4,
  "process-crash": 4,
  "boots-deaf": 4,
  stop: 3,
  "cable-cut": 3,
  "carrier-loss": 2,
  "one-way": 2,
  partition: 3,
  "api-outage": 2,
  "api-outage-at-node": 2,
  "api-slow-at-node": 3,
  excluded: 2,
  "network-unavailable": 1,
  drain: 2,
  "fail-back": 2,
  "service-gone": 2,
  "service-new": 2,
  "service-moves": 2,
  "endpoints-move": 2,
  "config-refused": 1,
  "config-changes": 1,
  "controller-crash": 1,
} as const;

export type FaultKind = keyof typeof FAULT_WEIGHTS;

/** Whose addresses may move because of it: those of the node it befalls, or anybody's; all others stay where they are. */
export const MOVES: Readonly<Partial<Record<FaultKind, "its" | "all">>> = {
  loss: "all",
  jitter: "all",
  pause: "all", // who wakes up may find that it took everybody for dead
  dies: "its",
  "power-cut": "its",
  "process-crash": "its",
  "boots-deaf": "its", // whatever it takes itself for: it hears on the wire who has what
  stop: "its",
  "cable-cut": "all",
  "carrier-loss": "all",
  "one-way": "all",
  partition: "all",
  excluded: "its",
  "network-unavailable": "its",
  drain: "its",
  "fail-back": "all",
  "service-gone": "all",
  "service-new": "all",
  "service-moves": "all",
  "endpoints-move": "all",
  "config-changes": "all",
};
