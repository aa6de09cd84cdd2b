import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { FuzzTarget } from "@herald/lab/fuzz";
import { parseHex } from "@herald/lab/hex";
import { decodeArp, encodeArp, targetOfRequest } from "../arp.ts";
import { DecodeError } from "../bytes.ts";
import { decodeEthernet, ETHERTYPE } from "../ethernet.ts";
import { ICMPV6_TYPE, type Icmpv6Message } from "../icmpv6.ts";
import { decodeIpv6, NEXT_HEADER } from "../ipv6.ts";
import { decodeNdp, encodeNdp, isNeighbourType, targetAtOfSolicitation } from "../ndp.ts";
import { decodeRouterMessage, encodeRouterMessage } from "../router-discovery.ts";

/** Frames of ARP, neighbour and router discovery, from their first octet on. */
export const WIRE_FUZZ: FuzzTarget = {
  name: "wire",
  samples: readdirSync(import.meta.dirname)
    .filter((name) => name.endsWith(".hex"))
    .map((name) => parseHex(readFileSync(new URL(name, import.meta.url), "utf8"))),
  judge: (frame, thorough) => {
    try {
      take(frame, thorough);
      return "taken";
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      return "refused";
    } finally {
      targetOfRequest(frame);
      targetAtOfSolicitation(frame);
    }
  },
};

function take(frame: Uint8Array, thorough: boolean): void {
  const { etherType, payload } = decodeEthernet(frame);
  if (etherType === ETHERTYPE.arp) {
    const packet = decodeArp(payload);
    if (thorough) assert.deepEqual(decodeArp(encodeArp(packet)), packet);
  }
  if (etherType !== ETHERTYPE.ipv6) return;
  const { nextHeader, payload: inside } = decodeIpv6(payload);
  if (nextHeader !== NEXT_HEADER.icmpv6) return;
  // Why not by decodeIcmpv6: the checksum would keep what changed from the decoders behind it.
  takeMessage({ type: inside[0] ?? 0, code: inside[1] ?? 0, body: inside.subarray(4) }, thorough);
}

function takeMessage(message: Icmpv6Message, thorough: boolean): void {
  const { type } = message;
  if (isNeighbourType(type)) {
    const decoded = decodeNdp(message);
    if (thorough) assert.deepEqual(decodeNdp(encodeNdp(decoded)), decoded);
  }
  if (type !== ICMPV6_TYPE.routerSolicitation && type !== ICMPV6_TYPE.routerAdvertisement) return;
  const decoded = decodeRouterMessage(message);
  if (thorough) assert.deepEqual(decodeRouterMessage(encodeRouterMessage(decoded)), decoded);
}
