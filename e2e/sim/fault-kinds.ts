/** What can go wrong, and how often it does, against the others. */
export const FAULT_WEIGHTS = {
  loss: 3,
  duplicates: 1,
  jitter: 1,
  pause: 4,
  "power-cut": 4,
  "process-crash": 4,
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
  "service-gone": 2,
  "service-new": 2,
  "service-moves": 2,
  "endpoints-move": 2,
  "config-refused": 1,
  "config-changes": 1,
  "controller-crash": 1,
} as const;

export type FaultKind = keyof typeof FAULT_WEIGHTS;
