import type { Endpoint } from "@herald/gossip/message";
import type { DatagramHost, DatagramNet, DatagramPort, RequestOutcome } from "@herald/lab/datagrams";
import type { GossipListeners, GossipSockets } from "@herald/speaker/gossip-port";
import { readU32 } from "@herald/wire/bytes";

/**
 * A process's place on the virtual net: its clock, and sockets for its gossip. UDP and TCP, bytes only: the gossip
 * above them is the real one, codec and all. What comes in before they are opened is dropped, streams are closed.
 */
export class VirtualSockets implements GossipSockets, DatagramHost<Uint8Array> {
  readonly port: DatagramPort<Uint8Array>;
  #listeners: GossipListeners | undefined;
  readonly #asked = new Map<number, (data: Uint8Array | undefined) => void>(); // streams of others, not answered yet
  readonly #dialled = new Set<number>(); // streams of ours, not answered yet
  readonly #onOctets: (octets: Uint8Array) => void;
  #streams = 0;

  /** @param onOctets gets all that is sent. */
  constructor(net: DatagramNet<Uint8Array>, place: string, onOctets: (octets: Uint8Array) => void) {
    this.#onOctets = onOctets;
    this.port = net.plugIn(place, this);
  }

  open(listeners: GossipListeners): GossipSockets {
    this.#listeners = listeners;
    return this;
  }

  datagram(from: string, data: Uint8Array): void {
    this.#listeners?.onDatagram(endpointOf(from), data);
  }

  request(_from: string, data: Uint8Array, answer: (data: Uint8Array | undefined) => void): void {
    if (this.#listeners === undefined) {
      answer(undefined);
      return;
    }
    this.#streams += 1;
    this.#asked.set(this.#streams, answer);
    this.#listeners.onRequest(this.#streams, data);
  }

  send(to: Endpoint, bytes: Uint8Array): void {
    this.#onOctets(bytes);
    this.port.send(placeOf(to), bytes);
  }

  dial(stream: number, to: Endpoint, bytes: Uint8Array): void {
    this.#onOctets(bytes);
    this.#dialled.add(stream);
    this.port.request(placeOf(to), bytes, (outcome) => {
      if (this.#dialled.delete(stream)) this.#tell(stream, outcome);
    });
  }

  abandon(stream: number): void {
    this.#dialled.delete(stream);
  }

  answer(stream: number, bytes: Uint8Array): void {
    this.#finish(stream, bytes);
  }

  close(stream: number): void {
    this.#finish(stream, undefined);
  }

  async stop(): Promise<void> {
    this.#listeners = undefined;
    this.#dialled.clear();
  }

  #tell(stream: number, outcome: RequestOutcome<Uint8Array>): void {
    switch (outcome.type) {
      case "answer":
        this.#listeners?.onReply(stream, outcome.data);
        return;
      case "closed":
        this.#listeners?.onReplyEnd(stream);
        return;
      case "refused":
        this.#listeners?.onDialFailed(stream, "refused");
        return;
    }
  }

  #finish(stream: number, data: Uint8Array | undefined): void {
    this.#asked.get(stream)?.(data);
    this.#asked.delete(stream);
  }
}

const PORT = 7_946;
const places = new Map<number, string>(); // bounded by the machines there are, as is the other one
const endpoints = new Map<string, Endpoint>();

function placeOf({ address }: Endpoint): string {
  const number = readU32(address, address.length - 4);
  const known = places.get(number);
  if (known !== undefined) return known;
  const place = address.slice(-4).join(".");
  places.set(number, place);
  return place;
}

function endpointOf(place: string): Endpoint {
  const known = endpoints.get(place);
  if (known !== undefined) return known;
  const endpoint = { address: Uint8Array.from(place.split("."), Number), port: PORT };
  endpoints.set(place, endpoint);
  return endpoint;
}
