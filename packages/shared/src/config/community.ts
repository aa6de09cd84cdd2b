/** A BGP community (RFC 1997) as canonical `a:b`; or what is wrong with the text and what was wanted. */
export type ParsedCommunity = { readonly community: string } | { readonly mistake: string };

/** Reads two numbers of 16 bits: `64512:100`. */
export function parseCommunity(text: string): ParsedCommunity {
  const match = /^(\d{1,10}):(\d{1,10})$/.exec(text);
  if (match === null) return { mistake: `"${text}" is no community, want two numbers as in "64512:100"` };
  const high = Number(match[1]);
  const low = Number(match[2]);
  const excess = [high, low].find((half) => half > MAX_HALF);
  if (excess === undefined) return { community: `${high}:${low}` };
  return { mistake: `community "${text}" has ${excess}, want numbers of 0 to ${MAX_HALF}` };
}

/** Sorts communities by number, as they stand in the path attribute. */
export function byCommunity(one: string, other: string): number {
  return numberOf(one) - numberOf(other);
}

const MAX_HALF = 0xffff;

function numberOf(community: string): number {
  const [high, low] = community.split(":");
  return Number(high) * (MAX_HALF + 1) + Number(low);
}
