import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { hex, parseHex } from "@herald/lab/hex";
import { DecodeError } from "@herald/wire/bytes";
import fc from "fast-check";
import { decodeNetlink, encodeAddressDump, encodeLinkDump } from "./netlink-message.ts";

const text = readFileSync(new URL("./testdata/link-dump.hex", import.meta.url), "utf8");
/** By datagram, as the kernel sent them. */
const dump = text
  .split("## datagram")
  .slice(1)
  .map((part) => parseHex(part.replace(/^ \d+/, "")));

const plain = { up: false, broadcast: true, noArp: false, hasMaster: false, operational: false };

describe("netlink messages", () => {
  it("decode the kernel's list of interfaces", () => {
    assert.deepEqual(dump.flatMap(decodeNetlink), [
      {
        type: "link",
        sequence: 7,
        link: { ...plain, name: "lo", index: 1, mac: undefined, broadcast: false },
      },
      { type: "link", sequence: 7, link: { ...plain, name: "br0", index: 2, mac: "fa:32:c4:c9:35:31" } },
      {
        type: "link",
        sequence: 7,
        link: {
          ...plain,
          name: "v1",
          index: 3,
          mac: "fa:32:c4:c9:35:31",
          up: true,
          hasMaster: true,
          operational: true,
        },
      },
      {
        type: "link",
        sequence: 7,
        link: { ...plain, name: "v0", index: 4, mac: "02:00:00:00:00:01", up: true, operational: true },
      },
      { type: "done", sequence: 7, consistent: true },
    ]);
  });

  it("decode the end of an interface", () => {
    const bytes = hex`
      20000000 1100 0000 00000000 00000000   # length 32, RTM_DELLINK
      00 00 0100 09000000 00000000 ffffffff  # ethernet, index 9`;
    assert.deepEqual(decodeNetlink(bytes), [{ type: "link-gone", sequence: 0, index: 9 }]);
  });

  it("decode an address with what is said of it, and its end", () => {
    const added = hex`
      40000000 1400 0000 00000000 00000000   # length 64, RTM_NEWADDR
      0a 40 61 00 02000000                   # IPv6, /64, temporary, deprecated and tentative, index 2
      1400 0100 20010db8 00000000 00000000 00000002
      1400 0600 00000000 00000000 0a000000 0a000000  # created at 0.1 s`;
    const gone = hex`18000000 1500 0000 00000000 00000000 02 18 80 00 02000000`;
    const own = { address: "2001:db8::2", prefixLength: 64, index: 2, isUsable: false, isDeprecated: true };
    assert.deepEqual([added, gone].flatMap(decodeNetlink), [
      { type: "address", sequence: 0, own: { ...own, isSecondary: true, createdMs: 100 } },
      { type: "address-gone", sequence: 0 },
    ]);
  });

  it("take the near end of a tunnel for ours", () => {
    const bytes = hex`
      28000000 1400 0000 00000000 00000000
      02 20 80 00 03000000
      0800 0100 c0000201 0800 0200 c0000202`;
    const [message] = decodeNetlink(bytes);
    assert.equal(message?.type === "address" && message.own.address, "192.0.2.2");
  });

  it("decode a dump that was interrupted", () => {
    const bytes = hex`14000000 0300 1200 07000000 00000000 00000000`;
    assert.deepEqual(decodeNetlink(bytes), [{ type: "done", sequence: 7, consistent: false }]);
  });

  it("decode an error with its errno", () => {
    const bytes = hex`14000000 0200 0000 07000000 00000000 ffffffff`; // -EPERM
    assert.deepEqual(decodeNetlink(bytes), [{ type: "error", sequence: 7, errno: 1 }]);
  });

  it("pass over what they do not know", () => {
    const bytes = hex`11000000 6300 0000 02000000 00000000 aa 000000 10000000 6400 0000 03000000 00000000`;
    assert.deepEqual(decodeNetlink(bytes), [
      { type: "other", sequence: 2 },
      { type: "other", sequence: 3 },
    ]);
  });

  it("encode the request for all interfaces", () =>
    assert.deepEqual(
      encodeLinkDump(7),
      hex`
        20000000 1200 0103 07000000 00000000   # length 32, RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP
        00 00 0000 00000000 00000000 00000000`,
    ));

  it("encode the request for all addresses", () =>
    assert.deepEqual(encodeAddressDump(7), hex`18000000 1600 0103 07000000 00000000 0000000000000000`));

  const refused = [
    { name: "half a length", bytes: hex`1000`, error: "netlink.length: truncated (need 2, have 0)" },
    {
      name: "a length below its header's",
      bytes: hex`0f000000 1000 0000 00000000 00000000`,
      error: "netlink.length: invalid (15, want at least 16)",
    },
    {
      name: "a length past the end",
      bytes: hex`20000000 1000 0000 00000000 00000000`,
      error: "netlink.body: truncated (need 16, have 0)",
    },
    {
      name: "an interface cut short",
      bytes: hex`14000000 1000 0000 00000000 00000000 00000100`,
      error: "link.index: truncated (need 2, have 0)",
    },
    {
      name: "an attribute past the end",
      bytes: hex`24000000 1000 0000 00000000 00000000 00000100 01000000 00000000 00000000 0500 0300`,
      error: "attribute.value: truncated (need 1, have 0)",
    },
    {
      name: "an attribute of no length",
      bytes: hex`24000000 1000 0000 00000000 00000000 00000100 01000000 00000000 00000000 0000 0300`,
      error: "attribute.length: invalid (0, want at least 4)",
    },
  ];
  for (const { name, bytes, error } of refused) {
    it(`refuse ${name}`, () =>
      assert.throws(() => decodeNetlink(bytes), { name: "DecodeError", message: error }));
  }

  it("give a value or a DecodeError for any bytes", () => {
    const spoilt = fc
      .tuple(
        fc.constantFrom(...dump),
        fc.array(fc.tuple(fc.nat(3000), fc.nat(255)), { maxLength: 5 }),
        fc.nat(3000),
      )
      .map(([datagram, changes, length]) => {
        const bytes = datagram.slice(0, length);
        for (const [at, octet] of changes) if (at < bytes.length) bytes[at] = octet;
        return bytes;
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), spoilt), (bytes) => {
        try {
          assert.ok(Array.isArray(decodeNetlink(bytes)));
        } catch (error) {
          assert.ok(error instanceof DecodeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
