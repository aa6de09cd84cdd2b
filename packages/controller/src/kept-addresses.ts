import type { Log } from "@herald/daemon/log";
import type { Departure } from "@herald/shared/allocator/departed";
import { MAX_STICKY_MS } from "@herald/shared/allocator/pool-rules";
import type { Instant } from "@herald/shared/core";
import { parseAddress } from "@herald/shared/ip/address";
import { parseServiceKey, type ServiceKey } from "@herald/shared/service/view";
import { z } from "zod";

/** Annotation of the controllers' Lease: the addresses that wait for deleted Services, for whoever leads next. */
export const KEPT_ADDRESSES = "herald.io/kept-addresses";

/** Those who left last; of 100 octets each, and an annotation has 256 KiB. */
const MAX_WRITTEN = 256;

/** A moment on the clock of this process and on everybody's. */
export interface Moment {
  readonly now: Instant;
  /** Milliseconds since 1970. */
  readonly epochMs: number;
}

/** What a leader knows of deleted Services, from the one before it and for the one after it. */
export class KeptAddresses {
  readonly #moment: () => Moment;
  readonly #log: Log;
  readonly #writer = new KeptAddressesText();
  #text: string | undefined;

  constructor(moment: () => Moment, log: Log) {
    this.#moment = moment;
    this.#log = log;
  }

  /** @param text the annotation of the Lease as it was taken. @returns whom to expect back. */
  take(text: string | undefined): readonly Departure[] {
    this.#text = text;
    if (text === undefined) return [];
    const { departures, mistakes } = readKeptAddresses(text, this.#moment());
    const [mistake] = mistakes;
    if (mistake !== undefined) {
      const data = { annotation: KEPT_ADDRESSES, mistake, mistakes: mistakes.length };
      this.#log.warn("addresses kept for deleted Services are not all understood, going on without", data);
    }
    if (departures.length > 0) {
      this.#log.info("keeping addresses for deleted Services", { services: departures.length });
    }
    return departures;
  }

  /** What the annotation is to say. @param departures `undefined` while nothing is decided: as before. */
  text(departures: readonly Departure[] | undefined): string | undefined {
    if (departures !== undefined) this.#text = this.#writer.write(departures, this.#moment());
    return this.#text;
  }
}

/** Says in the annotation who is awaited, in the same words for as long as that is the same. */
export class KeptAddressesText {
  #untils: ReadonlyMap<ServiceKey, { readonly due: Instant; readonly until: string }> = new Map(); // of those written

  /** @returns `undefined` when nobody is awaited. */
  write(departures: readonly Departure[], { now, epochMs }: Moment): string | undefined {
    const newest = departures.slice(-MAX_WRITTEN);
    this.#untils = new Map(
      newest.map(({ key, until: due }) => {
        const known = this.#untils.get(key);
        // Why: by a clock that was set meanwhile it would be another time, and written again.
        if (known?.due === due) return [key, known];
        return [key, { due, until: new Date(epochMs + due - now).toISOString() }];
      }),
    );
    if (newest.length === 0) return undefined;
    const entries = newest.map(({ key, addresses }) => ({
      service: key,
      addresses,
      until: this.#untils.get(key)?.until,
    }));
    return JSON.stringify(entries);
  }
}

/**
 * Reads the annotation. Whose time is over is left out; nobody waits for longer than a pool can have it.
 *
 * @returns what cannot be understood as mistakes, which have no effect.
 */
export function readKeptAddresses(
  text: string,
  { now, epochMs }: Moment,
): { readonly departures: readonly Departure[]; readonly mistakes: readonly string[] } {
  const entries = readEntries(text);
  if (entries === undefined) return { departures: [], mistakes: ["no list in JSON"] };
  const departures: Departure[] = [];
  const mistakes: string[] = [];
  for (const [index, entry] of entries.slice(0, MAX_WRITTEN).entries()) {
    const parsed = Entry.safeParse(entry);
    if (parsed.success) {
      const { service: key, addresses, until } = parsed.data;
      const leftMs = Math.min(until - epochMs, MAX_STICKY_MS);
      if (leftMs > 0) departures.push({ key, addresses, until: now + leftMs });
    } else {
      const [issue] = parsed.error.issues;
      mistakes.push(`${[`[${index}]`, ...(issue?.path ?? [])].join(".")}: ${issue?.message}`);
    }
  }
  if (entries.length > MAX_WRITTEN) mistakes.push(`more than ${MAX_WRITTEN} entries`);
  return { departures, mistakes };
}

function readEntries(text: string): readonly unknown[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function parsed<Value>(parse: (text: string) => Value | undefined, wanted: string): z.ZodType<Value, string> {
  return z.string().transform((text, ctx) => {
    const value = parse(text);
    if (value !== undefined) return value;
    ctx.addIssue({ code: "custom", message: `want ${wanted}` });
    return z.NEVER;
  });
}

const Entry = z.object({
  service: parsed(parseServiceKey, "namespace/name"),
  addresses: z.array(parsed(parseAddress, "an address")).min(1).max(2),
  until: parsed(parseTime, "a time like 2026-01-01T00:00:00.000Z"),
});

function parseTime(text: string): number | undefined {
  const epochMs = Date.parse(text);
  return Number.isNaN(epochMs) ? undefined : epochMs;
}
