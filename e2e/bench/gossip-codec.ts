import { randomBytes } from "node:crypto";
import { decodeDatagram, encodeDatagram } from "@herald/gossip/datagram";
import { type Framing, framing } from "@herald/gossip/framing";
import { keyRing } from "@herald/gossip/key-ring";
import { type Alive, type DatagramMessage, FULL_VERSIONS, type PushPull } from "@herald/gossip/message";
import { encodeMessage } from "@herald/gossip/message-codec";
import { CountedNonces } from "@herald/gossip/sealer";
import { encodeStream, StreamDecoder } from "@herald/gossip/stream";
import { MEMBERLIST_LIMITS } from "@herald/gossip/stream-message";
import { NODE_SEALER } from "@herald/gossip/testdata/node-sealer";
import type { Row } from "./row.ts";

const BATCHES = 60;
const TIMES = 200;
const ENDPOINT = { address: Uint8Array.of(192, 0, 2, 1), port: 7946 };

const PING: DatagramMessage = {
  type: "ping",
  sequence: 123_456,
  node: "worker-17.cluster.example",
  source: ENDPOINT,
  sourceNode: "worker-4.cluster.example",
};
const ALIVE: Alive = {
  type: "alive",
  incarnation: 7,
  node: "worker-17.cluster.example",
  endpoint: ENDPOINT,
  meta: new Uint8Array(0),
  versions: FULL_VERSIONS,
};

const CLEAR = framing({ label: "", encryption: undefined, compress: false });
const SEALED: Framing = framing({
  label: "",
  compress: false,
  encryption: {
    ring: keyRing(randomBytes(32)),
    sealer: NODE_SEALER,
    nonces: new CountedNonces({ octets: randomBytes }),
    version: 1,
    verifyIncoming: true,
    verifyOutgoing: true,
  },
});
const COMPRESSED: Framing = { ...CLEAR, compress: true };

/** What gossip costs before its sockets: values to bytes and back. A second or two. */
export async function benchGossipCodec(): Promise<Row[]> {
  const news = [PING, ...Array.from({ length: 10 }, () => ALIVE)];
  return [
    ...datagramRows("ping", [PING], CLEAR, "in the clear"),
    ...datagramRows("ping", [PING], SEALED, "AES-256-GCM"),
    ...datagramRows("ping with news", news, SEALED, "10 alive beside it, AES-256-GCM"),
    ...datagramRows("ping with news", news, COMPRESSED, "10 alive beside it, LZW"),
    ...tableRows(1_000),
  ];
}

function datagramRows(
  name: string,
  messages: readonly DatagramMessage[],
  around: Framing,
  note: string,
): Row[] {
  const encode = (): Uint8Array => encodeDatagram(messages.map(encodeMessage), { crc: false }, around);
  const bytes = encode();
  return [
    { name: `Gossip ${name} encoded`, value: bestMicros(encode, TIMES), unit: "µs", note },
    {
      name: `Gossip ${name} decoded`,
      value: bestMicros(() => decodeDatagram(bytes, around), TIMES),
      unit: "µs",
      note,
    },
  ];
}

function tableRows(members: number): Row[] {
  const { type: _type, ...record } = ALIVE;
  const table: PushPull = {
    type: "push-pull",
    join: false,
    nodes: Array.from({ length: members }, () => ({ ...record, state: "alive" })),
    userState: new Uint8Array(0),
  };
  const encode = (): Uint8Array => encodeStream(table, "dialler", SEALED);
  const bytes = encode();
  const decode = (): unknown => new StreamDecoder("dialler", SEALED, MEMBERLIST_LIMITS).push(bytes);
  const note = `${members.toLocaleString("en")} members, AES-256-GCM`;
  return [
    { name: "Gossip table encoded", value: bestMicros(encode, 1), unit: "µs", note },
    { name: "Gossip table decoded", value: bestMicros(decode, 1), unit: "µs", note },
  ];
}

/** The fastest of many batches: what the code costs when nothing else takes the processor from it. */
function bestMicros(run: () => unknown, times: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let batch = 0; batch < BATCHES; batch += 1) {
    const began = performance.now();
    for (let time = 0; time < times; time += 1) run();
    best = Math.min(best, ((performance.now() - began) * 1_000) / times);
  }
  return best;
}
