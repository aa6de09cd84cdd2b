import { type IpAddress, toOctets } from "@herald/shared/ip/address";
import type { Gossip } from "./run-gossip.ts";
import { type StartGossipOptions, type StartGossipPorts, startGossip } from "./start-gossip.ts";

/** Gossip over the life of the speaker: begun once it can serve, ended before it stops serving. */
export class GossipLink {
  readonly #options: StartGossipOptions | undefined;
  readonly #ports: StartGossipPorts & { readonly onFailed: (error: unknown) => void };
  #gossip: Promise<Gossip> | undefined;
  #speakers: readonly IpAddress[] = [];
  #meta: Uint8Array = new Uint8Array();
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
      gossip.setMeta(this.#meta);
      this.#tell(gossip);
    }, this.#ports.onFailed);
  }

  /** Where speakers are, as the API has it: the whole list each time, ours included. */
  setSpeakers(addresses: readonly IpAddress[]): void {
    this.#speakers = addresses;
    this.#gossip?.then(
      (gossip) => this.#tell(gossip),
      () => {}, // told when it failed
    );
  }

  /** What this speaker says of itself. */
  setMeta(meta: Uint8Array): void {
    this.#meta = meta;
    this.#gossip?.then(
      (gossip) => gossip.setMeta(this.#meta),
      () => {}, // told when it failed
    );
  }

  /** Says good-bye: the others take over at once. Resolves when it was told. */
  async leave(): Promise<void> {
    this.#leaving = true;
    const gossip = await this.#gossip;
    await gossip?.leave();
  }

  #tell(gossip: Gossip): void {
    const { address: own, port } = this.#options ?? {};
    if (port === undefined) return;
    const others = this.#speakers.filter((address) => address !== own);
    gossip.discovered(others.map((address) => ({ address: toOctets(address), port })));
  }
}
