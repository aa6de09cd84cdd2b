import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { loadConfig } from "@herald/shared/config/load";
import { ConfigError, type ConfigMistake } from "@herald/shared/errors";
import { ConfigKeeper, type ConfigNews, describeMistakes } from "./config-keeper.ts";

/** A keeper that was offered these texts, one after another; "bad" is refused. */
function offer(...texts: readonly (string | undefined)[]): {
  readonly news: readonly ConfigNews["type"][];
  readonly loaded: boolean;
  readonly stale: boolean;
} {
  const keeper = new ConfigKeeper((data) => {
    if (data["config"] === "bad") throw new ConfigError([{ path: "", line: 1, message: "bad" }]);
    return loadConfig("");
  });
  const news = texts.map((config, index) => {
    const view = { name: "config", namespace: "n", uid: "u", resourceVersion: `${index}` };
    return keeper.offer(config === undefined ? undefined : { ...view, data: { config } }).type;
  });
  return { news, loaded: keeper.inForce !== undefined, stale: keeper.stale };
}

const lives: readonly { texts: readonly (string | undefined)[]; end: ReturnType<typeof offer> }[] = [
  { texts: [], end: { news: [], loaded: false, stale: false } },
  { texts: [undefined], end: { news: ["missing"], loaded: false, stale: false } },
  { texts: [undefined, undefined], end: { news: ["missing", "unchanged"], loaded: false, stale: false } },
  { texts: ["bad"], end: { news: ["refused"], loaded: false, stale: true } },
  { texts: ["bad", undefined], end: { news: ["refused", "missing"], loaded: false, stale: false } },
  { texts: ["a"], end: { news: ["loaded"], loaded: true, stale: false } },
  { texts: ["a", "a"], end: { news: ["loaded", "unchanged"], loaded: true, stale: false } },
  { texts: ["a", "b"], end: { news: ["loaded", "loaded"], loaded: true, stale: false } },
  { texts: ["a", "bad"], end: { news: ["loaded", "refused"], loaded: true, stale: true } },
  {
    texts: ["a", "bad", "bad"],
    end: { news: ["loaded", "refused", "unchanged"], loaded: true, stale: true },
  },
  { texts: ["a", "bad", "a"], end: { news: ["loaded", "refused", "restored"], loaded: true, stale: false } },
  { texts: ["a", "bad", "b"], end: { news: ["loaded", "refused", "loaded"], loaded: true, stale: false } },
  { texts: ["a", undefined], end: { news: ["loaded", "missing"], loaded: true, stale: true } },
  {
    texts: ["a", undefined, "a"],
    end: { news: ["loaded", "missing", "restored"], loaded: true, stale: false },
  },
];

describe("the configuration in force", () => {
  for (const { texts, end } of lives) {
    it(`after ${texts.map((text) => text ?? "none").join(", ") || "nothing"} is ${end.loaded ? "" : "not "}there${end.stale ? " and stale" : ""}`, () =>
      assert.deepEqual(offer(...texts), end));
  }
});

describe("mistakes in one text", () => {
  const mistakes = (count: number): readonly ConfigMistake[] =>
    Array.from({ length: count }, (_, index) => ({
      path: `address-pools[${index}]`,
      line: index + 1,
      message: "unnamed",
    }));

  it("are all there while they fit", () =>
    assert.equal(
      describeMistakes(mistakes(2)),
      "line 1: address-pools[0]: unnamed; line 2: address-pools[1]: unnamed",
    ));

  it("are counted where they do not fit in an Event", () => {
    const message = describeMistakes(mistakes(100));
    assert.match(message, /; line 27: address-pools\[26\]: unnamed; and 73 more$/);
    assert.ok(message.length <= 1024);
  });

  it("are cut where even one does not fit", () =>
    assert.equal(describeMistakes([{ path: "", line: 0, message: "x".repeat(5000) }]).length, 1024));
});
