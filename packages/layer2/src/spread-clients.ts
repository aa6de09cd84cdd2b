import type { IpAddress } from "@herald/shared/ip/address";
import type { ArpPacket } from "@herald/wire/arp";
import { writeU32 } from "@herald/wire/bytes";
import type { Heard } from "./hear.ts";
import type { Port } from "./port.ts";
import { type Hash64, hashOctets, keyOf } from "./spread-hash.ts";
import type { SpreadNodes } from "./spread-nodes.ts";

/** An address that several nodes answer for, each some of its clients. */
export interface Spread {
  /** Name of this node. */
  readonly self: string;
  readonly nodes: SpreadNodes;
  /** Of the address. */
  readonly hash: Hash64;
}

/** Who asks. */
export interface Asker {
  readonly octets: Uint8Array; // 4 or 16; zeros for a probe, which has no address yet
  readonly mac: Uint8Array;
  readonly interface: string;
}

/** A request or a solicitation. */
export type Question = ArpPacket | Extract<Heard, { type: "solicitation" }>;

export function askerOf(question: Question, port: Port): Asker {
  const { name } = port.interface;
  if (!("from" in question)) {
    const octets = new Uint8Array(4);
    writeU32(octets, 0, question.senderIp);
    return { octets, mac: question.senderMac, interface: name };
  }
  const { from, source } = question;
  return { octets: from?.address ?? NOBODY, mac: from?.mac ?? source, interface: name };
}

const NOBODY = new Uint8Array(16);

/** A station that was heard to ask everybody for a spread address. */
export interface Client {
  readonly key: number;
  readonly address: IpAddress; // the spread one
  readonly octets: Uint8Array; // its own, 4 or 16
  readonly mac: Uint8Array;
  readonly interface: string;
  readonly hash: Hash64;
  /** The nodes that have heard it ask: one that came later does not know of it. */
  among: SpreadNodes;
  /** The one it was sent to; `undefined` when there was none. */
  at: string | undefined;
}

/** How many clients a node remembers, over all its spread addresses. */
export const CLIENTS_MAX = 4_096;

/**
 * Which clients there are, and which node each was sent to. Every node hears every question that is asked of everybody,
 * so all of them keep the same list and agree on who takes over a client whose node has gone. What a node has not heard,
 * because it came later, it is told by the nodes that have the clients: see {@link SpreadClients.introduce}.
 */
export class SpreadClients {
  /** By hash of address and client, least recently heard first; at most `max`. */
  readonly #clients = new Map<number, Client>();
  /** The same, so that a change of one address costs as much as it has clients. */
  readonly #byAddress = new Map<IpAddress, Set<Client>>();
  readonly #max: number;
  /**
   * Goes through them once and for all: what it has passed was forgotten, or was heard since and stands behind. Begun
   * anew each time, it would step over all that was deleted before.
   */
  readonly #oldest: Iterator<number, undefined> = this.#clients.keys();
  constructor(max = CLIENTS_MAX) {
    this.#max = max;
  }

  /**
   * Somebody asks everybody.
   *
   * @returns the node that is to answer.
   */
  hear(address: IpAddress, { hash, nodes }: Spread, asker: Asker): string | undefined {
    const own = hashOctets(asker.octets, hash);
    const at = nodes.chosenFor(own);
    if (asker.octets.every((octet) => octet === 0)) return at;
    const key = keyOf(own);
    this.#drop(key);
    this.#put({
      key,
      address,
      octets: asker.octets.slice(),
      mac: asker.mac.slice(),
      interface: asker.interface,
      hash: own,
      among: nodes,
      at,
    });
    if (this.#clients.size > this.#max) this.#forgetOldest();
    return at;
  }

  /** Another node says that it has a client: as if that had asked everybody, and had been answered there. */
  learn(address: IpAddress, spread: Spread, asker: Asker, at: string): void {
    this.hear(address, spread, asker);
    const client = this.#clients.get(keyOf(hashOctets(asker.octets, spread.hash)));
    if (client !== undefined) client.at = at;
  }

  /**
   * Those of this node's clients that some node of the address has not heard of: it came after they asked.
   *
   * @returns them; they count as known to all from now on.
   */
  introduce(address: IpAddress, { self, nodes }: Spread): readonly Client[] {
    const unknown: Client[] = [];
    for (const client of this.#of(address)) {
      if (client.at !== self) continue;
      if (nodes.within(client.among) === nodes) continue;
      client.among = nodes;
      unknown.push(client);
    }
    return unknown;
  }

  /**
   * The nodes of an address are others now. Clients of those that went are taken over by one that has heard them ask.
   *
   * @returns those this node is to tell.
   */
  move(address: IpAddress, { self, nodes }: Spread): readonly Client[] {
    const moved: Client[] = [];
    const left = new Map<SpreadNodes, SpreadNodes>();
    for (const client of this.#of(address)) {
      client.among = memoized(left, client.among, (among) => among.within(nodes));
      if (client.at !== undefined && nodes.has(client.at)) continue;
      client.at = client.among.chosenFor(client.hash) ?? nodes.chosenFor(client.hash);
      if (client.at === self) moved.push(client);
    }
    return moved;
  }

  /** @returns the clients of an address that were sent to a node and ask on an interface. */
  *of(address: IpAddress, node: string, name: string): Generator<Client, void> {
    for (const client of this.#of(address)) {
      if (client.at === node && client.interface === name) yield client;
    }
  }

  /** @returns as it is known now; `undefined`: it was forgotten. */
  get(key: number): Client | undefined {
    return this.#clients.get(key);
  }

  forget(address: IpAddress): void {
    for (const { key } of this.#of(address)) this.#drop(key);
  }

  get size(): number {
    return this.#clients.size;
  }

  #forgetOldest(): void {
    const { value: key } = this.#oldest.next();
    if (key !== undefined) this.#drop(key);
  }

  #of(address: IpAddress): Iterable<Client> {
    return this.#byAddress.get(address) ?? [];
  }

  #put(client: Client): void {
    const { key, address } = client;
    this.#clients.set(key, client);
    const others = this.#byAddress.get(address);
    if (others === undefined) this.#byAddress.set(address, new Set([client]));
    else others.add(client);
  }

  #drop(key: number): void {
    const client = this.#clients.get(key);
    if (client === undefined) return;
    this.#clients.delete(key);
    const others = this.#byAddress.get(client.address);
    others?.delete(client);
    if (others?.size === 0) this.#byAddress.delete(client.address);
  }
}

function memoized<Key, Value>(known: Map<Key, Value>, key: Key, make: (key: Key) => Value): Value {
  const before = known.get(key);
  if (before !== undefined) return before;
  const made = make(key);
  known.set(key, made);
  return made;
}
