import { quoted } from "../../quoted.ts";

/** What the text of an annotation means, or why it means nothing, as a sentence. */
export type ParsedText<Value> = { readonly value: Value } | { readonly mistake: string };

export interface AnnotationMistake<Annotation extends string> {
  readonly annotation: Annotation;
  readonly message: string;
}

export interface AnnotationReader<Annotation extends string> {
  /** @returns `undefined` for one that is left out, or has a mistake. */
  readonly read: <Value>(
    annotation: Annotation,
    parse: (text: string) => ParsedText<Value>,
  ) => Value | undefined;
  /** Of those that were read so far. */
  readonly mistakes: readonly AnnotationMistake<Annotation>[];
}

/** To read annotations of an object, one after the other. One that is empty counts as left out. */
export function annotationReader<Annotation extends string>(
  annotations: Readonly<Record<string, string>>,
): AnnotationReader<Annotation> {
  const mistakes: AnnotationMistake<Annotation>[] = [];
  return {
    read: (annotation, parse) => {
      const text = annotations[annotation]?.trim() ?? "";
      if (text === "") return undefined;
      const parsed = parse(text);
      if ("value" in parsed) return parsed.value;
      mistakes.push({ annotation, message: parsed.mistake });
      return undefined;
    },
    mistakes,
  };
}

/** Whole numbers of at most ten digits. */
export function numberFrom(min: number, max: number): (text: string) => ParsedText<number> {
  return (text) => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return { value };
    return { mistake: `${quoted(text)} is not a whole number from ${min} to ${max}` };
  };
}
