import { fromOctets, type IpAddress, toOctets } from "@herald/shared/ip/address";
import { Reader, Writer } from "@herald/wire/bytes";
import { type Capability, decodeCapability, encodeCapability } from "./capability.ts";
import { ERROR, OPEN_ERROR, OPTIONAL_PARAMETER } from "./iana.ts";
import { MessageError } from "./message-error.ts";
import { notification } from "./notification.ts";

export const VERSION = 4;

/**
 * How each side introduces itself (RFC 4271 §4.2), behind the header:
 *
 *   0         1     3           5           9             10
 *   | version | asn | hold time | router id | parms octets | type(1) length(1) value … |
 *
 * Where the parameters have more than 255 octets (RFC 9072 §2): 255 as length, then 255(1) octets(2), and lengths of
 * two octets in each parameter.
 */
export interface Open {
  readonly type: "open";
  readonly version: number;
  /** 16 bits; AS_TRANS where the real one has more (RFC 6793 §4.2.3). */
  readonly asn: number;
  /** 0, or 3 to 65,535; 1 and 2 are for the receiver to refuse. */
  readonly holdTimeSeconds: number;
  /** Four octets, written as an IPv4 address; need not be one. */
  readonly routerId: IpAddress;
  readonly capabilities: readonly Capability[];
}

const MAX_SHORT_OCTETS = 254; // 255 announces the long form

/**
 * @throws {MessageError} for a version that we do not speak, told with ours; for a parameter that is no capability.
 * @throws {DecodeError} `truncated` or `trailing` where lengths contradict each other.
 */
export function decodeOpen(body: Uint8Array): Open {
  const r = new Reader(body);
  const version = r.u8("open.version");
  if (version !== VERSION) {
    const answer = notification(ERROR.open, OPEN_ERROR.unsupportedVersion, Uint8Array.of(0, VERSION));
    throw new MessageError("unsupported", "open.version", `${version}, want ${VERSION}`, answer);
  }
  return {
    type: "open",
    version,
    asn: r.u16("open.asn"),
    holdTimeSeconds: r.u16("open.hold-time"),
    routerId: fromOctets(r.bytes(4, "open.router-id")),
    capabilities: decodeParameters(r),
  };
}

/** @returns what stands behind the header; all capabilities in one parameter. */
export function encodeOpen({ version, asn, holdTimeSeconds, routerId, capabilities }: Open): Uint8Array {
  const values = capabilities.map(encodeCapability);
  const octets = values.reduce((sum, value) => sum + value.length, 0);
  const long = octets + 2 > MAX_SHORT_OCTETS;
  const parameter = octets === 0 ? 0 : octets + (long ? 3 : 2);
  const w = new Writer(new Uint8Array(10 + (long ? 3 : 0) + parameter));
  w.u8(version).u16(asn).u16(holdTimeSeconds).bytes(toOctets(routerId));
  if (long) w.u8(0xff).u8(OPTIONAL_PARAMETER.extendedLength).u16(parameter);
  else w.u8(parameter);
  if (octets > 0) w.u8(OPTIONAL_PARAMETER.capabilities);
  if (octets > 0 && long) w.u16(octets);
  if (octets > 0 && !long) w.u8(octets);
  for (const value of values) w.bytes(value);
  return w.finish();
}

function decodeParameters(r: Reader): readonly Capability[] {
  let octets = r.u8("open.parameters-length");
  const long = octets !== 0 && r.rest()[0] === OPTIONAL_PARAMETER.extendedLength;
  if (long) {
    r.u8("open.extended-length");
    octets = r.u16("open.extended-length");
  }
  const inside = new Reader(r.bytes(octets, "open.parameters"));
  if (r.rest().length > 0) refuse("trailing", "open.parameters", `${r.rest().length} octets behind them`);
  const capabilities: Capability[] = []; // bounded by the 4,096 octets of an OPEN
  while (inside.rest().length > 0) {
    const type = inside.u8("open.parameter.type");
    const length = long ? inside.u16("open.parameter.length") : inside.u8("open.parameter.length");
    const value = inside.bytes(length, "open.parameter.value");
    if (type !== OPTIONAL_PARAMETER.capabilities) {
      const answer = notification(ERROR.open, OPEN_ERROR.unsupportedParameter);
      throw new MessageError("unsupported", "open.parameter.type", `${type}`, answer);
    }
    decodeCapabilities(new Reader(value), capabilities);
  }
  return capabilities;
}

function decodeCapabilities(r: Reader, found: Capability[]): void {
  while (r.rest().length > 0) {
    const code = r.u8("capability.code");
    found.push(decodeCapability(code, r.bytes(r.u8("capability.length"), "capability.value")));
  }
}

function refuse(reason: "trailing", field: string, detail: string): never {
  throw new MessageError(reason, field, detail, notification(ERROR.open, OPEN_ERROR.unspecific));
}
