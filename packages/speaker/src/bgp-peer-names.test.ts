import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpPeerConfig } from "@herald/shared/config/config";
import { loadConfig } from "@herald/shared/config/load";
import type { IpAddress } from "@herald/shared/ip/address";
import { sessionKey } from "./bgp-peer.ts";
import { namesOfKept } from "./bgp-peer-names.ts";

const [base] = loadConfig("peers: [{peer-address: 192.0.2.254, peer-asn: 64513, my-asn: 64512}]").peers as [
  BgpPeerConfig,
];
/** `NAME ROUTER`, where the router is the end of its address. */
const peer = (text: string): BgpPeerConfig => {
  const [name = "", router = ""] = text.split(" ");
  return { ...base, name, remote: { address: `192.0.2.${router}` as IpAddress } };
};

const CASES: Readonly<Record<string, readonly [before: string[], after: string[], kept: string[]]>> = {
  "where nothing changed": [
    ["1 A", "2 B"],
    ["1 A", "2 B"],
    ["1 1", "2 2"],
  ],
  "where one before them went": [
    ["1 A", "2 B", "3 C"],
    ["1 B", "2 C"],
    ["2 1", "3 2"],
  ],
  "where one came before them": [["1 A"], ["1 B", "2 A"], ["1 2"]],
  "where two changed places": [
    ["1 A", "2 B"],
    ["1 B", "2 A"],
    ["2 1", "1 2"],
  ],
  "that moved to objects": [
    ["1 A", "2 B"],
    ["east A", "west B"],
    ["1 east", "2 west"],
  ],
  "of those that stayed what they were": [["1 A", "2 B"], ["1 C", "2 B"], ["2 2"]],
  "of one of two that were alike, which is still called so": [["1 A", "2 A"], ["2 A"], ["2 2"]],
  "of one of two that are alike, and not for both": [["1 A"], ["2 A", "3 A"], ["1 2"]],
  "of none where all are others": [["1 A"], ["1 B"], []],
};

describe("sessions are kept", () => {
  for (const [which, [before, after, kept]] of Object.entries(CASES)) {
    it(which, () => {
      const keys = new Map(before.map((text) => [peer(text).name, sessionKey(peer(text))]));
      const names = namesOfKept(keys, after.map(peer));
      assert.deepEqual(
        [...names].map((pair) => pair.join(" ")),
        kept,
      );
    });
  }
});
