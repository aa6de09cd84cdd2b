import type { AnnouncingProtocol } from "@herald/k8s/service-status";
import type { ServiceKey } from "@herald/shared/service/view";
import type { HoldingWord } from "./kubernetes-protocol.ts";

type Here = Extract<HoldingWord, { type: "here" }>;

/** Says which Services this node announces by a protocol, and where: each fact once. */
export class HoldingWords {
  readonly #protocol: AnnouncingProtocol;
  readonly #say: (word: HoldingWord) => void;
  /** What was said last of those announced here; bounded by that. */
  readonly #said = new Map<ServiceKey, Here>();
  /** Bounded by what is to be announced here. */
  readonly #lost = new Set<ServiceKey>();

  constructor(protocol: AnnouncingProtocol, say: (word: HoldingWord) => void) {
    this.#protocol = protocol;
    this.#say = say;
  }

  /** All addresses of the Service are announced. @param names of interfaces or peers, in order. */
  here(service: ServiceKey, names: readonly string[], isShared: boolean): void {
    const before = this.#said.get(service);
    if (before?.isShared === isShared && before.names.join() === names.join()) return;
    this.#said.set(service, { type: "here", protocol: this.#protocol, service, names, isShared });
    this.#lost.delete(service);
    this.again(service);
  }

  /** Another node may have said that it announces it. */
  again(service: ServiceKey): void {
    const said = this.#said.get(service);
    if (said !== undefined) this.#say(said);
  }

  /** `left`: to another node, which says so itself. */
  ended(service: ServiceKey, type: "gone" | "left"): void {
    const wasLost = this.#lost.delete(service);
    if (this.#said.delete(service) || (wasLost && type === "gone")) this.#end(service, type);
  }

  /** Left to a newer claim. Whose Service that is for is not decided yet: if not for this one, it ends as `gone`. */
  lost(service: ServiceKey): void {
    if (!this.#said.delete(service)) return;
    this.#lost.add(service);
    this.#end(service, "left");
  }

  /** All that was said to be announced here. */
  services(): readonly ServiceKey[] {
    return [...this.#said.keys()];
  }

  #end(service: ServiceKey, type: "gone" | "left"): void {
    this.#say({ type, protocol: this.#protocol, service });
  }
}
