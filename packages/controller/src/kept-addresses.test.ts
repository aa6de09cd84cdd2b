import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Departure } from "@herald/shared/allocator/departed";
import type { IpAddress } from "@herald/shared/ip/address";
import type { ServiceKey } from "@herald/shared/service/view";
import fc from "fast-check";
import { KeptAddressesText, readKeptAddresses } from "./kept-addresses.ts";

const EPOCH_MS = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

function departure(name: string, until: number, addresses = ["192.0.2.1"]): Departure {
  return { key: `shop/${name}` as ServiceKey, addresses: addresses as IpAddress[], until };
}

describe("the addresses kept for deleted Services, as the Lease has them", () => {
  it("are written with the time of day", () => {
    const text = new KeptAddressesText().write(
      [departure("web", 605_000, ["192.0.2.1", "2001:db8::1"]), departure("db", 65_000, ["192.0.2.2"])],
      { now: 5_000, epochMs: EPOCH_MS },
    );
    assert.deepEqual(JSON.parse(text ?? ""), [
      { service: "shop/web", addresses: ["192.0.2.1", "2001:db8::1"], until: "2026-01-01T00:10:00.000Z" },
      { service: "shop/db", addresses: ["192.0.2.2"], until: "2026-01-01T00:01:00.000Z" },
    ]);
  });

  it("are none where nobody is awaited", () => {
    assert.equal(new KeptAddressesText().write([], { now: 0, epochMs: EPOCH_MS }), undefined);
  });

  it("are said in the same words while they wait, also by a clock that was set", () => {
    const kept = new KeptAddressesText();
    const first = kept.write([departure("web", 60_000)], { now: 0, epochMs: EPOCH_MS });
    assert.equal(kept.write([departure("web", 60_000)], { now: 2_000, epochMs: EPOCH_MS + 9_000 }), first);
    const again = kept.write([departure("web", 90_000)], { now: 30_000, epochMs: EPOCH_MS + 30_000 });
    assert.match(again ?? "", /"until":"2026-01-01T00:01:30.000Z"/);
  });

  it("are those of the 256 that left last", () => {
    const all = Array.from({ length: 300 }, (_, index) => departure(`s${index}`, 60_000));
    const moment = { now: 0, epochMs: EPOCH_MS };
    const { departures, mistakes } = readKeptAddresses(
      new KeptAddressesText().write(all, moment) ?? "",
      moment,
    );
    assert.deepEqual([departures, mistakes], [all.slice(44), []]);
  });

  it("are read by another clock as they were written, and left out once their time is over", () => {
    const text =
      new KeptAddressesText().write([departure("web", 60_000), departure("db", 10_000)], {
        now: 0,
        epochMs: EPOCH_MS,
      }) ?? "";
    assert.deepEqual(readKeptAddresses(text, { now: 777, epochMs: EPOCH_MS + 10_000 }), {
      departures: [departure("web", 50_777)],
      mistakes: [],
    });
  });

  it("wait no longer than a pool may have them, whatever the text says", () => {
    const text = JSON.stringify([
      { service: "shop/web", addresses: ["192.0.2.1"], until: "9999-01-01T00:00:00Z" },
    ]);
    assert.deepEqual(readKeptAddresses(text, { now: 0, epochMs: EPOCH_MS }).departures, [
      departure("web", 30 * DAY_MS),
    ]);
  });

  const good = { service: "shop/web", addresses: ["192.0.2.1"], until: "2026-01-02T00:00:00.000Z" };
  for (const { name, text, mistakes, reads = 0 } of [
    { name: "no JSON", text: "x", mistakes: ["no list in JSON"] },
    { name: "an empty text", text: "", mistakes: ["no list in JSON"] },
    { name: "no list", text: "{}", mistakes: ["no list in JSON"] },
    {
      name: "an entry of another kind beside a good one",
      text: JSON.stringify([7, good]),
      mistakes: ["[0]: Invalid input: expected object, received number"],
      reads: 1,
    },
    {
      name: "a Service that is none",
      text: JSON.stringify([{ ...good, service: "web" }]),
      mistakes: ["[0].service: want namespace/name"],
    },
    {
      name: "an address that is none",
      text: JSON.stringify([{ ...good, addresses: ["192.0.2.1", "here"] }]),
      mistakes: ["[0].addresses.1: want an address"],
    },
    {
      name: "no address",
      text: JSON.stringify([{ ...good, addresses: [] }]),
      mistakes: ["[0].addresses: Too small: expected array to have >=1 items"],
    },
    {
      name: "a time that is none",
      text: JSON.stringify([{ ...good, until: "soon" }]),
      mistakes: ["[0].until: want a time like 2026-01-01T00:00:00.000Z"],
    },
    {
      name: "more than are ever written",
      text: JSON.stringify(Array.from({ length: 257 }, () => good)),
      mistakes: ["more than 256 entries"],
      reads: 256,
    },
  ]) {
    it(`are not taken from ${name}`, () => {
      const found = readKeptAddresses(text, { now: 0, epochMs: EPOCH_MS });
      assert.deepEqual([found.mistakes, found.departures.length], [mistakes, reads]);
    });
  }

  it("are read from any text without a throw, and never more than there may be", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        const { departures } = readKeptAddresses(text, { now: 0, epochMs: EPOCH_MS });
        assert.ok(departures.length <= 256);
      }),
    );
  });
});
