import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import { DETECTION_MS } from "./bounds.ts";
import { MOVES } from "./fault-kinds.ts";
import type { Fault, Script } from "./script.ts";

/** Back by themselves addresses go only after so long, ms: no story lasts longer. */
const NEVER_MS = 300_000;

/** Two that took an address at the same time are told apart within so many detection times. */
const NEW_HOLDER = 2;

/** Keeps an eye on addresses that move without a reason: the one who had it was well, and nobody asked. */
export class Moves {
  readonly #script: Script;
  /** Nodes that something befell; bounded by the script. */
  readonly #befallen = new Set<string>();
  #anything = false;
  /** Who began to answer last, and when; bounded by the story's pools. */
  readonly #last = new Map<IpAddress, { readonly node: string; readonly at: Instant }>();
  /** The first that had none. */
  without: string | undefined;
  /** The first that was silent without one. */
  silence: string | undefined;

  constructor(script: Script) {
    this.#script = script;
    this.#anything = script.failBackMs < NEVER_MS;
  }

  befell({ kind }: Fault, node: string): void {
    if (this.#script.calm) return; // nothing that happens in a calm story is a reason
    if (MOVES[kind] === "all") this.#anything = true;
    if (MOVES[kind] === "its") this.#befallen.add(node);
  }

  /** @param settled whether the cluster had time to find itself after its start. */
  answers(address: IpAddress, node: string, at: Instant, settled: boolean): void {
    const before = this.#last.get(address)?.node;
    this.#last.set(address, { node, at });
    if (before === undefined || before === node || !this.#isWell(before, settled)) return;
    this.without ??= `${address} went from ${before} to ${node} at ${Math.round(at)} ms, and ${before} was well`;
  }

  /** A node ends to answer. */
  isSilent(address: IpAddress, node: string, at: Instant, settled: boolean): void {
    const last = this.#last.get(address);
    const isNew = last?.node !== node || at - last.at <= NEW_HOLDER * DETECTION_MS[this.#script.profile];
    if (isNew || !this.#isWell(node, settled)) return;
    this.silence ??= `${node} was well and fell silent for ${address} at ${Math.round(at)} ms`;
  }

  #isWell(node: string, settled: boolean): boolean {
    return settled && !this.#anything && !this.#befallen.has(node);
  }
}
