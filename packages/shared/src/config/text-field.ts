import { z } from "zod";
import { type IpAddress, parseAddress } from "../ip/address.ts";
import { type IpRange, parseRange } from "../ip/range.ts";
import { quoted } from "../quoted.ts";
import { parseDuration } from "./duration.ts";

/** The largest ASN, and the largest of other numbers of 32 bits. */
export const MAX_U32 = 0xffff_ffff;

/** Sixteen bits of seconds in an OPEN message (RFC 4271 §4.2). */
export const MAX_TIMER_SECONDS = 0xffff;

/** RFC 4271 §10 suggests it. */
export const DEFAULT_HOLD_TIME_SECONDS = 90;

/** A field whose text is read into something better. `read` tells its mistake by an object that has one. */
export function textOf<T extends object>(
  meta: string | Readonly<Record<string, unknown>>,
  read: (text: string) => T | { readonly mistake: string },
) {
  return z
    .string()
    .meta(typeof meta === "string" ? { description: meta } : meta)
    .transform((text, context): T => {
      const result = read(text);
      if (!("mistake" in result)) return result as T;
      context.addIssue({ code: "custom", message: result.mistake });
      return z.NEVER;
    });
}

export function readRange(text: string): IpRange | { readonly mistake: string } {
  const parsed = parseRange(text);
  return "range" in parsed ? parsed.range : parsed;
}

export function readAddress(text: string): { readonly address: IpAddress } | { readonly mistake: string } {
  const address = parseAddress(text);
  return address === undefined ? { mistake: `${quoted(text)} is no IPv4 or IPv6 address` } : { address };
}

/** As `readAddress`, with `undefined` for the empty text. */
export function readOptionalAddress(
  text: string,
): { readonly address: IpAddress | undefined } | { readonly mistake: string } {
  return text === "" ? { address: undefined } : readAddress(text);
}

/** Whole seconds of a duration; fractions do not count, as in MetalLB. `undefined` for the empty text. */
export function readSeconds(
  text: string,
): { readonly seconds: number | undefined } | { readonly mistake: string } {
  if (text === "") return { seconds: undefined };
  const parsed = parseDuration(text);
  if ("mistake" in parsed) return parsed;
  const whole = Math.trunc(parsed.milliseconds / 1000);
  if (parsed.milliseconds >= 0 && whole <= MAX_TIMER_SECONDS) return { seconds: whole };
  return { mistake: `${quoted(text)} is out of range, want "0s" to "${MAX_TIMER_SECONDS}s"` };
}

/** As `readSeconds`, of how long a router may be silent. */
export function readHoldTime(text: string): ReturnType<typeof readSeconds> {
  const read = readSeconds(text);
  if ("mistake" in read || read.seconds === undefined || read.seconds === 0 || read.seconds >= 3) return read;
  return { mistake: `a hold time of ${read.seconds}s is too short, want 0 or at least 3s` };
}

/** A label's name with an optional DNS prefix, as the API server checks it. */
const LABEL_KEY =
  /^(?:[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?\/)?[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?$/;

export const labelKey = z
  .string()
  .regex(LABEL_KEY, { error: ({ input }) => `${quoted(String(input))} is no label key` })
  .meta({ description: "Name of a label." });
export const labelValue = z
  .string()
  .regex(LABEL_VALUE, { error: ({ input }) => `${quoted(String(input))} is no label value` })
  .meta({ description: "Value of a label." });
