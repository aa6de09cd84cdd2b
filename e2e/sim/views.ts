import type { Pool } from "@herald/shared/config/config";
import type { Instant } from "@herald/shared/core";
import { familyOf, type IpAddress, type IpFamily, parseAddress, toBigint } from "@herald/shared/ip/address";
import type { Change } from "@herald/speaker/kubernetes-protocol";

/** What one speaker has been told, as far as it says what may be announced. */
export class View {
  readonly #addresses = new Map<string, readonly string[]>(); // by Service
  #pools: readonly Pool[] = [];
  /** Answers since the last change; bounded by the story's pools. */
  readonly #answers = new Map<IpAddress, boolean>();
  /** Addresses that were allowed once and are not now; bounded by the story's pools. */
  readonly #disallowed = new Map<IpAddress, Instant>();
  #changedAt: Instant = 0;

  take(changes: readonly Change[], now: Instant): void {
    this.#changedAt = now;
    this.#answers.clear();
    for (const change of changes) {
      if (change.type === "service") {
        this.#addresses.set(
          change.service.key,
          change.service.ingress.map(({ ip = "" }) => ip),
        );
      }
      if (change.type === "service-gone") this.#addresses.delete(change.key);
      if (change.type === "config") this.#pools = change.config.pools;
    }
  }

  /** Some Service has it, and some pool gives it out. */
  allows(address: IpAddress): boolean {
    const known = this.#answers.get(address);
    if (known !== undefined) return known;
    const allowed = this.#isGiven(address) && holds(this.#pools, address);
    this.#answers.set(address, allowed);
    if (allowed) this.#disallowed.delete(address);
    return allowed;
  }

  /** Since when an address that is not allowed is not, as far as it was asked about. */
  disallowedSince(address: IpAddress): Instant {
    const since = this.#disallowed.get(address) ?? this.#changedAt;
    this.#disallowed.set(address, since);
    return since;
  }

  #isGiven(address: IpAddress): boolean {
    for (const ips of this.#addresses.values()) if (ips.includes(address)) return true;
    return false;
  }
}

/** Whether any of these pools has the address. */
export function holds(pools: readonly Pool[], address: string): boolean {
  const parsed = readAddress(address);
  if (parsed === undefined) return false;
  const { family, value } = parsed;
  return pools.some(({ ranges }) =>
    ranges.some((range) => range.family === family && range.first <= value && value <= range.last),
  );
}

interface ReadAddress {
  readonly family: IpFamily;
  readonly value: bigint;
}

/** The few addresses there are, asked about again and again; bounded by the stories' pools. */
const addresses = new Map<string, ReadAddress | undefined>();

function readAddress(text: string): ReadAddress | undefined {
  if (addresses.has(text)) return addresses.get(text);
  const parsed = parseAddress(text);
  const read = parsed === undefined ? undefined : { family: familyOf(parsed), value: toBigint(parsed) };
  addresses.set(text, read);
  return read;
}
