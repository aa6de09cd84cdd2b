import { parseHex } from "@herald/lab/hex";
import { type Framing, framing } from "../framing.ts";
import type {
  Alive,
  DatagramMessage,
  Endpoint,
  IndirectPing,
  NodeRecord,
  Ping,
  StreamMessage,
  Versions,
} from "../message.ts";
import { NODE_SEALER } from "./node-sealer.ts";
import type { Decoded, DecodedMessage, Vector } from "./vectors.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The framing of the node that sent a vector; what it seals has the very nonce that was recorded. */
export function recordedFraming({ decoded, label, keys, shape, scenario, producer }: Vector): Framing {
  const { encryption } = decoded;
  const ring = [encryption?.key ?? "", ...(keys ?? [])].filter((key) => key !== "");
  return framing({
    label: label ?? "",
    compress: shape.includes("compress") || (scenario.includes("compressed") && producer === "memberlist"),
    compressFromOctets: 0,
    encryption:
      ring.length === 0
        ? undefined
        : {
            ring: { keys: ring.map(parseHex) },
            sealer: NODE_SEALER,
            nonces: { next: () => parseHex(encryption?.nonce ?? "") },
            version: encryption?.encVersion ?? 1,
            verifyIncoming: true,
            verifyOutgoing: encryption !== undefined,
          },
  });
}

/** What a recorded datagram says, as we would say it; parts that the real nodes refused left out. */
export function recordedMessages(message: DecodedMessage): readonly DatagramMessage[] {
  if (message.error !== undefined) return [];
  if (message.inner !== undefined) return recordedMessages(message.inner);
  if (message.name === "compound") return allParts(message).flatMap(recordedMessages);
  return [datagramMessage(message.name, message.fields ?? {})];
}

/** Where parts were left out of the recording, all are user messages of one octet that counts up. */
function allParts({ parts, count = 0 }: DecodedMessage): readonly DecodedMessage[] {
  const [first] = parts ?? [];
  if (parts?.length === count || first?.name !== "user") return parts ?? [];
  const from = Number.parseInt(first.fields?.["payload"] as string, 16);
  return Array.from({ length: count }, (_, index) => {
    const payload = ((from + index) & 0xff).toString(16).padStart(2, "0");
    return { name: "user", fields: { payload } };
  });
}

/** What a recorded stream says. */
export function recordedStream({ message, compress }: Decoded): StreamMessage {
  const { name, header, nodes, payload, fields = {} } = message;
  switch (name) {
    case "pushPull":
      return {
        type: "push-pull",
        join: header?.["Join"] as boolean,
        nodes: (nodes ?? []).map(nodeRecord),
        userState: octets(message.userState ?? endOf(compress?.uncompressed, header?.["UserStateLen"])),
      };
    case "user":
      return { type: "user", payload: octets(payload) };
    case "err":
      return { type: "error", text: fields["Error"] as string };
    default:
      return datagramMessage(name, fields) as StreamMessage;
  }
}

function endOf(hex: string | undefined, octets: unknown): string {
  return hex === undefined ? "" : hex.slice(hex.length - 2 * (octets as number));
}

function datagramMessage(name: string, fields: Fields): DatagramMessage {
  const sequence = fields["SeqNo"] as number;
  switch (name) {
    case "ping":
      return { type: "ping", sequence, node: fields["Node"] as string, ...source(fields) } satisfies Ping;
    case "indirectPing":
      return indirectPing(fields);
    case "ackResp":
      return { type: "ack", sequence, payload: octets(fields["Payload"]) };
    case "nackResp":
      return { type: "nack", sequence };
    case "suspect":
      return { type: "suspect", ...accusation(fields) };
    case "dead":
      return { type: "dead", ...accusation(fields) };
    case "alive":
      return alive(fields);
    case "user":
      return { type: "user", payload: octets(fields["payload"]) };
    default:
      throw new Error(`not in a datagram: ${name}`);
  }
}

function indirectPing(fields: Fields): IndirectPing {
  return {
    type: "indirect-ping",
    sequence: fields["SeqNo"] as number,
    target: endpoint(fields["Target"], fields["Port"]),
    node: fields["Node"] as string,
    wantsNack: fields["Nack"] as boolean,
    ...source(fields),
  };
}

function alive(fields: Fields): Alive {
  return {
    type: "alive",
    incarnation: fields["Incarnation"] as number,
    node: fields["Node"] as string,
    endpoint: endpoint(fields["Addr"], fields["Port"]),
    meta: octets(fields["Meta"]),
    versions: versions(fields["Vsn"]),
  };
}

function nodeRecord(fields: Fields): NodeRecord {
  const { node, type: _type, ...rest } = alive({ ...fields, Node: fields["Name"] });
  const state = (["alive", "suspect", "dead", "left"] as const)[fields["State"] as number] ?? "left";
  return { node, ...rest, state };
}

function accusation(fields: Fields): { incarnation: number; node: string; from: string } {
  return {
    incarnation: fields["Incarnation"] as number,
    node: fields["Node"] as string,
    from: fields["From"] as string,
  };
}

function source(fields: Fields): { source: Endpoint | undefined; sourceNode: string } {
  const known = fields["SourceAddr"] !== null;
  return {
    source: known ? endpoint(fields["SourceAddr"], fields["SourcePort"]) : undefined,
    sourceNode: fields["SourceNode"] as string,
  };
}

function endpoint(address: unknown, port: unknown): Endpoint {
  return { address: octets((address as { hex: string }).hex), port: port as number };
}

function versions(vsn: unknown): Versions {
  const [protocolMin = 0, protocolMax = 0, protocolCurrent = 0, ...application] = octets(vsn);
  const [applicationMin = 0, applicationMax = 0, applicationCurrent = 0] = application;
  return {
    protocolMin,
    protocolMax,
    protocolCurrent,
    applicationMin,
    applicationMax,
    applicationCurrent,
  };
}

function octets(hex: unknown): Uint8Array {
  return parseHex((hex as string | null | undefined) ?? "");
}
