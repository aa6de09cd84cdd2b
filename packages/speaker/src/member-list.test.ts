import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MemberList } from "./member-list.ts";

function heard(play: (list: MemberList) => void, knowsClaims = () => true): readonly string[] {
  const told: string[] = [];
  const list = new MemberList((nodes) => told.push([...nodes].join()), knowsClaims);
  play(list);
  list.tell();
  return told;
}

describe("the list of members", () => {
  it("is empty until somebody was met, whatever it has heard", () => {
    assert.deepEqual(
      heard((list) => {
        list.hear("alive", "a");
        list.hear("alive", "b");
      }),
      [""],
    );
  });

  it("tells everybody who is alive once it is open, and then what changed whenever it is asked to", () => {
    assert.deepEqual(
      heard((list) => {
        list.hear("alive", "a");
        list.open();
        list.hear("alive", "b");
        list.tell();
        list.hear("dead", "a");
        list.hear("alive", "c");
        list.tell();
        list.tell();
        list.hear("left", "b");
        list.open();
      }),
      ["", "a", "a,b", "b,c", "c"],
    );
  });

  it("tells who came or went to as many as ask for it", () => {
    const told: string[][] = [];
    const list = new MemberList(
      (_, changed) => told.push([...changed], [...changed]),
      () => true,
    );
    list.open();
    list.hear("alive", "a");
    list.hear("alive", "b");
    list.tell();
    list.hear("dead", "a");
    list.tell();
    assert.deepEqual(told.slice(4), [["a", "b"], ["a", "b"], ["a"], ["a"]]);
  });

  it("is open once somebody was met and it is known what they hold", () => {
    let known = false;
    assert.deepEqual(
      heard(
        (list) => {
          list.hear("alive", "a");
          list.review();
          list.join();
          list.review();
          known = true;
          list.review();
          list.join();
          list.review();
        },
        () => known,
      ),
      ["", "a"],
    );
    assert.deepEqual(
      heard((list) => {
        list.hear("alive", "a");
        list.join();
      }),
      ["", "a"],
    );
  });

  it("keeps a suspect, and does not tell what changes nothing", () => {
    assert.deepEqual(
      heard((list) => {
        list.open();
        list.hear("alive", "a");
        list.hear("suspect", "a");
        list.hear("alive", "a");
        list.hear("updated", "a");
        list.hear("dead", "b");
      }),
      ["", "", "a"],
    );
  });
});
