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
    it(`is version ${wins} when ${known} was answered and the watch brings ${seen}`, () => {
      const latest = new LatestViews();
      latest.answered(service({ resourceVersion: known }));
      assert.equal(latest.watched(service({ resourceVersion: seen })).resourceVersion, wins);
    });

    it(`is version ${wins} when the watch brought ${known} and ${seen} is answered`, () => {
      const latest = new LatestViews();
      latest.watched(service({ resourceVersion: known }));
      assert.equal(latest.answered(service({ resourceVersion: seen })).resourceVersion, wins);
    });
  }

  it("is what the watch brings once it has caught up, also when versions begin again below", () => {
    const latest = new LatestViews();
    latest.answered(service({ resourceVersion: "90" }));
    const seen = ["80", "90", "20", "21"].map((resourceVersion) =>
      latest.watched(service({ resourceVersion })),
    );
    assert.deepEqual(
      seen.map(({ resourceVersion }) => resourceVersion),
      ["90", "90", "20", "21"],
    );
  });

  it("stays ahead of the watch when the same is answered twice", () => {
    const latest = new LatestViews();
    for (const resourceVersion of ["90", "90"]) latest.answered(service({ resourceVersion }));
    assert.equal(latest.watched(service({ resourceVersion: "80" })).resourceVersion, "90");
  });

  it("is whatever is seen of an object made anew", () => {
    for (const see of ["watched", "answered"] as const) {
      const latest = new LatestViews();
      latest.answered(service({ resourceVersion: "10" }));
      assert.equal(latest[see](service({ resourceVersion: "9", uid: "new" })).uid, "new");
    }
  });

  it("knows who shows an address until they no longer do", () => {
    const latest = new LatestViews();
    const who = (): readonly string[] => [...latest.shownBy(ADDRESS)];
    latest.watched(service({ key: "default/a", ...shows }));
    latest.watched(service({ key: "default/b", ...shows }));
    const both = who();
    latest.watched(service({ key: "default/a", resourceVersion: "2" }));
    const one = who();
    latest.forget(service({ key: "default/b" }).key);
    assert.deepEqual([both, one, who()], [["default/a", "default/b"], ["default/b"], []]);
  });
});
