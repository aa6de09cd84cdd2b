import { expectNotAhead } from "@herald/layer2/claims/claim-ahead";
import { ClaimBook, type ClaimEffect, type ClaimInput } from "@herald/layer2/claims/claim-book";
import { decodeBook, decodeClaimMessage, decodeDigest } from "@herald/layer2/claims/claim-codec";
import type { Standing } from "@herald/layer2/claims/claim-messages";
import { type Epoch, UNCLAIMED } from "@herald/layer2/conflict-messages";
import type { Clock } from "@herald/shared/core";
import { type Driven, drive } from "@herald/shared/driver";
import type { IpAddress } from "@herald/shared/ip/address";
import { DecodeError } from "@herald/wire/bytes";
import type { ClaimsView } from "./ownership.ts";

/** How claims travel: octets that the gossip carries for the speakers. */
export interface ClaimsTransport {
  /** To every speaker. Of two of one name the later counts. */
  readonly broadcast: (name: string, payload: Uint8Array) => void;
  /** To one speaker; may be lost. */
  readonly tell: (node: string, payload: Uint8Array) => void;
  /** With every ack from now on. */
  readonly setAckPayload: (payload: Uint8Array) => void;
}

export interface ClaimsPorts {
  readonly clock: Clock;
  /** Time of day, ms since 1970. */
  readonly wallMs: () => number;
  readonly transport: ClaimsTransport;
  /** Another speaker's claim is another one, or none any more. */
  readonly onChanged: (address: IpAddress, speaker: string) => void;
  readonly onRefused: (error: DecodeError) => void;
}

/** What the gossip brings of other speakers' claims. */
export interface ClaimsNews {
  /** A user message. */
  readonly told: (payload: Uint8Array) => void;
  /** What came with the ack of a speaker. */
  readonly acked: (node: string, payload: Uint8Array) => void;
  /** The user state of a table. */
  readonly state: (payload: Uint8Array) => void;
  /** For our own tables. */
  readonly userState: () => Uint8Array;
  /** Whether all is known of what these speakers claim. */
  readonly knows: (speakers: Iterable<string>) => boolean;
}

/** Of a user message in gossip that is encrypted and labelled: some room is left. */
const PAYLOAD_OCTETS = 1_200;

/** Of the 1 MiB that a table may carry: 90,000 claims of IPv4. */
const BOOK_OCTETS = 1_000_000;

/** News by gossip takes some rounds, 5 to 200 ms each. */
const ASK_AFTER_MS = 100;
const ASK_AGAIN_MS = 300;

/** The book of claims at work: octets to news and back, and what this node claims. */
export class Claims implements ClaimsView, ClaimsNews {
  readonly #self: string;
  readonly #ports: ClaimsPorts;
  readonly #book: ClaimBook;
  readonly #driven: Driven<ClaimInput>;
  readonly #speakers = new Set<string>(); // bounded by the gossip

  /** @param self name of this speaker in the gossip. */
  constructor(self: string, ports: ClaimsPorts) {
    this.#self = self;
    this.#ports = ports;
    this.#book = new ClaimBook({
      self,
      life: Math.floor(ports.wallMs()),
      payloadOctets: PAYLOAD_OCTETS,
      bookOctets: BOOK_OCTETS,
      askAfterMs: ASK_AFTER_MS,
      askAgainMs: ASK_AGAIN_MS,
    });
    this.#driven = drive(this.#book, ports.clock, (effect) => this.#perform(effect));
  }

  /** This node begins to announce an address, in this moment. @returns its claim's epoch. */
  claim(address: IpAddress): Epoch {
    this.#driven.feed({ type: "claim", address, wallMs: this.#ports.wallMs() });
    return this.#book.epochOf(address) ?? UNCLAIMED;
  }

  /**
   * Whether another speaker has ever claimed an address, as far as is known: then nobody else has it. Not so once it was
   * left to a stranger.
   */
  isKnown(address: IpAddress): boolean {
    return this.#book.wereOthers(address);
  }

  /** Whether another speaker's claim of an address is newer than this node's, if it has any. */
  isOutdone(address: IpAddress): boolean {
    const own = this.#book.epochOf(address) ?? UNCLAIMED;
    for (const [speaker, epoch] of this.#book.claimantsOf(address)) {
      if (epoch > own || (epoch === own && speaker > this.#self)) return true;
    }
    return false;
  }

  /** This node gave it up to a stranger: what it has claimed is left to it, unless another answers. */
  weaken(address: IpAddress): void {
    this.#driven.feed({ type: "weaken", address });
  }

  /** This node answers for it no more. */
  unclaim(address: IpAddress): void {
    this.#driven.feed({ type: "unclaim", address });
  }

  /**
   * Whether another speaker that claims what it announces is alive.
   *
   * @returns whether it was not known to be, and is.
   */
  setSpeaker(name: string, isAlive: boolean): boolean {
    if (this.#speakers.has(name) === isAlive) return false;
    if (isAlive) this.#speakers.add(name);
    else this.#speakers.delete(name);
    this.#driven.feed({ type: "member", name, isAlive });
    return isAlive;
  }

  claimantsOf(address: IpAddress): ReadonlyMap<string, Epoch> {
    return this.#book.claimantsOf(address);
  }

  setUse(address: IpAddress, used: boolean): void {
    this.#book.setUse(address, used);
  }

  told(payload: Uint8Array): void {
    const message = this.#read(() => this.#notAhead(decodeClaimMessage(ofOneMessage(payload))));
    if (message !== undefined) this.#driven.feed({ type: "told", message });
  }

  acked(node: string, payload: Uint8Array): void {
    if (!this.#speakers.has(node)) return;
    const standing = this.#read(() => this.#notAhead(decodeDigest(payload)));
    // Why: nearly every ack says what the one before said.
    if (standing === undefined || this.#book.isUpTo(node, standing)) return;
    this.#driven.feed({ type: "acked", node, standing });
  }

  state(payload: Uint8Array): void {
    const book = this.#read(() => decodeBook(payload)) ?? [];
    // Why page by page: one is of whoever wrote it, and the book of whoever believed that.
    const pages = book.filter((page) => this.#read(() => this.#notAhead(page)) !== undefined);
    this.#driven.feed({ type: "state", pages });
  }

  userState(): Uint8Array {
    return this.#book.book();
  }

  knows(speakers: Iterable<string>): boolean {
    return this.#book.knows(speakers);
  }

  stop(): void {
    this.#driven.stop();
  }

  #notAhead<Said extends Standing>(said: Said): Said {
    return expectNotAhead(said, this.#ports.wallMs());
  }

  /** The one place where refused claims are caught. */
  #read<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#ports.onRefused(error);
      return undefined;
    }
  }

  #perform(effect: ClaimEffect): void {
    const { transport, onChanged } = this.#ports;
    switch (effect.type) {
      case "broadcast":
        transport.broadcast(effect.name, effect.payload);
        return;
      case "tell":
        transport.tell(effect.node, effect.payload);
        return;
      case "digest":
        transport.setAckPayload(effect.payload);
        return;
      case "changed":
        onChanged(effect.address, effect.speaker);
        return;
    }
  }
}

/** Why refuse what could be read: a stream carries more than a datagram, in which it is to be passed on. */
function ofOneMessage(payload: Uint8Array): Uint8Array {
  const { length } = payload;
  if (length > PAYLOAD_OCTETS)
    throw new DecodeError("oversized", "claims", `${length}, at most ${PAYLOAD_OCTETS}`);
  return payload;
}
