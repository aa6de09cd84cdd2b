import { GossipLink } from "./gossip-link.ts";
import {
  createSpeaker as createOurSpeaker,
  type Speaker,
  type SpeakerOptions,
  type SpeakerPorts,
} from "./speaker.ts";
import { encodeSpeakerMeta } from "./speaker-meta.ts";
import type { StartGossipOptions, StartGossipPorts } from "./start-gossip.ts";

/** How long a speaker that meets nobody waits before it takes itself for the only one, ms. */
export const JOIN_WAIT_MS = 1_000;

/** How long an address that nobody takes is left to each of those who stand before us by hash, ms. */
export const VACANT_MS = 1_000;

export interface AssemblyOptions {
  readonly speaker: SpeakerOptions;
  /** `undefined`: no gossip. */
  readonly gossip: StartGossipOptions | undefined;
}

/** What the two need from outside; what they have for each other is not among it. */
export interface AssemblyPorts
  extends Omit<SpeakerPorts, "gossip" | "onStations" | "onSynced" | "onSpeakers">,
    Pick<StartGossipPorts, "openSockets"> {
  readonly onGossipFailed: (error: unknown) => void;
  /** Hears, before the speaker does, whose speakers are alive. */
  readonly onMembers?: (nodes: ReadonlySet<string>, changed: ReadonlySet<string>) => void;
  /** Another way to make a speaker; a simulation makes broken ones. */
  readonly createSpeaker?: (options: SpeakerOptions, ports: SpeakerPorts) => Speaker;
}

/** A speaker and its gossip, tied together: the program has it so, and so has the simulation. */
export function assemble(
  options: AssemblyOptions,
  ports: AssemblyPorts,
): { speaker: Speaker; gossip: GossipLink } {
  const { openSockets, onGossipFailed, onMembers, createSpeaker = createOurSpeaker, ...own } = ports;
  const { clock, random, log, metrics, wallMs } = ports;
  const gossip = new GossipLink(options.gossip, {
    clock,
    random,
    log,
    metrics: metrics.gossip,
    epochSeconds: () => Math.floor(wallMs() / 1000),
    openSockets,
    onMembers: (nodes, changed) => {
      onMembers?.(nodes, changed);
      speaker.setMembers(nodes, changed);
    },
    onPresence: (news) => speaker.hearPresence(news),
    claims: () => speaker.claims,
    onFailed: onGossipFailed,
  });
  const speaker = createSpeaker(options.speaker, {
    ...own,
    gossip,
    onStations: (stations) => gossip.setMeta(encodeSpeakerMeta(stations)),
    onSynced: () => gossip.join(),
    onSpeakers: (addresses) => gossip.setSpeakers(addresses),
  });
  return { speaker, gossip };
}
