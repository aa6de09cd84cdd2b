import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpPeerConfig } from "../config.ts";
import { configFromObjects } from "./config-from-objects.ts";
import { mistakesIn, object, objects } from "./samples.ts";

const MINIMUM_TTL = "herald.io/minimum-ttl";

function annotated(text: string): ReturnType<typeof object> {
  const { metadata, ...rest } = object("tor", { myASN: 64_512, peerASN: 64_513, peerAddress: "192.0.2.1" });
  return { ...rest, metadata: { ...metadata, annotations: { [MINIMUM_TTL]: text, "example.org/ttl": "7" } } };
}

describe("annotations of a BGPPeer", () => {
  for (const [text, wanted] of [
    ["255", { minimumTtl: 255 }],
    [" 1 ", { minimumTtl: 1 }],
    ["", {}],
  ] as const) {
    it(`demand no less than the TTL "${text}"`, () => {
      const [peer] = configFromObjects(objects({ peers: [annotated(text)] })).peers as [BgpPeerConfig];
      assert.deepEqual("minimumTtl" in peer ? { minimumTtl: peer.minimumTtl } : {}, wanted);
    });
  }

  for (const text of ["0", "256", "-1", "yes", "1.5", "1e2"]) {
    it(`cannot demand the TTL "${text}", and are told of by their place`, () => {
      const place = `BGPPeer tor: metadata.annotations["${MINIMUM_TTL}"]`;
      const message = `${place}: "${text}" is not a whole number from 1 to 255`;
      assert.deepEqual(mistakesIn({ peers: [annotated(text)] }), [message]);
    });
  }
});
