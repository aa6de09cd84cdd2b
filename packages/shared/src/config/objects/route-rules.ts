import { quoted } from "../../quoted.ts";
import { BGP_ADVERTISEMENT_ANNOTATIONS } from "../../service/annotations.ts";
import type { RouteRules } from "../config.ts";

type RouteAnnotation = keyof typeof BGP_ADVERTISEMENT_ANNOTATIONS;

export interface RouteRulesReading {
  /** `undefined` for an object with none of our annotations. */
  readonly rules: RouteRules | undefined;
  readonly mistakes: readonly { readonly annotation: RouteAnnotation; readonly message: string }[];
}

/** Reads the annotations of a BGPAdvertisement, ours among any others. What has a mistake has no effect. */
export function readRouteRules(annotations: Readonly<Record<string, string>>): RouteRulesReading {
  if (!Object.keys(annotations).some((name) => name in BGP_ADVERTISEMENT_ANNOTATIONS)) return NONE;
  const mistakes: RouteRulesReading["mistakes"][number][] = [];
  const read = <Value>(annotation: RouteAnnotation, parse: (text: string) => Parsed<Value>) => {
    const text = annotations[annotation]?.trim() ?? "";
    if (text === "") return undefined;
    const parsed = parse(text);
    if ("value" in parsed) return parsed.value;
    mistakes.push({ annotation, message: parsed.mistake });
    return undefined;
  };
  const rules = {
    med: read("herald.io/med", numberFrom(0, MAX_MED)),
    prepend: read("herald.io/as-path-prepend", numberFrom(1, MAX_PREPEND)) ?? 0,
    bandwidthPerEndpoint: read("herald.io/link-bandwidth", parseBandwidth) ?? false,
  };
  return { rules, mistakes };
}

type Parsed<Value> = { readonly value: Value } | { readonly mistake: string };

const NONE: RouteRulesReading = { rules: undefined, mistakes: [] };
const MAX_MED = 0xffff_ffff;
/** Longer paths are of no use, and some networks drop what is much longer than usual. */
const MAX_PREPEND = 10;

function numberFrom(min: number, max: number): (text: string) => Parsed<number> {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return { value };
    return { mistake: `${quoted(text)} is not a whole number from ${min} to ${max}` };
  };
}

function parseBandwidth(text: string): Parsed<true> {
  return text === "per-endpoint" ? { value: true } : { mistake: `${quoted(text)} is not "per-endpoint"` };
}
