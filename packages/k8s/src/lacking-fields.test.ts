import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { VirtualClock } from "@herald/lab/virtual-clock";
import { ApiError } from "./api.ts";
import { LackingFields } from "./lacking-fields.ts";

const status = { node: "a", serviceName: "web", interfaces: [{ name: "eth0" }] };
const refusal = (text: string): ApiError =>
  new ApiError(
    500,
    "InternalError",
    `failed to create typed patch object (a/b; metallb.io/v1beta1): ${text}`,
  );

const WORDS: readonly {
  readonly name: string;
  readonly error: Error;
  readonly within: object | undefined;
}[] = [
  {
    name: "leaves out a field that is not declared",
    error: refusal(".status.serviceName: field not declared in schema"),
    within: { node: "a", interfaces: [{ name: "eth0" }] },
  },
  {
    name: "leaves out several, and the whole of one that lacks a part",
    error: refusal(
      "errors:\n  .status.interfaces[0].name: field not declared in schema\n  .status.node: field not declared in schema",
    ),
    within: { serviceName: "web" },
  },
  {
    name: "gives up where what is not declared was not said",
    error: refusal(".status.other: field not declared in schema"),
    within: undefined,
  },
  {
    name: "gives up where the refusal is another",
    error: new ApiError(422, "Invalid", "status.node: Invalid value: it cannot be changed"),
    within: undefined,
  },
  { name: "gives up where nobody answered", error: new TypeError("x"), within: undefined },
];

describe("LackingFields", () => {
  for (const { name, error, within } of WORDS) {
    it(name, () => {
      const lacking = new LackingFields({ clock: new VirtualClock() });
      assert.equal(lacking.learn(error, status), within !== undefined);
      assert.deepEqual(lacking.within(status), within ?? status);
    });
  }

  it("tells of a field once, and tries it again after five minutes", () => {
    const clock = new VirtualClock();
    const told: string[] = [];
    const lacking = new LackingFields({ clock, found: ({ message }) => told.push(message) });
    const error = refusal(".status.node: field not declared in schema");
    for (let round = 0; round < 3; round += 1) {
      assert.deepEqual(lacking.within(status), status);
      assert.equal(lacking.learn(error, status), true);
      assert.equal(lacking.learn(error, lacking.within(status)), false);
      clock.advance(299_999);
      assert.equal("node" in lacking.within(status), false);
      clock.advance(1);
    }
    assert.deepEqual(told, [error.message]);
  });
});
