import type { ServiceKey } from "@herald/shared/service/view";
import type { HoldingWord } from "./kubernetes-protocol.ts";

/** Says which Services this node announces, and on which interfaces: each fact once. */
export class HoldingWords {
  readonly #say: (word: HoldingWord) => void;
  /** What was said last of those announced here; bounded by that. */
  readonly #said = new Map<ServiceKey, string>();
  constructor(say: (word: HoldingWord) => void) {
    this.#say = say;
  }

  /** All addresses of the Service are announced. @param interfaces in order; none: all. */
  here(service: ServiceKey, interfaces: readonly string[], isShared: boolean): void {
    const text = `${isShared} ${interfaces.join()}`;
    if (this.#said.get(service) === text) return;
    this.#said.set(service, text);
    this.#say({ type: "here", service, interfaces, isShared });
  }

  /** `left`: to another node, which says so itself. */
  ended(service: ServiceKey, type: "gone" | "left"): void {
    if (this.#said.delete(service)) this.#say({ type, service });
  }
}
