import type { MemberChange } from "@herald/gossip/effect";
import { DecodeError } from "@herald/wire/bytes";
import type { MacAddress } from "@herald/wire/mac";
import type { UsableInterfaces } from "./interface-rules.ts";
import { decodeSpeakerMeta, type SpeakerMeta } from "./speaker-meta.ts";

/** What is different of the speakers, and of whose the interfaces on the segment are. */
export interface PresenceNews {
  /** Speakers of ours, by name: where one can be heard now; `undefined`: it is not alive any more. */
  readonly speakers: ReadonlyMap<string, UsableInterfaces | undefined>;
  /** Names of speakers by the MAC addresses of their interfaces, also of some that are gone; `undefined`: nobody's any more. */
  readonly names: ReadonlyMap<MacAddress, string | undefined>;
  /** Some speaker that is alive does not say which interfaces are its own, as MetalLB's do not. */
  readonly foreign: boolean;
}

/** The last part of a member's news that matters here. */
type Word = Pick<{ readonly name: string; readonly meta: Uint8Array }, "name" | "meta">;

/** Speakers remembered after they went: a node that others take for dead may go on answering. */
const GONE_MAX = 1_024;

/**
 * Makes the presence of speakers from the gossip's news. A thousand may come in a second, each in a datagram of its own:
 * what is told is what is different, and costs as much as that.
 */
export class PresenceBook {
  readonly #onChange: (news: PresenceNews) => void;
  /** By name; bounded by the gossip. `undefined`: it does not say. */
  readonly #alive = new Map<string, SpeakerMeta | undefined>();
  /** Oldest first; at most {@link GONE_MAX}. */
  readonly #gone = new Map<string, SpeakerMeta>();
  /** Of the living and the gone; bounded by what they say. */
  readonly #names = new Map<MacAddress, string>();
  /** How often some speaker says that a MAC address is its own: more often than there are such, if two say so of one. */
  #said = 0;
  /** How many of the living do not say who they are. */
  #strangers = 0;
  /** Not told yet, as are the next two. */
  #speakersNews = new Map<string, UsableInterfaces | undefined>();
  #namesNews = new Map<MacAddress, string | undefined>();
  #changed = false;
  /** What the last speaker said of where it can be heard: nearly all say the same. */
  #heardAt: UsableInterfaces = new Set();

  constructor(onChange: (news: PresenceNews) => void) {
    this.#onChange = onChange;
  }

  hear(change: MemberChange, { name, meta }: Word): void {
    switch (change) {
      case "suspect":
        return;
      case "alive":
      case "updated":
        this.#live(name, this.#read(meta));
        break;
      case "dead":
      case "left":
        this.#die(name);
        break;
    }
    this.#changed = true;
  }

  /** Tells what is different since this was called last, if anything is. */
  tell(): void {
    if (!this.#changed) return;
    const [speakers, names] = [this.#speakersNews, this.#namesNews];
    this.#changed = false;
    this.#speakersNews = new Map();
    this.#namesNews = new Map();
    this.#onChange({ speakers, names, foreign: this.#strangers > 0 });
  }

  /** @returns `undefined` for what no speaker of ours says. */
  #read(meta: Uint8Array): SpeakerMeta | undefined {
    const said = readMeta(meta);
    if (said === undefined) return undefined;
    if (!isSame(said.interfaces, this.#heardAt)) this.#heardAt = said.interfaces;
    return { macs: said.macs, interfaces: this.#heardAt };
  }

  #live(name: string, said: SpeakerMeta | undefined): void {
    const wasAlive = this.#alive.has(name);
    const before = this.#alive.get(name) ?? this.#gone.get(name);
    if (wasAlive && this.#alive.get(name) === undefined) this.#strangers -= 1;
    if (said === undefined) this.#strangers += 1;
    this.#gone.delete(name);
    this.#alive.set(name, said);
    if (said !== undefined || before !== undefined) this.#speakersNews.set(name, said?.interfaces);
    this.#say(name, before?.macs ?? [], said?.macs ?? []);
  }

  #die(name: string): void {
    const said = this.#alive.get(name);
    if (!this.#alive.delete(name)) return;
    if (said === undefined) {
      this.#strangers -= 1;
      return;
    }
    this.#speakersNews.set(name, undefined);
    this.#gone.set(name, said);
    if (this.#isContested()) this.#nameAnew();
    for (const [oldest, { macs }] of this.#gone) {
      if (this.#gone.size <= GONE_MAX) return;
      this.#gone.delete(oldest);
      this.#say(oldest, macs, []);
    }
  }

  /** A speaker says that other MAC addresses are its own than before. */
  #say(name: string, before: readonly MacAddress[], now: readonly MacAddress[]): void {
    const wasContested = this.#isContested();
    this.#said += now.length - before.length;
    for (const mac of before) if (!now.includes(mac)) this.#setName(mac, undefined);
    for (const mac of now) this.#setName(mac, name);
    if (wasContested || this.#isContested()) this.#nameAnew();
  }

  /** Two say of one MAC address that it is theirs, as when a node comes back under another name. */
  #isContested(): boolean {
    return this.#said > this.#names.size;
  }

  /** What the living say counts more. */
  #nameAnew(): void {
    const names = new Map<MacAddress, string>();
    for (const known of [this.#gone, this.#alive]) {
      for (const [name, meta] of known) for (const mac of meta?.macs ?? []) names.set(mac, name);
    }
    for (const mac of this.#names.keys()) if (!names.has(mac)) this.#setName(mac, undefined);
    for (const [mac, name] of names) this.#setName(mac, name);
  }

  #setName(mac: MacAddress, name: string | undefined): void {
    if (this.#names.get(mac) === name) return;
    if (name === undefined) this.#names.delete(mac);
    else this.#names.set(mac, name);
    this.#namesNews.set(mac, name);
  }
}

function isSame(a: UsableInterfaces, b: UsableInterfaces): boolean {
  if (a === "all" || b === "all") return a === b;
  return a.size === b.size && [...a].every((name) => b.has(name));
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
