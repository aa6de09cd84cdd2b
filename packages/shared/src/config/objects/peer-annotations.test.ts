import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpPeerConfig } from "../config.ts";
import { configFromObjects } from "./config-from-objects.ts";
import { mistakesIn, object, objects } from "./samples.ts";

const [INTERVAL, DELAY, MINIMUM_TTL, STALE_TIME, ROLE, SOURCE_PORT] = [
  "herald.io/advertisement-interval",
  "herald.io/delay-open",
  "herald.io/minimum-ttl",
  "herald.io/long-lived-stale-time",
  "herald.io/role",
  "herald.io/source-port",
] as const;

const [RESTARTS, INTERNAL] = [{ enableGracefulRestart: true }, { peerASN: 64_512 }] as const;
const WANT = "want one of provider, rs, rs-client, customer, peer, or that and strict";
const RANGE = "is not a whole number from";
const NO_RESTARTS = "means nothing without spec.enableGracefulRestart: true";
const NO_BORDER = "a role is between two ASes, and this router is in ours";

function annotated(annotation: string, text: string, spec: object = {}): ReturnType<typeof object> {
  const peer = { myASN: 64_512, peerASN: 64_513, peerAddress: "192.0.2.1", ...spec };
  const { metadata, ...rest } = object("tor", peer);
  return { ...rest, metadata: { ...metadata, annotations: { [annotation]: text, "example.org/ttl": "7" } } };
}

function peerOf(peer: ReturnType<typeof object>): BgpPeerConfig {
  const [read] = configFromObjects(objects({ peers: [peer] })).peers;
  return read ?? assert.fail("a peer");
}

describe("annotations of a BGPPeer", () => {
  for (const [annotation, text, spec, said] of [
    [MINIMUM_TTL, "255", {}, { minimumTtl: 255 }],
    [MINIMUM_TTL, " 1 ", {}, { minimumTtl: 1 }],
    [MINIMUM_TTL, "", {}, {}],
    [STALE_TIME, "1", RESTARTS, { longLivedSeconds: 1 }],
    [STALE_TIME, " 16777215 ", RESTARTS, { longLivedSeconds: 16_777_215 }],
    [STALE_TIME, " ", {}, {}],
    [INTERVAL, "5s", {}, { advertisementIntervalMs: 5_000 }],
    [INTERVAL, "1.5s", {}, { advertisementIntervalMs: 1_500 }],
    [INTERVAL, "0", {}, { advertisementIntervalMs: 0 }],
    [INTERVAL, "10m", {}, { advertisementIntervalMs: 600_000 }],
    [DELAY, "4m", {}, { delayOpenMs: 240_000 }],
    [SOURCE_PORT, "1", {}, { sourcePort: 1 }],
    [SOURCE_PORT, " 65535 ", {}, { sourcePort: 65_535 }],
    [ROLE, "provider", {}, { role: "provider" }],
    [ROLE, "rs", {}, { role: "route-server" }],
    [ROLE, "rs-client", {}, { role: "route-server-client" }],
    [ROLE, " customer  strict ", {}, { role: "customer", strictRole: true }],
    [ROLE, "peer", { peerASN: undefined, dynamicASN: "external" }, { role: "peer" }],
    [ROLE, "peer", { ...INTERNAL, localASN: 64_999 }, { role: "peer" }],
    [ROLE, "", INTERNAL, {}],
  ] as const) {
    it(`take ${annotation} "${text}" with ${JSON.stringify(spec)}`, () => {
      assert.deepEqual(peerOf(annotated(annotation, text, spec)), {
        ...peerOf(annotated("example.org/other", "", spec)),
        ...said,
      });
    });
  }

  for (const [annotation, text, spec, mistake] of [
    ...["0", "256", "-1", "yes", "1.5", "1e2"].map(
      (text) => [MINIMUM_TTL, text, {}, `"${text}" ${RANGE} 1 to 255`] as const,
    ),
    ...["0", "16777216", "-1", "1h", "99999999999"].map(
      (text) => [STALE_TIME, text, RESTARTS, `"${text}" ${RANGE} 1 to 16777215`] as const,
    ),
    ...["0", "65536", "30000-30100", "any"].map(
      (text) => [SOURCE_PORT, text, {}, `"${text}" ${RANGE} 1 to 65535`] as const,
    ),
    [INTERVAL, "30", {}, '"30" has no unit, want "30s" for seconds'],
    [INTERVAL, "soon", {}, '"soon" is no duration, want for example "90s" or "1m30s"'],
    [INTERVAL, "-1s", {}, '"-1s" is out of bounds, want 0s to 10m'],
    [INTERVAL, "601s", {}, '"601s" is out of bounds, want 0s to 10m'],
    [DELAY, "241s", {}, '"241s" is out of bounds, want 0s to 4m'],
    [STALE_TIME, "3600", {}, NO_RESTARTS],
    [STALE_TIME, "3600", { enableGracefulRestart: false }, NO_RESTARTS],
    [ROLE, "costumer", {}, `"costumer" is no role, ${WANT}, did you mean "customer"?`],
    [ROLE, "constructor", {}, `"constructor" is no role, ${WANT}`],
    [ROLE, "customer lax", {}, `"customer lax" is no role, ${WANT}`],
    [ROLE, "peer strict strict", {}, `"peer strict strict" is no role, ${WANT}`],
    [ROLE, "strict", {}, `"strict" is no role, ${WANT}`],
    [ROLE, "customer", INTERNAL, NO_BORDER],
    [ROLE, "peer", { localASN: 64_513 }, NO_BORDER],
    [ROLE, "rs", { peerASN: undefined, dynamicASN: "internal" }, NO_BORDER],
  ] as const) {
    it(`refuse ${annotation} "${text}" with ${JSON.stringify(spec)}, and are told of by their place`, () => {
      const place = `BGPPeer tor: metadata.annotations["${annotation}"]`;
      assert.deepEqual(mistakesIn({ peers: [annotated(annotation, text, spec)] }), [`${place}: ${mistake}`]);
    });
  }
});
