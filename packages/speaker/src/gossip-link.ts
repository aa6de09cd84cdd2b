import { familyOf, type IpAddress, toOctets } from "@herald/shared/ip/address";
import type { ClaimsTransport } from "./claims.ts";
import type { Gossip } from "./run-gossip.ts";
import { encodeSpeakerMeta } from "./speaker-meta.ts";
import { type StartGossipOptions, type StartGossipPorts, startGossip } from "./start-gossip.ts";

/** Gossip over the life of the speaker: begun once it can serve, ended before it stops serving. */
export class GossipLink implements ClaimsTransport {
  readonly #options: StartGossipOptions | undefined;
  readonly #ports: StartGossipPorts & { readonly onFailed: (error: unknown) => void };
  #gossip: Promise<Gossip> | undefined;
  /** The same once it is there. */
  #running: Gossip | undefined;
  #speakers: readonly IpAddress[] = [];
  /** Before anything is known of interfaces: one that says nothing would be taken for MetalLB's, by the whole cluster. */
  #meta: Uint8Array = encodeSpeakerMeta({ macs: [], interfaces: new Set() });
  #ackPayload: Uint8Array = new Uint8Array();
  #leaving = false;

  /** @param options `undefined`: no gossip, the readiness of pods decides. */
  constructor(
    options: StartGossipOptions | undefined,
    ports: StartGossipPorts & { readonly onFailed: (error: unknown) => void },
  ) {
    this.#options = options;
    this.#ports = ports;
  }

  /** Call it once this speaker can serve: whoever is in the gossip is taken for one that does. */
  join(): void {
    if (this.#options === undefined || this.#leaving) return;
    this.#gossip = startGossip(this.#options, this.#ports, this.#meta);
    this.#gossip.then((gossip) => {
      this.#running = gossip;
      gossip.setMeta(this.#meta);
      gossip.setAckPayload(this.#ackPayload);
      this.#tell(gossip);
    }, this.#ports.onFailed);
  }

  /** Where speakers are, as the API has it: the whole list each time, ours included. */
  setSpeakers(addresses: readonly IpAddress[]): void {
    this.#speakers = addresses;
    this.#once((gossip) => this.#tell(gossip));
  }

  /** What this speaker says of itself. */
  setMeta(meta: Uint8Array): void {
    this.#meta = meta;
    this.#once((gossip) => gossip.setMeta(this.#meta));
  }

  /** What this speaker says with every answer to a probe. */
  setAckPayload(payload: Uint8Array): void {
    this.#ackPayload = payload;
    this.#once((gossip) => gossip.setAckPayload(this.#ackPayload));
  }

  /** To everybody; what is said before there is gossip is not heard. */
  broadcast(name: string, payload: Uint8Array): void {
    this.#once((gossip) => gossip.broadcast(name, payload));
  }

  tell(node: string, payload: Uint8Array): void {
    this.#once((gossip) => gossip.tell(node, payload));
  }

  /** Says good-bye: the others take over at once. Resolves when it was told. */
  async leave(): Promise<void> {
    this.#leaving = true;
    const gossip = await this.#gossip;
    await gossip?.leave();
  }

  #once(act: (gossip: Gossip) => void): void {
    if (this.#running !== undefined) act(this.#running);
    else this.#gossip?.then(act, () => {}); // told when it failed
  }

  #tell(gossip: Gossip): void {
    if (this.#options === undefined) return;
    const { address: own, port } = this.#options;
    // Why by family: the sockets reach no other, and with both families a pod has an address of each.
    const others = this.#speakers.filter((address) => address !== own && familyOf(address) === familyOf(own));
    gossip.discovered(others.map((address) => ({ address: toOctets(address), port })));
  }
}
