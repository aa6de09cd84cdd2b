import { type ConfigMistake, describeMistake } from "@herald/shared/errors";
import { z } from "zod";
import { describeMistakes } from "../config-keeper.ts";
import { type Change, KINDS, PLURALS } from "./change.ts";
import type { Verdict } from "./judge.ts";

const texts = z.record(z.string(), z.string()).optional();

/** As much of an object as counts; the API server has seen to its shape. */
const Written = z.object({
  metadata: z.object({ name: z.string().min(1), labels: texts, annotations: texts }),
  spec: z.unknown(),
});

/** What the API server asks (admission.k8s.io/v1), as far as we answer. */
const Review = z.object({
  apiVersion: z.literal("admission.k8s.io/v1"),
  kind: z.literal("AdmissionReview"),
  request: z.object({
    uid: z.string().min(1).max(128),
    operation: z.enum(["CREATE", "UPDATE", "DELETE"]),
    resource: z.object({ group: z.literal("metallb.io"), resource: z.enum(PLURALS) }),
    namespace: z.string(),
    object: Written.nullish(),
    oldObject: Written.nullish(),
  }),
});

/** A question we can answer. */
export interface Question {
  readonly uid: string;
  readonly change: Change;
}

/** Whoever asked is no API server, or one that speaks of something else. Never says what is in an object. */
export class ReviewError extends Error {
  override readonly name = "ReviewError";
}

/** @throws {ReviewError} naming the field that makes no sense. */
export function readReview(body: unknown): Question {
  const { data, error } = Review.safeParse(body);
  if (data === undefined) {
    const fields = error.issues.slice(0, MAX_FIELDS).map(({ path }) => path.join(".") || "the body");
    throw new ReviewError(`no AdmissionReview of a kind that is judged here: see ${fields.join(", ")}`);
  }
  const { uid, operation, resource, namespace, object, oldObject } = data.request;
  const subject = operation === "DELETE" ? oldObject : object;
  if (subject === undefined || subject === null) {
    throw new ReviewError(`no AdmissionReview of a kind that is judged here: ${operation} of no object`);
  }
  const { name, labels, annotations } = subject.metadata;
  const metadata = { name, ...(labels && { labels }), ...(annotations && { annotations }) };
  const { spec } = subject;
  return { uid, change: { operation, plural: resource.resource, namespace, object: { metadata, spec } } };
}

/** The answer as the API server wants it. */
export function answerTo({ uid, change }: Question, { refused, warned }: Verdict): object {
  const { apiVersion, kind } = REVIEW;
  if (refused.length === 0) {
    const warnings = shortened(warned.map(describeMistake));
    return { apiVersion, kind, response: { uid, allowed: true, ...(warnings.length > 0 && { warnings }) } };
  }
  const status = {
    status: "Failure",
    code: 422,
    reason: "Invalid",
    message: describeMistakes(refused),
    details: {
      group: "metallb.io",
      kind: KINDS[change.plural].kind,
      name: change.object.metadata.name,
      causes: refused.slice(0, MAX_CAUSES).map(causeOf),
    },
  };
  return { apiVersion, kind, response: { uid, allowed: false, status } };
}

const REVIEW = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview" } as const;
const MAX_FIELDS = 5;
const MAX_CAUSES = 20;
/** Of both together the API server passes on 4,096 octets, and cuts a long one after 256. */
const [MAX_WARNINGS, MAX_WARNING_LENGTH] = [10, 256];

function causeOf({ path, message }: ConfigMistake): object {
  return { reason: "FieldValueInvalid", field: path, message };
}

function shortened(warnings: readonly string[]): readonly string[] {
  const shown = warnings
    .slice(0, MAX_WARNINGS)
    .map((text) => (text.length > MAX_WARNING_LENGTH ? `${text.slice(0, MAX_WARNING_LENGTH - 1)}…` : text));
  const rest = warnings.length - shown.length;
  return rest > 0 ? [...shown, `and ${rest} more`] : shown;
}
