/** What somebody wrote, in quotes, for a message: at most 100 characters of it, since it may be a megabyte. */
export function quoted(text: string): string {
  return `"${text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED - 1)}…` : text}"`;
}

const MAX_QUOTED = 100;
