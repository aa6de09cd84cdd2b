import { Announcer } from "@herald/layer2/announcer";
import type { PacketPort } from "@herald/speaker/packet-port";
import { createSpeaker, type Speaker } from "@herald/speaker/speaker";
import { isForEar } from "./ear.ts";
import type { CreateSpeaker } from "./sim-node.ts";

/** Speakers that are broken on purpose: the invariants must catch every one of them. */
export const SABOTAGES = {
  /** Nobody's death is believed: what the dead held stays with them. */
  "never-buries": (options, ports) => {
    const speaker = createSpeaker(options, ports);
    const seen = new Set<string>();
    const withTheDead = (names: ReadonlySet<string>): ReadonlySet<string> => {
      for (const name of names) seen.add(name);
      return new Set(seen);
    };
    return changed(speaker, {
      setMembers: (nodes) => speaker.setMembers(withTheDead(nodes)),
      hearPresence: ({ speakers, ...news }) =>
        speaker.hearPresence({
          ...news,
          speakers: new Map([...speakers].filter(([, interfaces]) => interfaces !== undefined)),
        }),
    });
  },
  /** Everybody takes himself for the only one. */
  "knows-nobody": (options, ports) => {
    const speaker = createSpeaker(options, ports);
    return changed(speaker, { setMembers: () => speaker.setMembers(new Set([options.node])) });
  },
  /** Claims count for nothing: the hash decides, at once, whoever holds what. */
  "claims-count-for-nothing": (options, ports) => {
    const speaker = createSpeaker(options, ports);
    return changed(speaker, {
      hearPresence: (news) => speaker.hearPresence({ ...news, foreign: true }),
    });
  },
  /** What was announced once is answered for for ever. */
  "never-withdraws": (options, ports) => {
    Announcer.prototype.handle = deaf;
    return createSpeaker(options, ports);
  },
  /** Does not hear that a Service was deleted. */
  "misses-deletions": (options, ports) => {
    const speaker = createSpeaker(options, ports);
    return changed(speaker, {
      apply: (changes, taken) =>
        speaker.apply(
          changes.filter(
            (change) =>
              change.type !== "service-gone" && (change.type !== "endpoints" || change.endpoints.length > 0),
          ),
          taken,
        ),
    });
  },
  /** Announces what it has not asked for: somebody may have it whom it has not met. */
  "asks-nobody": (options, ports) =>
    createSpeaker({ ...options, conflicts: { ...options.conflicts, probes: "off" } }, ports),
  /** Takes over without a word: caches find out when they feel like it. */
  "takes-over-in-silence": (options, ports) =>
    createSpeaker(options, { ...ports, packets: quiet(ports.packets) }),
  /** Forgets another one of its fellows every now and then. */
  forgetful: (options, ports) => {
    const speaker = createSpeaker(options, ports);
    let turn = 0;
    const forgetSomebody = (): void => {
      turn += 1;
      ports.clock.at(ports.clock.now() + 1_500, forgetSomebody);
      const known = [...members].sort();
      speaker.setMembers(new Set(known.filter((_, index) => index !== turn % known.length)));
    };
    let members: ReadonlySet<string> = new Set();
    forgetSomebody();
    return changed(speaker, {
      setMembers: (nodes) => {
        members = new Set(nodes);
        speaker.setMembers(members);
      },
    });
  },
} as const satisfies Readonly<Record<string, CreateSpeaker>>;

export type SabotageName = keyof typeof SABOTAGES;

const { handle } = Announcer.prototype;

function deaf(this: Announcer, ...[input, now]: Parameters<typeof handle>): ReturnType<typeof handle> {
  return input.type === "withdraw" ? [] : handle.call(this, input, now);
}

function changed(speaker: Speaker, changes: Partial<Speaker>): Speaker {
  return new Proxy(speaker, {
    get: (target, name) => {
      const value = Reflect.get(changes, name) ?? (Reflect.get(target, name) as unknown);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function quiet(packets: PacketPort): PacketPort {
  return {
    open: (options) => {
      const capture = packets.open(options);
      return {
        send: (frame) => (isGroupCast(frame) && !isForEar(frame) ? "sent" : capture.send(frame)),
        close: () => capture.close(),
      };
    },
  };
}

function isGroupCast(frame: Uint8Array): boolean {
  return ((frame[0] ?? 0) & 1) === 1;
}
