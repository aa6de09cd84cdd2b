import type { MemberChange } from "@herald/gossip/effect";
import { DecodeError } from "@herald/wire/bytes";
import type { MacAddress } from "@herald/wire/mac";
import type { UsableInterfaces } from "./interface-rules.ts";
import { decodeSpeakerMeta, type SpeakerMeta } from "./speaker-meta.ts";

/** Whose the interfaces on the segment are, as far as speakers say so. */
export interface Presence {
  /** Names of the speakers of ours that are alive. */
  readonly speakers: ReadonlySet<string>;
  /** Names of the speakers by the MAC addresses of their interfaces; also of some that are gone. */
  readonly names: ReadonlyMap<MacAddress, string>;
  /** Where the speakers of ours that are alive can be heard, by their names. */
  readonly interfaces: ReadonlyMap<string, UsableInterfaces>;
  /** Some speaker that is alive does not say which interfaces are its own, as MetalLB's do not. */
  readonly foreign: boolean;
}

/** The last part of a member's news that matters here. */
type Word = Pick<{ readonly name: string; readonly meta: Uint8Array }, "name" | "meta">;

/** Speakers remembered after they went: a node that others take for dead may go on answering. */
const GONE_MAX = 1_024;

/**
 * Makes the presence of speakers from the gossip's news. Telling it costs as much as there are speakers, and a thousand
 * may come at once: so it is told when asked to.
 */
export class PresenceBook {
  readonly #onChange: (presence: Presence) => void;
  /** By name; bounded by the gossip. `undefined`: it does not say. */
  readonly #alive = new Map<string, SpeakerMeta | undefined>();
  /** Oldest first; at most {@link GONE_MAX}. */
  readonly #gone = new Map<string, SpeakerMeta>();
  #changed = false;

  constructor(onChange: (presence: Presence) => void) {
    this.#onChange = onChange;
  }

  hear(change: MemberChange, { name, meta }: Word): void {
    switch (change) {
      case "suspect":
        return;
      case "alive":
      case "updated":
        this.#gone.delete(name);
        this.#alive.set(name, readMeta(meta));
        break;
      case "dead":
      case "left":
        this.#forget(name);
        break;
    }
    this.#changed = true;
  }

  /** Tells what is so by now, if that is not what was told last. */
  tell(): void {
    if (!this.#changed) return;
    this.#changed = false;
    const interfaces = new Map(
      [...this.#alive].flatMap(([name, said]) =>
        said === undefined ? [] : [[name, said.interfaces] as const],
      ),
    );
    const speakers = new Set(interfaces.keys());
    const foreign = speakers.size < this.#alive.size;
    this.#onChange({ speakers, names: this.#names(), interfaces, foreign });
  }

  #forget(name: string): void {
    const meta = this.#alive.get(name);
    this.#alive.delete(name);
    if (meta === undefined) return;
    this.#gone.set(name, meta);
    for (const oldest of this.#gone.keys()) {
      if (this.#gone.size <= GONE_MAX) return;
      this.#gone.delete(oldest);
    }
  }

  /** What the living say counts more. */
  #names(): ReadonlyMap<MacAddress, string> {
    const names = new Map<MacAddress, string>();
    for (const known of [this.#gone, this.#alive]) {
      for (const [name, meta] of known) for (const mac of meta?.macs ?? []) names.set(mac, name);
    }
    return names;
  }
}

/** @returns `undefined` for what no speaker of ours says. */
function readMeta(bytes: Uint8Array): SpeakerMeta | undefined {
  try {
    return decodeSpeakerMeta(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return undefined;
  }
}
