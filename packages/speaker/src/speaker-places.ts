/** On which nodes a ready speaker runs. A node may have two for a moment, during an update. */
export class SpeakerPlaces {
  readonly #nodeOf = new Map<string, string>(); // by pod key; bounded by the speakers of the cluster
  readonly #podsOn = new Map<string, number>(); // by node; no zeros

  /** @param node where the pod is; `undefined`: it is gone or not ready. @returns nodes that may differ now. */
  set(podKey: string, node: string | undefined): readonly string[] {
    const before = this.#nodeOf.get(podKey);
    if (before === node) return [];
    if (before !== undefined) this.#count(before, -1);
    if (node === undefined) this.#nodeOf.delete(podKey);
    else {
      this.#nodeOf.set(podKey, node);
      this.#count(node, 1);
    }
    return [before, node].filter((name) => name !== undefined);
  }

  has(node: string): boolean {
    return this.#podsOn.has(node);
  }

  #count(node: string, by: number): void {
    const count = (this.#podsOn.get(node) ?? 0) + by;
    if (count === 0) this.#podsOn.delete(node);
    else this.#podsOn.set(node, count);
  }
}
