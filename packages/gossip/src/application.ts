import type { Broadcasts } from "./broadcasts.ts";
import type { SwimInput } from "./effect.ts";
import type { Members } from "./members.ts";
import type { Endpoint, User } from "./message.ts";
import type { SwimOptions } from "./options.ts";
import type { Outbox } from "./outbox.ts";
import { broadcastRoom, type Measure, PART_OCTETS, type Post } from "./post.ts";

/** What the core asks of the application on top of it. Called while the core works: it must not call back. */
export interface ApplicationPorts {
  /** What goes with every table we send, at most `MAX_USER_STATE_OCTETS`; empty for nothing. */
  userState(): Uint8Array;
}

/** An ack is small, and every probe brings one: what it carries is paid for all day. */
export const MAX_ACK_PAYLOAD_OCTETS = 32;

/** Half of what a member of ours takes in one stream, so that the table has room beside it. */
export const MAX_USER_STATE_OCTETS = 2 ** 20;

/** Told at the same time; beyond it those that were told most give way. */
const MAX_BROADCASTS = 1_024;

/** Shortest of the application's messages: its type, and nothing behind it. */
export const SHORTEST_USER_OCTETS = 1;

const NOTHING = new Uint8Array();

/**
 * The longest payload that fits into a datagram in any case, octets: as a broadcast that travels with nothing else.
 *
 * @param overheadOctets what label and encryption add, from `framingOverhead`.
 */
export function userOctets(options: Pick<SwimOptions, "datagramOctets">, overheadOctets: number): number {
  return broadcastRoom(options, overheadOctets) - PART_OCTETS - SHORTEST_USER_OCTETS;
}

export interface ApplicationParts {
  readonly options: SwimOptions;
  readonly measure: Measure;
  readonly ports: ApplicationPorts;
  readonly members: Members;
  readonly broadcasts: Broadcasts<User>;
  readonly post: Post;
  readonly outbox: Outbox;
}

/** The way of the application's octets through the gossip (memberlist's delegate). They mean nothing here. */
export class Application {
  readonly #parts: ApplicationParts;
  readonly #maxOctets: number;
  #ackPayload: Uint8Array = NOTHING;
  constructor(parts: ApplicationParts) {
    this.#parts = parts;
    this.#maxOctets = userOctets(parts.options, parts.measure.overheadOctets);
  }

  get ackPayload(): Uint8Array {
    return this.#ackPayload;
  }

  /** @throws {RangeError} for a payload that is too long: whoever made it should have known. */
  take(input: Extract<SwimInput, { type: "broadcast" | "tell" | "ack-payload" }>): void {
    switch (input.type) {
      case "broadcast":
        this.#broadcast(input.name, input.payload);
        return;
      case "tell":
        this.#tell(input.node, input.payload);
        return;
      case "ack-payload":
        expectAtMost(MAX_ACK_PAYLOAD_OCTETS, input.payload, "an ack's payload");
        this.#ackPayload = input.payload;
        return;
    }
  }

  /** @param from `undefined`: it came in a stream. */
  hear({ payload }: User, from: Endpoint | undefined): void {
    this.#parts.outbox.push({ type: "told", payload, from });
  }

  /** For a table that we are about to send. */
  userState(): Uint8Array {
    const { ports, outbox } = this.#parts;
    const userState = ports.userState();
    if (userState.length <= MAX_USER_STATE_OCTETS) return userState;
    // Why: it grows with what others say; without it we are still a member, with it nobody could read our table.
    outbox.notice("user-state-too-large", "", `${userState.length} octets, at most ${MAX_USER_STATE_OCTETS}`);
    return NOTHING;
  }

  /** Nothing is told any more. */
  stop(): void {
    this.#parts.broadcasts.clear();
  }

  #broadcast(name: string, payload: Uint8Array): void {
    expectAtMost(this.#maxOctets, payload, "a broadcast");
    const { broadcasts, measure, outbox } = this.#parts;
    if (!broadcasts.has(name) && broadcasts.size >= MAX_BROADCASTS) {
      broadcasts.removeMostTold();
      outbox.notice("broadcast-dropped", "");
    }
    const message: User = { type: "user", payload };
    broadcasts.queue(name, message, measure.octetsOf(message));
  }

  #tell(node: string, payload: Uint8Array): void {
    expectAtMost(this.#maxOctets, payload, "a message to one member");
    const { members, post, outbox } = this.#parts;
    const member = members.get(node);
    if (member?.state === "alive" || member?.state === "suspect") {
      post.withNews(member.endpoint, [{ type: "user", payload }]);
    } else {
      outbox.notice("nobody-to-tell", node);
    }
  }
}

function expectAtMost(maxOctets: number, { length }: Uint8Array, what: string): void {
  if (length > maxOctets) throw new RangeError(`${what} has ${length} octets, at most ${maxOctets} fit`);
}
