import type { Instant } from "@herald/shared/core";
import type { IpAddress } from "@herald/shared/ip/address";
import { MOVES } from "./fault-kinds.ts";
import type { Fault, Script } from "./script.ts";

/** Back by themselves addresses go only after so long, ms: no story lasts longer. */
const NEVER_MS = 300_000;

/** Keeps an eye on addresses that move without a reason: the one who had it was well, and nobody asked. */
export class Moves {
  readonly #script: Script;
  /** Nodes that something befell; bounded by the script. */
  readonly #befallen = new Set<string>();
  #anything = false;
  readonly #last = new Map<IpAddress, string>(); // who answered last; bounded by the story's pools
  /** The first that had none. */
  without: string | undefined;

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
    const before = this.#last.get(address);
    this.#last.set(address, node);
    if (!settled || this.#anything || before === undefined || before === node) return;
    if (this.#befallen.has(before)) return;
    this.without ??= `${address} went from ${before} to ${node} at ${Math.round(at)} ms, and ${before} was well`;
  }
}
