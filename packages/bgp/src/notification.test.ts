import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import { encodeMessage } from "./message.ts";
import { cease, decodeNotification, describeNotification, hardReset, notification } from "./notification.ts";
import { decodeRouteRefresh, encodeRouteRefresh } from "./route-refresh.ts";

describe("NOTIFICATION", () => {
  it("carries code, subcode and what it is about", () => {
    const bytes = hex`02 02 fde8`;
    assert.deepEqual(decodeNotification(bytes), notification(2, 2, hex`fde8`));
    assert.deepEqual(
      encodeMessage(notification(2, 2, hex`fde8`)),
      hex`ffffffffffffffffffffffffffffffff 0017 03  02 02 fde8`,
    );
  });

  it("is refused without a subcode", () => {
    assert.throws(() => decodeNotification(hex`06`), {
      message: "notification.subcode: truncated (need 1, have 0)",
    });
  });

  it("says why a session ends, up to 255 octets and never half a character", () => {
    assert.deepEqual(cease(2, "moving to rack 3").data.subarray(0, 3), hex`10 6d6f`);
    assert.deepEqual(cease(2).data, new Uint8Array(0));
    const long = cease(4, "é".repeat(200)).data;
    assert.deepEqual([long[0], long.length], [254, 255]);
  });

  const described = [
    { it: notification(2, 2), text: "OPEN message error, bad peer AS" },
    { it: notification(4, 0), text: "hold timer expired" },
    { it: notification(5, 3), text: "finite state machine error, unexpected message in Established" },
    { it: notification(6, 7), text: "Cease, connection collision resolution" },
    { it: cease(2, "back at noon"), text: 'Cease, administrative shutdown: "back at noon"' },
    { it: cease(2, "a\nb"), text: 'Cease, administrative shutdown: "a b"' },
    {
      it: notification(6, 2, hex`ff 61`),
      text: "Cease, administrative shutdown", // RFC 9003 §3: a length that lies is no text
    },
    {
      it: hardReset(cease(2, "bye")),
      text: 'Cease, hard reset (Cease, administrative shutdown: "bye")',
    },
    { it: notification(9, 1), text: "error code 9, subcode 1" },
    { it: notification(6, 99), text: "Cease, subcode 99" },
  ];
  for (const { it: each, text } of described) {
    it(`is told as ${text}`, () => assert.equal(describeNotification(each), text));
  }

  it("looks into one hard reset, not into one inside another", () => {
    assert.equal(
      describeNotification(hardReset(hardReset(cease(2, "x")))),
      "Cease, hard reset (Cease, hard reset)",
    );
  });
});

describe("ROUTE-REFRESH", () => {
  const request = { type: "route-refresh", family: { afi: 2, safi: 1 }, subtype: 0 } as const;
  it("names a family", () => {
    assert.deepEqual(encodeRouteRefresh(request), hex`0002 00 01`);
    assert.deepEqual(decodeRouteRefresh(hex`0002 00 01`), request);
  });

  it("may carry a filter, which is ignored", () => {
    assert.deepEqual(decodeRouteRefresh(hex`0002 00 01 01 40 0001 00`), request);
  });

  it("is refused without a family", () => {
    assert.throws(() => decodeRouteRefresh(hex`0002 00`), {
      message: "route-refresh.safi: truncated (need 1, have 0)",
    });
  });
});
