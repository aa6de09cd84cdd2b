/** Milliseconds, perhaps a fraction of one; or what is wrong with the text and what was wanted. */
export type ParsedDuration = { readonly milliseconds: number } | { readonly mistake: string };

/** Reads a duration as Go writes them: `90s`, `1m30s`, `1.5h`, `-3s`; only `0` goes without a unit. */
export function parseDuration(text: string): ParsedDuration {
  // Why first: what the patterns below take grows with the square of the length.
  if (text.length > MAX_LENGTH) return { mistake: noDuration(text) };
  const unsigned = text.replace(/^[+-]/, "");
  if (unsigned === "0") return { milliseconds: 0 };
  if (PLAIN_NUMBER.test(unsigned)) return { mistake: `"${text}" has no unit, want "${text}s" for seconds` };
  if (!DURATION.test(unsigned)) return { mistake: noDuration(text) };
  let milliseconds = 0;
  for (const [, amount, unit = ""] of unsigned.matchAll(PART)) {
    milliseconds += Number(amount) * (UNIT_MS[unit] ?? 0);
  }
  return { milliseconds: text.startsWith("-") ? -milliseconds : milliseconds };
}

function noDuration(text: string): string {
  return `"${text.slice(0, MAX_LENGTH)}" is no duration, want for example "90s" or "1m30s"`;
}

const MAX_LENGTH = 64;
const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // micro sign
  μs: 1e-3, // Greek letter mu
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const AMOUNT = String.raw`(?:\d+\.?\d*|\.\d+)`;
const UNIT = "(?:ns|us|µs|μs|ms|s|m|h)";
const PLAIN_NUMBER = new RegExp(`^${AMOUNT}$`);
const DURATION = new RegExp(`^(?:${AMOUNT}${UNIT})+$`);
const PART = new RegExp(`(${AMOUNT})(${UNIT})`, "g");
