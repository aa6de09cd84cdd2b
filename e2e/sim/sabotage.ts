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
    return changed(speaker, {
      setMembers: (nodes) => {
        for (const name of nodes) seen.add(name);
        speaker.setMembers(new Set(seen));
      },
    });
  },
  /** Everybody takes himself for the only one. */
  "knows-nobody": (options, ports) => {
    const speaker = createSpeaker(options, ports);
    return changed(speaker, { setMembers: () => speaker.setMembers(new Set([options.node])) });
  },
  /** What was announced once is answered for for ever. */
  "never-withdraws": (options, ports) => {
    const speaker = createSpeaker(options, ports);
    return changed(speaker, {
      apply: (changes, taken) =>
        speaker.apply(
          changes.filter(({ type }) => type !== "service-gone"),
          taken,
        ),
    });
  },
  /** Takes over without a word: caches find out when they feel like it. */
  "takes-over-in-silence": (options, ports) =>
    createSpeaker(options, { ...ports, packets: quiet(ports.packets) }),
  /** A suspicion is as good as a death: every pause moves addresses. */
  panics: (options, ports) => {
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
        members = nodes;
        speaker.setMembers(nodes);
      },
    });
  },
} as const satisfies Readonly<Record<string, CreateSpeaker>>;

export type SabotageName = keyof typeof SABOTAGES;

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
