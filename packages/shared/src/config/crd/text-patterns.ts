// Regular expressions for CEL's `matches`, which knows RE2 only. No backslashes: CEL would want them doubled.

const OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";

const IPV4 = `${OCTET}([.]${OCTET}){3}`;

/** Loose: the characters, and at least two colons. Whoever reads it judges the rest. */
const IPV6 = "[0-9a-fA-F]*:[0-9a-fA-F]*:[0-9a-fA-F:.]*";

/** Takes every address that `parseAddress` takes, and of IPv4 no other text. */
export const ADDRESS = `(${IPV4}|${IPV6})`;

/** Takes every text that `parseRange` takes. Loose where exact would cost the API server too much: ends, order, families. */
export const RANGE = `[ ]*(${IPV4}/([12]?[0-9]|3[0-2])|${IPV6}/[0-9]{1,3}|[0-9a-fA-F:.]+[ ]*-[ ]*[0-9a-fA-F:.]+)[ ]*`;

/** A duration as Go writes them. */
export const DURATION = "[-+]?(0|(([0-9]+[.]?[0-9]*|[.][0-9]+)(ns|us|µs|μs|ms|s|m|h))+)";

const U16 = "0*([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";

/** Takes every text that `parseCommunity` takes; a number of a large one may still be too large. */
export const COMMUNITY = `(${U16}:${U16}|large:[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10})`;

/** CEL that a text is all of a pattern. */
export function matches(pattern: string): string {
  return `self.matches('^${pattern}$')`;
}
