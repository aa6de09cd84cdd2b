// Why: in every runtime, yet in no ECMAScript library that a pure package is checked against.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };

/** TCP_MD5SIG_MAXKEYLEN of <linux/tcp.h>: the kernel has no room for more. */
export const MAX_PASSWORD_OCTETS = 80;

const ENCODER = new TextEncoder();

/** @returns what keeps a password from being set for a connection, without saying it; `undefined`: nothing. */
export function mistakeInPassword(text: string): string | undefined {
  const { length } = ENCODER.encode(text);
  return length > MAX_PASSWORD_OCTETS
    ? `has ${length} octets, want at most ${MAX_PASSWORD_OCTETS}`
    : undefined;
}
