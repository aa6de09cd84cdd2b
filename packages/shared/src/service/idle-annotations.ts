import { closest } from "../closest.ts";
import {
  BGP_ADVERTISEMENT_ANNOTATIONS,
  BGP_PEER_ANNOTATIONS,
  HERALD_ANNOTATIONS,
  NODE_ANNOTATIONS,
  POOL_ANNOTATIONS,
} from "./annotations.ts";

/** Of annotations that only Herald knows. */
export const HERALD_PREFIX = "herald.io/";

/** What is said of an annotation of an object. */
export interface AnnotationRemark {
  readonly annotation: string;
  /** To stand behind the name and a colon. */
  readonly message: string;
}

/**
 * Annotations of ours that do nothing on an object of the kind: nobody knows them, or not there. In the order of the
 * object, at most 20.
 *
 * @param kind such as `IPAddressPool`; one that knows none may have none.
 */
export function idleAnnotations(
  kind: string,
  annotations: Readonly<Record<string, string>>,
): readonly AnnotationRemark[] {
  const known = KNOWN[kind] ?? [];
  const idle = Object.keys(annotations).filter(
    (name) => name.startsWith(HERALD_PREFIX) && !known.includes(name),
  );
  return idle.slice(0, MAX_REMARKS).map((annotation) => ({
    annotation,
    message: elsewhere(annotation, kind) ?? `not known, does nothing${suggestion(annotation, known)}`,
  }));
}

/** For an Event: the first five in one line. */
export function describeRemarks(remarks: readonly AnnotationRemark[]): string {
  const texts = remarks.slice(0, MAX_DESCRIBED).map(({ annotation, message }) => `${annotation}: ${message}`);
  const rest = remarks.length - texts.length;
  return [...texts, ...(rest > 0 ? [`and ${rest} more`] : [])].join("; ");
}

const MAX_DESCRIBED = 5;

const KNOWN: Readonly<Record<string, readonly string[]>> = {
  BGPAdvertisement: Object.keys(BGP_ADVERTISEMENT_ANNOTATIONS),
  BGPPeer: Object.keys(BGP_PEER_ANNOTATIONS),
  IPAddressPool: Object.keys(POOL_ANNOTATIONS),
  Node: Object.keys(NODE_ANNOTATIONS),
  Service: Object.keys(HERALD_ANNOTATIONS),
};

/** Each is looked for among all names, and whoever has more than a few has them from a program. */
const MAX_REMARKS = 20;

function elsewhere(annotation: string, kind: string): string | undefined {
  const kinds = Object.keys(KNOWN).filter((other) => KNOWN[other]?.includes(annotation));
  if (kinds.length === 0) return undefined;
  return `does nothing on ${withArticle(kind)}, it is for ${kinds.map(withArticle).join(" or ")}`;
}

function withArticle(kind: string): string {
  return `${/^(IP|L2)/.test(kind) ? "an" : "a"} ${kind}`;
}

function suggestion(annotation: string, known: readonly string[]): string {
  const bare = (name: string): string => name.slice(HERALD_PREFIX.length);
  const near = closest(bare(annotation), known.map(bare));
  return near === undefined ? "" : `, did you mean "${HERALD_PREFIX}${near}"?`;
}
