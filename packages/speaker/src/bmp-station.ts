import { familyOf, type IpAddress, parseAddress } from "@herald/shared/ip/address";

/** Where a monitoring station listens. */
export interface BmpStation {
  readonly address: IpAddress;
  readonly port: number;
}

/** @returns `undefined` for what is none: `192.0.2.9:11019`, `[2001:db8::9]:11019`. */
export function parseStation(text: string): BmpStation | undefined {
  const [, v6, v4, port] = /^(?:\[(.+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const address = parseAddress(v6 ?? v4 ?? "");
  if (address === undefined || (familyOf(address) === 6) !== (v6 !== undefined)) return undefined;
  const number = Number(port);
  return number >= 1 && number <= 65_535 ? { address, port: number } : undefined;
}

export function formatStation({ address, port }: BmpStation): string {
  return familyOf(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
}
