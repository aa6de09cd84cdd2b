import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SpeakerPlaces } from "./speaker-places.ts";

describe("places of speakers", () => {
  it("have a node while any pod is ready there", () => {
    const places = new SpeakerPlaces();
    assert.deepEqual(places.set("ns/old", "node-1"), ["node-1"]);
    assert.deepEqual(places.set("ns/new", "node-1"), ["node-1"]);
    assert.deepEqual(places.set("ns/old", undefined), ["node-1"]);
    assert.equal(places.has("node-1"), true);
    assert.deepEqual(places.set("ns/new", undefined), ["node-1"]);
    assert.equal(places.has("node-1"), false);
  });

  it("follow a pod of the same name to another node", () => {
    const places = new SpeakerPlaces();
    places.set("ns/a", "node-1");
    assert.deepEqual(places.set("ns/a", "node-2"), ["node-1", "node-2"]);
    assert.deepEqual([places.has("node-1"), places.has("node-2")], [false, true]);
  });

  it("tell of nothing when nothing changed", () => {
    const places = new SpeakerPlaces();
    places.set("ns/a", "node-1");
    assert.deepEqual(places.set("ns/a", "node-1"), []);
    assert.deepEqual(places.set("ns/b", undefined), []);
  });
});
