import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BfdProfileConfig } from "@herald/shared/config/config";
import type { IpAddress } from "@herald/shared/ip/address";
import { type BfdOptions, bfdOptions } from "./options.ts";
import { PATH } from "./testdata/bench.ts";

const EMPTY: BfdProfileConfig = {
  name: "empty",
  receiveIntervalMs: undefined,
  transmitIntervalMs: undefined,
  detectMultiplier: undefined,
  echoIntervalMs: undefined,
  echoMode: false,
  passiveMode: false,
  minimumTtl: undefined,
};

const DEFAULTS: BfdOptions = {
  transmitMs: 300,
  receiveMs: 300,
  detectMultiplier: 3,
  passive: false,
  echoReceiveMs: 0,
  minimumTtl: 254,
  authentication: undefined,
};

describe("a profile", () => {
  it("that is not there, or says nothing, is what FRR would do", () => {
    assert.deepEqual(bfdOptions(undefined, PATH), DEFAULTS);
    assert.deepEqual(bfdOptions(EMPTY, PATH), DEFAULTS);
  });

  it("that says everything is followed", () => {
    const profile = {
      name: "all",
      receiveIntervalMs: 35,
      transmitIntervalMs: 36,
      detectMultiplier: 37,
      echoIntervalMs: 38,
      echoMode: true,
      passiveMode: true,
      minimumTtl: 239,
    };
    assert.deepEqual(bfdOptions(profile, PATH), {
      transmitMs: 36,
      receiveMs: 35,
      detectMultiplier: 37,
      passive: true,
      echoReceiveMs: 38,
      minimumTtl: 239,
      authentication: undefined,
    });
  });

  const echo = { ...EMPTY, echoMode: true };
  const paths = [
    { name: "each 50 ms over one hop of IPv4", path: PATH, ms: 50 },
    { name: "never over many hops", path: { ...PATH, hops: "multi" as const }, ms: 0 },
    { name: "never over IPv6", path: { ...PATH, remote: "2001:db8::1" as IpAddress }, ms: 0 },
  ];
  for (const { name, path, ms } of paths) {
    it(`with echo lets the peer send it ${name}`, () => {
      assert.equal(bfdOptions(echo, path).echoReceiveMs, ms);
    });
  }
});
