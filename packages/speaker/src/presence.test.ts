import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";
import type { MacAddress } from "@herald/wire/mac";
import { type Presence, PresenceBook } from "./presence.ts";
import { encodeSpeakerMeta } from "./speaker-meta.ts";

const A = "02:00:00:00:00:0a" as MacAddress;
const B = "02:00:00:00:00:0b" as MacAddress;
const ours = (name: string, ...macs: MacAddress[]) => ({
  name,
  meta: encodeSpeakerMeta({ macs, interfaces: new Set(macs) }),
});
const metallbs = (name: string) => ({ name, meta: new Uint8Array() });

describe("PresenceBook", () => {
  let told: Presence[];
  let book: PresenceBook;
  beforeEach(() => {
    told = [];
    book = new PresenceBook((presence) => told.push(presence));
  });
  const hear = (...[change, member]: Parameters<PresenceBook["hear"]>): void => {
    book.hear(change, member);
    book.tell();
  };

  it("knows speakers by what they say of themselves", () => {
    hear("alive", ours("node-a", A));
    hear("alive", ours("node-b", B));
    assert.deepEqual(told.at(-1), {
      speakers: new Set(["node-a", "node-b"]),
      names: new Map([
        [A, "node-a"],
        [B, "node-b"],
      ]),
      interfaces: new Map([
        ["node-a", new Set([A])],
        ["node-b", new Set([B])],
      ]),
      foreign: false,
    });
  });

  it("follows a speaker that changes its interfaces", () => {
    hear("alive", ours("node-a", A));
    hear("updated", ours("node-a", B));
    assert.deepEqual(told.at(-1), {
      speakers: new Set(["node-a"]),
      names: new Map([[B, "node-a"]]),
      interfaces: new Map([["node-a", new Set([B])]]),
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
    assert.deepEqual(told.at(-1), {
      speakers: new Set(["node-a"]),
      names: new Map([[A, "node-a"]]),
      interfaces: new Map([["node-a", new Set([A])]]),
      foreign: false,
    });
  });

  it("remembers who was whose after a speaker is gone: its node may go on answering", () => {
    hear("alive", ours("node-a", A));
    hear("dead", ours("node-a", A));
    assert.deepEqual(told.at(-1), {
      speakers: new Set(),
      names: new Map([[A, "node-a"]]),
      interfaces: new Map(),
      foreign: false,
    });
    hear("alive", ours("node-b", A));
    assert.deepEqual(told.at(-1)?.names, new Map([[A, "node-b"]]));
  });

  it("tells once of many that come at once, and nothing when nothing came", () => {
    const names = ["node-a", "node-b", "node-c"];
    for (const name of names) book.hear("alive", ours(name));
    assert.deepEqual(told, []);
    book.tell();
    book.tell();
    assert.deepEqual(told, [
      {
        speakers: new Set(names),
        names: new Map(),
        interfaces: new Map(names.map((name) => [name, new Set()])),
        foreign: false,
      },
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
    assert.equal(told.at(-1)?.names.size, 1_024);
    assert.equal(told.at(-1)?.names.has(macOf(5)), false);
  });
});

function pair(octet: number): string {
  return octet.toString(16).padStart(2, "0");
}
