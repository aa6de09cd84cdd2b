import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { MacAddress } from "@herald/wire/mac";
import fc from "fast-check";
import type { UsableInterfaces } from "./interface-rules.ts";
import { PresenceBook, type PresenceNews } from "./presence.ts";
import { encodeSpeakerMeta } from "./speaker-meta.ts";

const A = "02:00:00:00:00:0a" as MacAddress;
const B = "02:00:00:00:00:0b" as MacAddress;
const ours = (name: string, ...macs: MacAddress[]) => ({
  name,
  meta: encodeSpeakerMeta({ macs, interfaces: new Set(macs) }),
});
const metallbs = (name: string) => ({ name, meta: new Uint8Array() });

describe("PresenceBook", () => {
  let told: PresenceNews[];
  let book: PresenceBook;
  beforeEach(() => {
    told = [];
    book = new PresenceBook((news) => told.push(news));
  });
  const hear = (...[change, member]: Parameters<PresenceBook["hear"]>): void => {
    book.hear(change, member);
    book.tell();
  };

  it("knows speakers by what they say of themselves", () => {
    hear("alive", ours("node-a", A));
    hear("alive", ours("node-b", B));
    assert.deepEqual(told, [
      {
        speakers: new Map([["node-a", new Set([A])]]),
        names: new Map([[A, "node-a"]]),
        foreign: false,
      },
      {
        speakers: new Map([["node-b", new Set([B])]]),
        names: new Map([[B, "node-b"]]),
        foreign: false,
      },
    ]);
  });

  it("follows a speaker that changes its interfaces", () => {
    hear("alive", ours("node-a", A));
    hear("updated", ours("node-a", B));
    assert.deepEqual(told.at(-1), {
      speakers: new Map([["node-a", new Set([B])]]),
      names: new Map([
        [A, undefined],
        [B, "node-a"],
      ]),
      foreign: false,
    });
  });

  it("notices a speaker that does not say who it is, until it is gone", () => {
    hear("alive", ours("node-a", A));
    hear("alive", metallbs("node-b"));
    assert.equal(told.at(-1)?.foreign, true);
    hear("suspect", metallbs("node-b"));
    assert.equal(told.length, 2);
    hear("dead", metallbs("node-b"));
    assert.deepEqual(told.at(-1), { speakers: new Map(), names: new Map(), foreign: false });
  });

  it("remembers who was whose after a speaker is gone: its node may go on answering", () => {
    hear("alive", ours("node-a", A));
    hear("dead", ours("node-a", A));
    assert.deepEqual(told.at(-1), {
      speakers: new Map([["node-a", undefined]]),
      names: new Map(),
      foreign: false,
    });
    hear("alive", ours("node-b", A));
    assert.deepEqual(told.at(-1)?.names, new Map([[A, "node-b"]]));
  });

  it("takes the word of the living for what two say, and that of the other when one says so no more", () => {
    hear("alive", ours("node-a", A));
    hear("alive", ours("node-b", A));
    hear("dead", ours("node-b", A));
    assert.deepEqual(
      told.map(({ names }) => names.get(A)),
      ["node-a", "node-b", "node-a"],
    );
  });

  it("tells once of many that come at once, and nothing when nothing came", () => {
    const names = ["node-a", "node-b", "node-c"];
    for (const name of names) book.hear("alive", ours(name));
    assert.deepEqual(told, []);
    book.tell();
    book.tell();
    assert.deepEqual(told, [
      { speakers: new Map(names.map((name) => [name, new Set()])), names: new Map(), foreign: false },
    ]);
  });

  it("forgets the oldest of very many", () => {
    const macOf = (index: number): MacAddress =>
      `02:00:00:00:${pair(index >> 8)}:${pair(index & 255)}` as MacAddress;
    for (let index = 0; index < 1_030; index += 1) {
      const member = ours(`node-${index}`, macOf(index));
      hear("alive", member);
      hear("dead", member);
    }
    const forgotten = told.flatMap(({ names }) => [...names]).filter(([, name]) => name === undefined);
    assert.deepEqual(
      forgotten,
      Array.from({ length: 6 }, (_, index) => [macOf(index), undefined]),
    );
  });

  it("tells the same in pieces as at once, whatever happened", () => {
    const step = fc.record({
      change: fc.constantFrom("alive", "updated", "suspect", "dead", "left"),
      name: fc.constantFrom("node-a", "node-b", "node-c"),
      macs: fc.option(fc.subarray([A, B])),
      tells: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        const [often, once] = [new Picture(), new Picture()];
        for (const { change, name, macs, tells } of steps) {
          const word = macs === null ? metallbs(name) : ours(name, ...macs);
          often.book.hear(change, word);
          once.book.hear(change, word);
          if (tells) often.book.tell();
        }
        often.book.tell();
        once.book.tell();
        assert.deepEqual(often.seen(), once.seen());
        assert.deepEqual(once.seen(), pictureOf(steps));
      }),
    );
  });
});

/** What somebody knows who listens. */
class Picture {
  readonly #speakers = new Map<string, UsableInterfaces>();
  readonly #names = new Map<MacAddress, string>();
  #foreign = false;
  readonly book = new PresenceBook(({ speakers, names, foreign }) => {
    for (const [name, where] of speakers) {
      if (where === undefined) this.#speakers.delete(name);
      else this.#speakers.set(name, where);
    }
    for (const [mac, name] of names) {
      if (name === undefined) this.#names.delete(mac);
      else this.#names.set(mac, name);
    }
    this.#foreign = foreign;
  });

  seen() {
    return { speakers: this.#speakers, names: this.#names, foreign: this.#foreign };
  }
}

interface Happened {
  readonly change: "alive" | "updated" | "suspect" | "dead" | "left";
  readonly name: string;
  readonly macs: readonly MacAddress[] | null;
}

/** The same, found out the simple way. */
function pictureOf(steps: readonly Happened[]): ReturnType<Picture["seen"]> {
  const alive = new Map<string, readonly MacAddress[] | null>();
  const gone = new Map<string, readonly MacAddress[]>();
  for (const { change, name, macs } of steps.filter((step) => step.change !== "suspect")) {
    const last = alive.get(name) ?? null;
    const comes = change === "alive" || change === "updated";
    if (comes) alive.set(name, macs);
    else if (alive.delete(name) && last !== null) gone.set(name, last);
    if (comes) gone.delete(name);
  }
  const said = [...alive].flatMap(([name, macs]) => (macs === null ? [] : [[name, macs] as const]));
  return {
    speakers: new Map(said.map(([name, macs]) => [name, new Set(macs)])),
    names: new Map([...gone, ...said].flatMap(([name, macs]) => macs.map((mac) => [mac, name] as const))),
    foreign: said.length < alive.size,
  };
}

function pair(octet: number): string {
  return octet.toString(16).padStart(2, "0");
}
