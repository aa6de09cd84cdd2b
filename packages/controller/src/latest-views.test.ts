import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { IpAddress } from "@herald/shared/ip/address";
import { LatestViews } from "./latest-views.ts";
import { service } from "./testing/views.ts";

const ADDRESS = "192.0.2.1" as IpAddress;
const shows = { ingress: [{ ip: "192.0.2.1" }] };

describe("the latest of a Service", () => {
  for (const { known, seen, wins } of [
    { known: "9", seen: "10", wins: "10" },
    { known: "10", seen: "9", wins: "10" },
    { known: "10", seen: "10", wins: "10" },
    { known: "99", seen: "101", wins: "101" },
  ]) {
    it(`is version ${wins} when ${known} is known and ${seen} is seen`, () => {
      const latest = new LatestViews();
      latest.see(service({ resourceVersion: known }));
      assert.equal(latest.see(service({ resourceVersion: seen })).resourceVersion, wins);
    });
  }

  it("is whatever is seen of an object made anew", () => {
    const latest = new LatestViews();
    latest.see(service({ resourceVersion: "10" }));
    assert.equal(latest.see(service({ resourceVersion: "9", uid: "new" })).uid, "new");
  });

  it("knows who shows an address until they no longer do", () => {
    const latest = new LatestViews();
    const who = (): readonly string[] => [...latest.shownBy(ADDRESS)];
    latest.see(service({ key: "default/a", ...shows }));
    latest.see(service({ key: "default/b", ...shows }));
    const both = who();
    latest.see(service({ key: "default/a", resourceVersion: "2" }));
    const one = who();
    latest.forget(service({ key: "default/b" }).key);
    assert.deepEqual([both, one, who()], [["default/a", "default/b"], ["default/b"], []]);
  });
});
