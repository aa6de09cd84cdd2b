import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { BgpNotice } from "@herald/bgp/reasons";
import { NoticeNews } from "./notice-news.ts";

/** @param story reasons that are noticed, `/` where a session ends. @returns those that are news, in the same way. */
function news(story: string): string {
  const kinds: Record<string, BgpNotice> = {
    c: "connection-refused",
    a: "attribute-error",
    f: "family-refused",
  };
  const told = new NoticeNews();
  return [...story]
    .map((each) => {
      const reason = kinds[each];
      if (reason !== undefined) return told.isNews(reason, "so") ? each : ".";
      told.ended();
      return "/";
    })
    .join("");
}

describe("Notices of the sessions with a router", () => {
  for (const [name, story, wanted] of [
    ["are said once, however often the router calls in vain", "ccccccccc", "c........"],
    ["are said once, however often it errs", "aaa/aaa", "a../..."],
    ["are said once for all sessions that have them", "f/f/f/cf", "f/././c."],
    ["are said again after a session without", "fa//fa", "fa//fa"],
    ["are said again in a session where they were not so for a while", "ff", "ff"],
  ] as const) {
    it(name, () => assert.equal(news(story), wanted));
  }

  it("are said of all that this side cannot tell, as it brings that about itself", () => {
    const told = new NoticeNews();
    const said = Array.from({ length: 100 }, (_, at) => told.isNews("no-next-hop", `${at}`));
    assert.equal(said.filter(Boolean).length, 100);
    assert.equal(told.isNews("connection-refused", "so"), true);
  });

  it("are said in all the texts that a router brings about, but not in ever new ones", () => {
    const told = new NoticeNews();
    const said = Array.from({ length: 10_000 }, (_, at) => told.isNews("attribute-error", `${at}`));
    assert.equal(said.filter(Boolean).length, 16);
    told.ended();
    assert.deepEqual(
      [told.isNews("attribute-error", "15"), told.isNews("attribute-error", "16")],
      [false, true],
    );
  });
});
