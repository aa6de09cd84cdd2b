import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { encodeClaimMessage } from "@herald/layer2/claims/claim-codec";
import type { Change, ClaimMessage, News } from "@herald/layer2/claims/claim-messages";
import type { IpAddress } from "@herald/shared/ip/address";
import { Claims } from "./claims.ts";

const VIP = "192.0.2.1" as IpAddress;
const WALL_MS = 1_800_000_000_000;

const newsOf = (speaker: string, changes: readonly Change[], life = WALL_MS): News => ({
  type: "news",
  speaker,
  life,
  version: changes.length,
  from: 0,
  to: changes.length,
  changes,
});

describe("Claims", () => {
  let clock: VirtualClock;
  let claims: Claims;
  let refused: string[];
  let sent: Uint8Array[];
  const tell = (message: ClaimMessage): void => claims.told(encodeClaimMessage(message));
  beforeEach(() => {
    clock = new VirtualClock();
    [refused, sent] = [[], []];
    claims = new Claims("a", {
      clock,
      wallMs: () => WALL_MS + clock.now(),
      transport: {
        broadcast: (_, payload) => sent.push(payload),
        tell: (_, payload) => sent.push(payload),
        setAckPayload: () => {},
      },
      onChanged: () => {},
      onRefused: ({ message }) => refused.push(message),
    });
    claims.setSpeakers(new Set(["b"]));
    clock.advance(10);
    sent = [];
  });

  it("refuses news that no datagram could carry further", () => {
    const changes = Array.from({ length: 200 }, (_, index) => ({
      address: `198.51.100.${index}` as IpAddress,
      epoch: WALL_MS,
    }));
    const news = newsOf("b", changes);
    tell(news);
    const { length } = encodeClaimMessage(news);
    assert.deepEqual(
      { refused, sent },
      { refused: [`claims: oversized (${length}, at most 1200)`], sent: [] },
    );
    tell(newsOf("b", [{ address: VIP, epoch: WALL_MS }]));
    assert.deepEqual(claims.claimantsOf(VIP), new Map([["b", WALL_MS]]));
    assert.equal(sent.length, 1);
  });
});
