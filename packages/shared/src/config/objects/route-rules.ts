import { quoted } from "../../quoted.ts";
import { BGP_ADVERTISEMENT_ANNOTATIONS } from "../../service/annotations.ts";
import type { RouteRules } from "../config.ts";
import { type AnnotationMistake, annotationReader, numberFrom, type ParsedText } from "./annotation-text.ts";

type RouteAnnotation = keyof typeof BGP_ADVERTISEMENT_ANNOTATIONS;

export interface RouteRulesReading {
  /** `undefined` for an object with none of our annotations. */
  readonly rules: RouteRules | undefined;
  readonly mistakes: readonly AnnotationMistake<RouteAnnotation>[];
}

/** Reads the annotations of a BGPAdvertisement, ours among any others. What has a mistake has no effect. */
export function readRouteRules(annotations: Readonly<Record<string, string>>): RouteRulesReading {
  if (!Object.keys(annotations).some((name) => name in BGP_ADVERTISEMENT_ANNOTATIONS)) return NONE;
  const reader = annotationReader<RouteAnnotation>(annotations);
  const rules = {
    med: reader.read("herald.io/med", numberFrom(0, MAX_MED)),
    prepend: reader.read("herald.io/as-path-prepend", numberFrom(1, MAX_PREPEND)) ?? 0,
    bandwidthPerEndpoint: reader.read("herald.io/link-bandwidth", parseBandwidth) ?? false,
  };
  return { rules, mistakes: reader.mistakes };
}

const NONE: RouteRulesReading = { rules: undefined, mistakes: [] };
const MAX_MED = 0xffff_ffff;
/** Longer paths are of no use, and some networks drop what is much longer than usual. */
const MAX_PREPEND = 10;

function parseBandwidth(text: string): ParsedText<true> {
  return text === "per-endpoint" ? { value: true } : { mistake: `${quoted(text)} is not "per-endpoint"` };
}
