/** Is the condition of this type True? Absent and Unknown are not. */
export function hasCondition(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined,
  wanted: string,
): boolean {
  return conditions?.some(({ type, status }) => type === wanted && status === "True") ?? false;
}
