import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { fuzz } from "@herald/lab/fuzz";
import { SeededRandom } from "@herald/lab/random";
import { DecodeError } from "@herald/wire/bytes";
import { pathKey } from "./effect.ts";
import { decodePacket, encodePacket } from "./packet.ts";
import { BfdSessions } from "./sessions.ts";
import { datagram, OPTIONS, PATH } from "./testdata/bench.ts";
import { BFD_FUZZ } from "./testdata/fuzz-target.ts";

/** More of them: `npm run fuzz`. */
const INPUTS = 1_000_000;
/** To sessions. */
const DATAGRAMS = 10_000;

const { samples } = BFD_FUZZ;
const DIGESTS = {
  md5: (bytes: Uint8Array) => new Uint8Array(createHash("md5").update(bytes).digest()),
  sha1: (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest()),
};

function below(end: number, random: SeededRandom): number {
  return Math.floor(random.next() * end);
}

/** One to three octets or lengths are not what they were. */
function mutated(sample: Uint8Array, random: SeededRandom): Uint8Array {
  const octets = [...sample];
  for (let left = 1 + below(3, random); left > 0; left -= 1) {
    const at = below(octets.length, random);
    const dice = below(8, random);
    if (dice === 0) octets.length = at;
    else if (dice === 1) octets.push(...octets.slice(at, at + 8));
    else octets[at] = below(256, random);
  }
  return Uint8Array.from(octets);
}

describe("rubbish", () => {
  it("is a packet or a DecodeError, however it is cut off", () => {
    for (const sample of samples) {
      for (let end = 0; end <= sample.length; end += 1) {
        if (end === sample.length) assert.deepEqual(encodePacket(decodePacket(sample)), sample);
        else assert.throws(() => decodePacket(sample.subarray(0, end)), DecodeError);
      }
    }
  });

  it(`does no harm: ${INPUTS} packets in which something changed`, () => {
    const { taken, refused } = fuzz(BFD_FUZZ, 1, INPUTS);
    assert.ok(taken > INPUTS / 50 && refused > INPUTS / 50, `${taken} taken, ${refused} refused`);
  });

  it(`does no harm to sessions: ${DATAGRAMS} datagrams to those with and without keys`, () => {
    const random = new SeededRandom(6);
    const core = new BfdSessions(random, DIGESTS);
    const key = Uint8Array.of(1, 2, 3);
    const kinds = [undefined, "password", "md5", "meticulous-sha1"] as const;
    const wanted = kinds.map((kind, index) => ({
      path: { ...PATH, interface: `eth${index}` },
      options: { ...OPTIONS, authentication: kind && { kind, keyId: 1, key } },
      disabled: false,
    }));
    core.handle({ type: "sessions", wanted }, 0);
    const discriminators = wanted.map(({ path }) => core.status(pathKey(path))?.localDiscriminator ?? 0);
    let now = 0;
    let last = 0;
    for (let turn = 0; turn < DATAGRAMS; turn += 1) {
      now += below(60, random);
      const which = below(wanted.length, random);
      const packet = decodePacket(samples[turn % samples.length] as Uint8Array);
      const yourDiscriminator = [0, discriminators[which] ?? 0, 1][below(3, random)] ?? 0;
      const state = (["down", "init", "up", "admin-down"] as const)[below(4, random)] ?? "down";
      const authentication = random.next() < 0.3 ? packet.authentication : undefined;
      const one = datagram(
        { ...packet, yourDiscriminator, state, authentication },
        { interface: `eth${which}` },
      );
      const bytes = random.next() < 0.2 ? mutated(one.bytes, random) : one.bytes;
      const effects = [
        ...core.handle({ type: "datagram", datagram: { ...one, bytes } }, now),
        ...core.wake(now),
      ];
      // One answer to each, and what was due anyhow: nobody can make this node send more than they do.
      const sent = effects.filter((effect) => effect.type === "send" && decodePacket(effect.bytes)).length;
      assert.ok(sent <= 1 + 2 * wanted.length);
      last += sent;
      assert.equal(core.statuses().size, wanted.length);
      const due = core.nextWake();
      assert.ok(due === undefined || Number.isFinite(due));
    }
    assert.ok(last > 100);
  });
});
