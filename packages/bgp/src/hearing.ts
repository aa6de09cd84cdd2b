import type { IpFamily } from "@herald/shared/ip/address";
import type { Counting } from "./counters.ts";
import type { BgpEffect } from "./effect.ts";
import type { NlriField } from "./nlri.ts";
import { type DecodedUpdate, isEndOfRib } from "./update.ts";

/** Counts the routes that the peer tells us, and forgets them. */
export class Hearing {
  readonly #counters: Counting;
  readonly #emit: (effect: BgpEffect) => void;
  /** Families that the peer said something unintelligible about in this session. */
  readonly #ignored = new Set<IpFamily>();
  constructor(counters: Counting, emit: (effect: BgpEffect) => void) {
    this.#counters = counters;
    this.#emit = emit;
  }

  /** There is a new session. */
  begin(): void {
    this.#ignored.clear();
  }

  /** @param body what was decoded. */
  heard(decoded: DecodedUpdate, body: Uint8Array): void {
    const { update, treatAsWithdraw } = decoded;
    for (const family of decoded.ignored) this.#ignored.add(family);
    const { announced, withdrawn, reach, unreach } = update;
    if (!treatAsWithdraw) this.#counters.routesReceived += this.#count(announced) + this.#count(reach?.nlri);
    this.#counters.withdrawalsReceived += this.#count(withdrawn) + this.#count(unreach);
    const family = isEndOfRib(decoded);
    if (family !== undefined) this.#emit({ type: "end-of-rib", family });
    this.#complain(decoded, body);
  }

  #count(field: NlriField | undefined): number {
    return field === undefined || this.#ignored.has(field.family) ? 0 : field.count;
  }

  #complain({ errors: [first], ignored }: DecodedUpdate, body: Uint8Array): void {
    if (first === undefined) return;
    this.#counters.attributeErrors += 1;
    const families = ignored.map((family) => `IPv${family}`).join(" and ");
    const rest = families === "" ? "" : `; routes of ${families} are not counted until the session is over`;
    const detail = `${first.text}: ${first.treatment}${rest}`;
    this.#emit({ type: "notice", reason: "attribute-error", detail, update: body });
  }
}
