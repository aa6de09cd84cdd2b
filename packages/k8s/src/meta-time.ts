/** A moment as metav1.Time is written: RFC 3339 in UTC, whole seconds. @param epochMs milliseconds since 1970. */
export function metaTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/\.\d+Z$/, "Z");
}
