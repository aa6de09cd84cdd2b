import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { AHEAD_MAX_MS } from "@herald/layer2/claims/claim-ahead";
import {
  decodeBook,
  encodeBook,
  encodeClaimMessage,
  encodeDigest,
  encodePage,
} from "@herald/layer2/claims/claim-codec";
import {
  type Change,
  CLAIM_LIMITS,
  type ClaimMessage,
  type News,
  type Page,
} from "@herald/layer2/claims/claim-messages";
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
const pageOf = (speaker: string, epoch: number, life = WALL_MS): Page => ({
  speaker,
  life,
  version: 1,
  claims: [{ address: VIP, epoch }],
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
    claims.setSpeaker("b", true);
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

  const { epoch: last, life: lastLife } = CLAIM_LIMITS;
  const hostile: { name: string; hear: () => void; says: string }[] = [
    {
      name: "news with an epoch",
      hear: () => tell(newsOf("b", [{ address: VIP, epoch: last }])),
      says: "claims.epoch",
    },
    { name: "news with a life", hear: () => tell(newsOf("b", [], lastLife)), says: "claims.life" },
    { name: "news of itself with a life", hear: () => tell(newsOf("a", [], lastLife)), says: "claims.life" },
    {
      name: "a question with a life",
      hear: () => tell({ type: "want", asker: "b", life: lastLife, version: 0 }),
      says: "claims.life",
    },
    {
      name: "an ack with a life",
      hear: () => claims.acked("b", encodeDigest({ life: lastLife, version: 0 })),
      says: "claims.life",
    },
    {
      name: "a page with an epoch",
      hear: () => claims.state(encodeBook([encodePage(pageOf("b", last))])),
      says: "claims.epoch",
    },
    {
      name: "a page of itself with a life",
      hear: () => claims.state(encodeBook([encodePage(pageOf("a", WALL_MS, lastLife))])),
      says: "claims.life",
    },
  ];
  for (const { name, hear, says } of hostile) {
    it(`counts on from no ${name} at the end of time`, () => {
      hear();
      clock.advance(10);
      assert.deepEqual(
        refused.map((message) => message.split(" (")[0]),
        [`${says}: oversized`],
      );
      const epoch = claims.claim(VIP);
      assert.equal(epoch, WALL_MS + clock.now());
      const [own] = decodeBook(claims.userState());
      assert.deepEqual(own, {
        speaker: "a",
        life: WALL_MS,
        version: 1,
        claims: [{ address: VIP, epoch }],
      });
    });
  }

  it("counts on from what is a year ahead", () => {
    const ahead = WALL_MS + clock.now() + AHEAD_MAX_MS;
    tell(newsOf("b", [{ address: VIP, epoch: ahead }], ahead));
    assert.deepEqual({ refused, epoch: claims.claim(VIP) }, { refused: [], epoch: ahead + 1 });
  });

  it("takes the other pages of a book with one that is refused", () => {
    claims.setSpeaker("c", true);
    claims.state(encodeBook([pageOf("b", last), pageOf("c", WALL_MS)].map(encodePage)));
    assert.deepEqual(claims.claimantsOf(VIP), new Map([["c", WALL_MS]]));
    assert.equal(refused.length, 1);
  });

  it("takes an ack of one that is a speaker by now, though it says what the one before said", () => {
    const digest = encodeDigest({ life: WALL_MS, version: 0 });
    claims.acked("c", digest);
    claims.setSpeaker("c", true);
    claims.acked("c", digest);
    assert.ok(claims.knows(["c"]));
  });

  it("takes an ack that was too far ahead once it is not any more", () => {
    const ahead = { life: WALL_MS + clock.now() + AHEAD_MAX_MS + 1, version: 0 };
    claims.acked("b", encodeDigest(ahead));
    clock.advance(5);
    claims.acked("b", encodeDigest(ahead));
    assert.ok(claims.knows(["b"]));
    assert.equal(refused.length, 1);
  });
});
