import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import type { SimNode } from "./sim-node.ts";

/** How often nodes that never said that they have an address are asked for it all the same, in steps. */
const ASK_ALL_EVERY = 10;

export interface HoldersPorts {
  readonly nodes: readonly SimNode[];
  readonly now: () => Instant;
  /** A node began to answer for an address, or ended. */
  readonly onChange: (address: IpAddress, node: SimNode, answers: boolean) => void;
}

/**
 * Who answers for which address, found out by asking at each node's own port. Whoever said on the wire that an
 * address is here is asked in every step, all others now and then.
 */
export class Holders {
  readonly #ports: HoldersPorts;
  readonly #suspects = new Map<IpAddress, Set<SimNode>>(); // by address; bounded by the story's pools
  readonly #since = new Map<IpAddress, Map<SimNode, Instant>>();
  #steps = 0;

  constructor(ports: HoldersPorts) {
    this.#ports = ports;
  }

  /** Addresses that were ever heard of. */
  get addresses(): Iterable<IpAddress> {
    return this.#suspects.keys();
  }

  /** An address that nodes are asked for from now on. */
  know(address: IpAddress): void {
    if (this.#suspects.has(address)) return;
    this.#suspects.set(address, new Set());
    this.#since.set(address, new Map());
  }

  claimed(address: IpAddress, node: SimNode): void {
    this.know(address);
    this.#suspects.get(address)?.add(node);
  }

  /** Who answers for an address, and since when it was found to. */
  of(address: IpAddress): ReadonlyMap<SimNode, Instant> {
    return this.#since.get(address) ?? new Map();
  }

  look(): void {
    this.#steps += 1;
    const all = this.#steps % ASK_ALL_EVERY === 0;
    for (const [address, suspects] of this.#suspects) {
      for (const node of all ? this.#ports.nodes : [...suspects]) this.#ask(address, node);
    }
  }

  /** Of a node that stands still nobody can tell what it would say: it counts as what it was. */
  #ask(address: IpAddress, node: SimNode): void {
    if (node.paused) return;
    const since = this.#since.get(address) ?? new Map<SimNode, Instant>();
    const answers = node.answersFor(address);
    if (answers === since.has(node)) {
      if (!answers) this.#suspects.get(address)?.delete(node);
      return;
    }
    if (answers) since.set(node, this.#ports.now());
    else since.delete(node);
    if (answers) this.#suspects.get(address)?.add(node);
    this.#ports.onChange(address, node, answers);
  }
}
