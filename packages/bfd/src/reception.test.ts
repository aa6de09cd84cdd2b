import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { SeededRandom } from "@herald/lab/random";
import type { IpAddress } from "@herald/shared/ip/address";
import { Authenticator } from "./authentication.ts";
import type { BfdDatagram } from "./effect.ts";
import { pathKey } from "./effect.ts";
import type { BfdPath } from "./options.ts";
import { BFD_DROP_REASONS, type BfdDropReason } from "./reasons.ts";
import { BfdSessions } from "./sessions.ts";
import { datagram, OPTIONS, PATH, THEIRS, told } from "./testdata/bench.ts";

const ip = (text: string) => text as IpAddress;

const FAR: BfdPath = {
  hops: "multi",
  remote: ip("198.51.100.1"),
  local: ip("203.0.113.1"),
  interface: undefined,
};
const SEALED: BfdPath = { ...PATH, remote: ip("192.0.2.253") };
const SHUT: BfdPath = { ...PATH, remote: ip("192.0.2.252") };
const HASHED: BfdPath = { ...PATH, remote: ip("192.0.2.251") };

const KEY = { kind: "password", keyId: 5, key: new TextEncoder().encode("secret") } as const;
const DIGESTS = {
  md5: (bytes: Uint8Array) => new Uint8Array(createHash("md5").update(bytes).digest()),
  sha1: (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest()),
};

/** One session of each kind. */
function node(): BfdSessions {
  const core = new BfdSessions(new SeededRandom(3), DIGESTS);
  const wanted = [
    { path: PATH, options: OPTIONS, disabled: false },
    { path: FAR, options: OPTIONS, disabled: false },
    { path: SEALED, options: { ...OPTIONS, authentication: KEY }, disabled: false },
    { path: SHUT, options: OPTIONS, disabled: true },
    {
      path: HASHED,
      options: { ...OPTIONS, authentication: { ...KEY, kind: "md5" as const } },
      disabled: false,
    },
  ];
  core.handle({ type: "sessions", wanted }, 0);
  return core;
}

/** Those octets of a good first packet changed. */
function spoilt(at: number, ...octets: readonly number[]): BfdDatagram {
  const good = datagram({});
  const bytes = good.bytes.slice();
  bytes.set(octets, at);
  return { ...good, bytes };
}

const password = (text: string, keyId = 5, type = 1) => ({
  authentication: { type, data: Uint8Array.from([keyId, ...new TextEncoder().encode(text)]) },
});
const sealed = { from: SEALED.remote };
const far = { hops: "multi", from: FAR.remote, to: FAR.local, interface: "eth7", ttl: 254 } as const;

interface Case {
  readonly name: string;
  readonly reason: BfdDropReason;
  readonly datagram: BfdDatagram | ((core: BfdSessions) => BfdDatagram);
}

const ours = (core: BfdSessions, path: BfdPath) => core.status(pathKey(path))?.localDiscriminator ?? 0;

/** RFC 5880 §6.8.6 from its beginning to its end; RFC 5881 §5 comes before it. */
const dropped: readonly Case[] = [
  { name: "TTL 254 over one hop", reason: "ttl", datagram: datagram({}, { ttl: 254 }) },
  {
    name: "TTL 254 over one hop, whatever else is wrong",
    reason: "ttl",
    datagram: { ...spoilt(0, 0), ttl: 254 },
  },
  { name: "TTL 253 over many hops", reason: "ttl", datagram: datagram({}, { ...far, ttl: 253 }) },
  {
    name: "an empty datagram",
    reason: "truncated",
    datagram: { ...datagram({}), bytes: new Uint8Array(0) },
  },
  { name: "version 0", reason: "version", datagram: spoilt(0, 0x00) },
  { name: "length 23", reason: "length", datagram: spoilt(3, 23) },
  { name: "length 25 with authentication", reason: "length", datagram: spoilt(1, 0x44, 3, 25) },
  { name: "length past the datagram", reason: "length", datagram: spoilt(3, 25) },
  { name: "multiplier 0", reason: "detect-multiplier", datagram: spoilt(2, 0) },
  { name: "multipoint", reason: "multipoint", datagram: spoilt(1, 0x41) },
  { name: "no discriminator", reason: "discriminator", datagram: spoilt(4, 0, 0, 0, 0) },
  {
    name: "authentication of another length than the packet leaves",
    reason: "invalid-authentication",
    datagram: {
      ...datagram({}),
      bytes: Uint8Array.from([...spoilt(1, 0x44, 3, 28).bytes, 1, 9, 5, 0]),
    },
  },
  {
    name: "a discriminator that is nobody's",
    reason: "unknown-session",
    datagram: datagram({ yourDiscriminator: 4 }),
  },
  { name: "init without a discriminator", reason: "state-unproven", datagram: datagram({ state: "init" }) },
  { name: "up without a discriminator", reason: "state-unproven", datagram: datagram({ state: "up" }) },
  {
    name: "the first of an unknown peer",
    reason: "unknown-peer",
    datagram: datagram({}, { from: ip("192.0.2.1") }),
  },
  {
    name: "the first of a peer on another interface",
    reason: "unknown-peer",
    datagram: datagram({}, { interface: "eth1" }),
  },
  {
    name: "the first of a peer over more hops than agreed",
    reason: "unknown-peer",
    datagram: datagram({}, { hops: "multi" }),
  },
  {
    name: "the first of a far peer to another address of ours",
    reason: "unknown-peer",
    datagram: datagram({}, { ...far, to: ip("203.0.113.2") }),
  },
  {
    name: "the first of a far peer to an address of ours that no session has",
    reason: "unknown-peer",
    datagram: datagram({}, { ...far, to: undefined }),
  },
  {
    name: "a near session's packet to the port for far ones",
    reason: "wrong-path",
    datagram: (core) => datagram({ yourDiscriminator: ours(core, PATH) }, { ...far, interface: undefined }),
  },
  {
    name: "a session's packet from another interface",
    reason: "wrong-path",
    datagram: (core) => datagram({ yourDiscriminator: ours(core, PATH) }, { interface: "eth1" }),
  },
  {
    name: "a session's packet to another address of ours",
    reason: "wrong-path",
    datagram: (core) => datagram({ yourDiscriminator: ours(core, FAR) }, { ...far, to: ip("203.0.113.2") }),
  },
  {
    name: "authentication where no key is known",
    reason: "unexpected-authentication",
    datagram: datagram(password("secret")),
  },
  {
    name: "no authentication where there is a key",
    reason: "missing-authentication",
    datagram: datagram({}, sealed),
  },
  {
    name: "another kind of authentication",
    reason: "wrong-authentication",
    datagram: datagram(password("secret", 5, 2), sealed),
  },
  {
    name: "another key ID",
    reason: "wrong-authentication",
    datagram: datagram(password("secret", 6), sealed),
  },
  {
    name: "another password",
    reason: "wrong-authentication",
    datagram: datagram(password("secrets"), sealed),
  },
  {
    name: "the beginning of the password",
    reason: "wrong-authentication",
    datagram: datagram(password("secre"), sealed),
  },
  {
    name: "a key ID with no digest behind it",
    reason: "wrong-authentication",
    datagram: datagram(password("", 5, 2), { from: HASHED.remote }),
  },
  {
    name: "a digest that is too short",
    reason: "wrong-authentication",
    datagram: datagram(password("\0\0\0\0\0", 5, 2), { from: HASHED.remote }),
  },
  {
    name: "a digest that is wrong",
    reason: "wrong-authentication",
    datagram: datagram(password("\0".repeat(21), 5, 2), { from: HASHED.remote }),
  },
  {
    name: "a session that is shut down",
    reason: "admin-down",
    datagram: datagram({ poll: true }, { from: SHUT.remote }),
  },
];

const taken: readonly { name: string; datagram: (core: BfdSessions) => BfdDatagram }[] = [
  { name: "the first of a near peer", datagram: () => datagram({}) },
  {
    name: "one whose socket has looked at TTL and interface",
    datagram: () => datagram({}, { ttl: undefined, interface: undefined }),
  },
  {
    name: "one from another address of the peer's, by its discriminator",
    datagram: (core) => datagram({ yourDiscriminator: ours(core, PATH) }, { from: ip("192.0.2.99") }),
  },
  { name: "the first of a far peer", datagram: () => datagram({}, far) },
  { name: "the right password", datagram: () => datagram(password("secret"), sealed) },
  {
    name: "one with octets behind it",
    datagram: () => ({ ...datagram({}), bytes: Uint8Array.from([...datagram({}).bytes, 9]) }),
  },
];

describe("a datagram", () => {
  for (const { name, reason, datagram: one } of dropped) {
    it(`is dropped: ${name}`, () => {
      const core = node();
      const before = core.statuses();
      const effects = core.handle(
        { type: "datagram", datagram: typeof one === "function" ? one(core) : one },
        0,
      );
      assert.deepEqual(told(effects), [`drop ${reason}`]);
      if (reason !== "admin-down") assert.deepEqual(core.statuses(), before);
    });
  }

  for (const { name, datagram: one } of taken) {
    it(`is taken: ${name}`, () => {
      const core = node();
      const effects = told(core.handle({ type: "datagram", datagram: one(core) }, 0));
      assert.deepEqual(effects.slice(0, 1), ["down -> init"]);
    });
  }

  it("that is the first of a session belongs to the one that says most of its path", () => {
    const [here, other] = ["192.0.2.2", "192.0.2.3"].map(ip);
    const any = { ...PATH, interface: undefined };
    const [toUs, both] = [
      { ...any, local: here },
      { ...PATH, local: here },
    ];
    for (const [paths, interfaceName, to, first] of [
      [[any, toUs, PATH, both], "eth0", here, both],
      [[any, toUs, PATH, both], "eth0", other, PATH],
      [[any, toUs, PATH, both], "eth1", here, toUs],
      [[any, toUs, PATH, both], "eth1", other, any],
      [[any, toUs, PATH], "eth0", here, PATH],
    ] as const) {
      const core = new BfdSessions(new SeededRandom(3));
      const wanted = paths.map((path) => ({ path, options: OPTIONS, disabled: false }));
      core.handle({ type: "sessions", wanted }, 0);
      const one = datagram({}, { interface: interfaceName, to });
      const [effect] = core.handle({ type: "datagram", datagram: one }, 0);
      assert.deepEqual(effect, { type: "state", session: pathKey(first), from: "down", to: "init" });
    }
  });

  it("of a session that has ended is nobody's, and the first of its peer another one's, or nobody's", () => {
    const any = { ...PATH, interface: undefined };
    const all = [any, PATH, FAR].map((path) => ({ path, options: OPTIONS, disabled: false }));
    for (const [left, first] of [
      [all.slice(0, 1), "down -> init"],
      [all.slice(2), "drop unknown-peer"],
    ] as const) {
      const core = new BfdSessions(new SeededRandom(3));
      core.handle({ type: "sessions", wanted: all }, 0);
      const late = datagram({ yourDiscriminator: ours(core, PATH) });
      core.handle({ type: "sessions", wanted: left }, 0);
      const heard = [late, datagram({})].map(
        (one) => told(core.handle({ type: "datagram", datagram: one }, 0))[0],
      );
      assert.deepEqual(heard, ["drop unknown-session", first]);
    }
  });

  it("never has to name a session by 0, nor two by one number", () => {
    const drawn = [0, 0.25, 0.5, 0.25, 0.75, 0.9, 0.9, 0.9];
    const core = new BfdSessions({ next: () => drawn.shift() ?? 0.1 });
    const wanted = [PATH, FAR].map((path) => ({ path, options: OPTIONS, disabled: false }));
    core.handle({ type: "sessions", wanted }, 0);
    assert.deepEqual(
      [...core.statuses().values()].map(({ localDiscriminator }) => localDiscriminator),
      [2 ** 30, 3 * 2 ** 30],
    );
  });

  it("with a sequence number from the beginning is the peer's again after twice the detection time", () => {
    const core = node();
    const path = pathKey(HASHED);
    const send = (next: number, now: number) => {
      const sender = new Authenticator({ ...KEY, kind: "md5" }, DIGESTS, { next: () => next });
      const one = { ...datagram({}, { from: HASHED.remote }), bytes: sender.encode(THEIRS) };
      return told(core.handle({ type: "datagram", datagram: one }, now));
    };
    assert.deepEqual(send(0.5, 0)[0], "down -> init");
    assert.equal(core.status(path)?.detectionTimeMs, 3_000);
    assert.deepEqual(send(0.25, 5_999), ["drop replayed"]);
    assert.deepEqual(send(0.25, 6_000), []);
  });

  it("is dropped for each reason that there is in some test here", () => {
    const tried = new Set([...dropped.map(({ reason }) => reason), "replayed"]); // authentication.test.ts
    assert.deepEqual([...tried].sort(), Object.keys(BFD_DROP_REASONS).sort());
  });
});
