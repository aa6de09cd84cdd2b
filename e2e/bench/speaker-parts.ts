import { hash } from "node:crypto";
import { DEFAULT_CONFLICT_OPTIONS } from "@herald/layer2/conflict-options";
import { DEFAULT_ANNOUNCER_OPTIONS } from "@herald/layer2/options";
import type { SpeakerMetrics } from "@herald/speaker/metrics";
import type { SpeakerOptions, SpeakerPorts } from "@herald/speaker/speaker";
import { silentMetrics, storyLog } from "../sim/silence.ts";

export function speakerOptions(node: string): SpeakerOptions {
  return {
    node,
    plan: { ignoreExcludeLb: false, lbClass: undefined, drainOnCordon: false, drainOnNotReady: false },
    ownership: { failBackMs: 300_000, vacantMs: 1_000 },
    announcer: DEFAULT_ANNOUNCER_OPTIONS,
    conflicts: DEFAULT_CONFLICT_OPTIONS,
    captures: { retryMinMs: 100, retryMaxMs: 10_000 },
    excludedInterfaces: [],
  };
}

/** Ports that lead nowhere: what is measured is the speaker alone. */
export const SILENT_PORTS = {
  groups: { join: () => "joined", leave: () => {}, leaveAll: () => {} },
  digest: (text: string) => hash("sha256", text, "buffer"),
  log: storyLog(undefined),
  metrics: silentMetrics<SpeakerMetrics>(),
  recordEvent: () => {},
  say: () => {},
  sayHolding: () => {},
  followSessions: () => {},
  isStill: () => true,
  onCaptureLost: () => {},
} satisfies Partial<SpeakerPorts>;
