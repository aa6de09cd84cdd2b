import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hex } from "@herald/lab/hex";
import type { IpFamily } from "@herald/shared/ip/address";
import { DecodeError } from "@herald/wire/bytes";
import { MESSAGE_TYPE } from "./iana.ts";
import { MessageError, notificationFor } from "./message-error.ts";
import { type Notification, notification } from "./notification.ts";
import {
  AS_PATH,
  body,
  internal,
  LOCAL_PREF,
  NEXT_HOP,
  NLRI,
  ORIGIN,
  REACH,
} from "./testdata/update-body.ts";
import { decodeUpdate, isEndOfRib } from "./update.ts";

// What RFC 7606 makes of prefixes that cannot be read: the family is lost, or the session.

interface Ignored {
  readonly section: string;
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly ignored: readonly IpFamily[];
  readonly text: string;
}

const withReach = (...attributes: readonly string[]): Uint8Array =>
  body([...attributes, ORIGIN, AS_PATH, LOCAL_PREF], "");

const ignoring: readonly Ignored[] = [
  {
    section: "3(i), 5.3",
    name: "a withdrawn prefix of 33 bits",
    bytes: body([], "", "21 cb007100 80"),
    ignored: [4],
    text: "update.withdrawn: invalid (prefix length 33, want 0 to 32)",
  },
  {
    section: "3(j), 5.3",
    name: "a prefix of 33 bits",
    bytes: body([ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF], "21 cb007100 80"),
    ignored: [4],
    text: "update.nlri: invalid (prefix length 33, want 0 to 32)",
  },
  {
    section: "5.3",
    name: "a prefix that ends outside",
    bytes: body([ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF], "18 cb00"),
    ignored: [4],
    text: "update.nlri: truncated (ends in a prefix of 24 bits)",
  },
  {
    section: "5.3",
    name: "MP_REACH_NLRI of four octets",
    bytes: withReach("80 0e 04 0002 01 00"),
    ignored: [6],
    text: "mp-reach.reserved: truncated (need 1, have 0)",
  },
  {
    section: "5.3",
    name: "MP_UNREACH_NLRI that does not say which family it is about",
    bytes: body(["80 0f 02 0002"], ""),
    ignored: [4, 6],
    text: "mp-unreach.safi: truncated (need 1, have 0)",
  },
  {
    section: "3(j), 5.3, not 3(c)",
    name: "MP_REACH_NLRI with the flag Transitive",
    bytes: withReach(`c${REACH.slice(1)}`),
    ignored: [6],
    text: "mp-reach: invalid (flags 0xc0)",
  },
  {
    section: "3(j), 5.3, not 3(c)",
    name: "MP_REACH_NLRI without the flag Optional",
    bytes: withReach(`0${REACH.slice(1)}`),
    ignored: [6],
    text: "mp-reach: invalid (flags 0x0)",
  },
  {
    section: "3(j), 5.3, not 3(c)",
    name: "MP_UNREACH_NLRI with the flag Transitive",
    bytes: body(["c0 0f 03 0002 01"], ""),
    ignored: [6],
    text: "mp-unreach: invalid (flags 0xc0)",
  },
  {
    section: "5.3",
    name: "an IPv6 prefix of 129 bits",
    bytes: body(["80 0f 05 0002 01 81 00"], ""),
    ignored: [6],
    text: "mp-unreach.nlri: invalid (prefix length 129, want 0 to 128)",
  },
  {
    section: "7.11",
    name: "a next hop of four octets before IPv6 prefixes",
    bytes: withReach("80 0e 0a 0002 01 04 c0000201 00 00"),
    ignored: [6],
    text: "mp-reach.next-hop: invalid (4 octets)",
  },
];

describe("RFC 7606: nothing of a family counts any more after", () => {
  for (const { section, name, bytes, ignored, text } of ignoring) {
    it(`${name} (${section})`, () => {
      const decoded = decodeUpdate(bytes, internal);
      const errors = decoded.errors.map((error) => [error.treatment, error.text]);
      assert.deepEqual([decoded.ignored, errors], [ignored, [["afi-safi-disable", text]]]);
      assert.equal(isEndOfRib(decoded), undefined);
    });
  }

  it("wrong flags of MP_REACH_NLRI, and IPv4 routes beside it are as they were", () => {
    const attributes = [`c${REACH.slice(1)}`, ORIGIN, AS_PATH, NEXT_HOP, LOCAL_PREF];
    const { ignored, treatAsWithdraw, update } = decodeUpdate(body(attributes, NLRI), internal);
    assert.deepEqual([ignored, treatAsWithdraw, update.announced.count], [[6], false, 1]);
  });

  it("wrong flags, but not for a family that nobody asked for (RFC 4760, 7)", () => {
    const decoded = decodeUpdate(withReach("c0 0e 05 0001 80 00 00"), internal);
    assert.deepEqual([decoded.ignored, decoded.errors[0]?.treatment], [[], "attribute-discard"]);
  });
});

const resets: readonly { section: string; name: string; bytes: Uint8Array; answer: Notification }[] = [
  {
    section: "RFC 4271, 6.3",
    name: "withdrawn routes that end outside",
    bytes: hex`0005 18 cb0071 0000`.subarray(0, 6),
    answer: notification(3, 1),
  },
  {
    section: "RFC 4271, 6.3",
    name: "attributes that end outside",
    bytes: hex`0000 0005 40010100`,
    answer: notification(3, 1),
  },
  {
    section: "3(g)",
    name: "MP_REACH_NLRI twice",
    bytes: body([REACH, REACH, ORIGIN, AS_PATH, LOCAL_PREF], ""),
    answer: notification(3, 1),
  },
  {
    section: "3(g)",
    name: "MP_UNREACH_NLRI twice",
    bytes: body(["80 0f 03 0002 01", "80 0f 03 0002 01"], ""),
    answer: notification(3, 1),
  },
  {
    section: "5.2",
    name: "MP_UNREACH_NLRI that cannot be read beside attributes that are about no route",
    bytes: body([ORIGIN, "c0 0f 03 0002 01"], ""),
    answer: notification(3, 1),
  },
  {
    section: "5.2",
    name: "a bad attribute and no routes to withdraw for it",
    bytes: body(["40 01 01 03", "80 0f 03 0002 01"], ""),
    answer: notification(3, 1),
  },
];

describe("RFC 7606: the session must go for", () => {
  for (const { section, name, bytes, answer } of resets) {
    it(`${name} (${section})`, () => {
      assert.throws(
        () => decodeUpdate(bytes, internal),
        (thrown) => {
          assert.ok(thrown instanceof DecodeError);
          assert.deepEqual(notificationFor(thrown, MESSAGE_TYPE.update), answer);
          return true;
        },
      );
    });
  }

  it("nothing else: a NOTIFICATION that cannot be read is not answered (RFC 4271, 6.4)", () => {
    const error = new MessageError("invalid", "x", "", notification(1, 1));
    assert.equal(notificationFor(error, MESSAGE_TYPE.notification), undefined);
  });
});
