import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_OBJECTS } from "@herald/shared/config/objects/config-objects";
import type { ConfigMistake } from "@herald/shared/errors";
import { ConfigKeeper, type ConfigOffer, describeMistakes } from "./config-keeper.ts";

const TEXTS: Readonly<Record<string, string>> = {
  a: "address-pools: [{name: a, protocol: layer2, addresses: [192.0.2.0/28]}]",
  b: "address-pools: [{name: b, protocol: layer2, addresses: [192.0.2.0/28]}]",
};

function configMapOf(text: string | undefined): ConfigOffer["configMap"] {
  const view = { name: "config", namespace: "n", uid: "u", resourceVersion: "1" };
  return text === undefined ? undefined : { ...view, data: { config: TEXTS[text] ?? text } };
}

/** A keeper that was offered these ConfigMaps, one after another; "bad" is refused. */
function offer(...texts: readonly (string | undefined)[]): {
  readonly news: readonly string[];
  readonly loaded: boolean;
  readonly stale: boolean;
} {
  const keeper = new ConfigKeeper();
  const news = texts.map((text) => {
    const facts = keeper.offer({ configMap: configMapOf(text), objects: undefined });
    return facts.map(({ type }) => type).join() || "unchanged";
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

describe("objects and the ConfigMap", () => {
  const pool = (name: string, address: string) => ({
    metadata: { name },
    spec: { addresses: [address] },
  });
  const good = pool("o", "198.51.100.0/28");
  const bad = pool("o", "198.51.100.0");
  const clash = pool("a", "198.51.100.0/28");
  /** What a keeper has after offers of a ConfigMap and a pool each; "" is no pool, `undefined` no such kind. */
  function offerBoth(
    ...offers: readonly (readonly [string | undefined, ReturnType<typeof pool> | "" | undefined])[]
  ) {
    const keeper = new ConfigKeeper();
    const news = offers.map(([text, object]) => {
      const objects =
        object === undefined ? undefined : { ...NO_OBJECTS, pools: object === "" ? [] : [object] };
      const facts = keeper.offer({ configMap: configMapOf(text), objects });
      return facts.map(({ type }) => type).join() || "unchanged";
    });
    return { news, pools: keeper.inForce?.pools.map(({ name }) => name), stale: keeper.stale };
  }

  it("are in force together", () =>
    assert.deepEqual(offerBoth(["a", good], ["a", good]), {
      news: ["loaded", "unchanged"],
      pools: ["a", "o"],
      stale: false,
    }));

  it("need not both be there", () => {
    assert.deepEqual(offerBoth([undefined, good]), { news: ["missing,loaded"], pools: ["o"], stale: false });
    assert.deepEqual(offerBoth(["a", undefined], ["a", good]), {
      news: ["loaded", "loaded"],
      pools: ["a", "o"],
      stale: false,
    });
  });

  it("keep what was good of them last while one is bad, or one does not go with the other", () => {
    for (const object of [bad, clash]) {
      assert.deepEqual(offerBoth(["a", good], ["a", object], ["a", object], ["a", good]), {
        news: ["loaded", "pools-refused", "unchanged", "pools-restored"],
        pools: ["a", "o"],
        stale: false,
      });
      assert.deepEqual(offerBoth(["a", good], ["a", object]).pools, ["a", "o"]);
      assert.equal(offerBoth(["a", good], ["a", object]).stale, true);
    }
    assert.deepEqual(offerBoth(["a", good], ["bad", good], ["a", good]), {
      news: ["loaded", "refused", "restored"],
      pools: ["a", "o"],
      stale: false,
    });
  });

  it("go from the ConfigMap to objects without anything in between", () =>
    assert.deepEqual(offerBoth(["a", undefined], ["a", ""], [undefined, good]), {
      news: ["loaded", "unchanged", "missing,loaded"],
      pools: ["o"],
      stale: false,
    }));

  it("keep the pools of objects whose kind went away", () =>
    assert.deepEqual(offerBoth(["a", good], ["a", undefined]).pools, ["a", "o"]));
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
