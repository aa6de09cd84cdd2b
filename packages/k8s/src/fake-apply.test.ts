import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { applyByForce, type Owned } from "./fake-apply.ts";

/** What several managers leave of an object, one after the other; whoever has no name writes it by other means. */
function afterAll(writes: readonly (readonly [manager: string, body: object])[]): unknown {
  let object: object = {};
  let owned: Owned = new Map();
  for (const [manager, body] of writes) {
    if (manager === "") object = body;
    else ({ object, owned } = applyByForce(object, body, manager, owned) as { object: object; owned: Owned });
  }
  return object;
}

const condition = (type: string, status: string): object => ({ type, status });
const body = (pool: string | undefined, ...conditions: readonly object[]): object => ({
  metadata: { name: "web", ...(pool === undefined ? {} : { annotations: { pool } }) },
  status: { conditions },
});

// Each as a real API server does it: see "Kubernetes client on a real API server".
const stories: readonly {
  readonly name: string;
  readonly writes: readonly (readonly [string, object])[];
  readonly left: object;
}[] = [
  {
    name: "keeps what is named again, and removes what is not",
    writes: [
      ["a", body("p", condition("X", "True"), condition("Y", "True"))],
      ["a", body(undefined, condition("Y", "False"))],
    ],
    left: { metadata: { name: "web" }, status: { conditions: [condition("Y", "False")] } },
  },
  {
    name: "leaves alone what another one has taken over",
    writes: [
      ["a", body("p", condition("X", "Unknown"))],
      ["b", body(undefined, condition("X", "True"))],
      ["a", body("p")],
    ],
    left: {
      metadata: { name: "web", annotations: { pool: "p" } },
      status: { conditions: [condition("X", "True")] },
    },
  },
  {
    name: "does not remove what somebody had written before in the same words",
    writes: [
      ["", body("p", condition("X", "True"))],
      ["a", body("p", condition("X", "True"))],
      ["a", body(undefined)],
    ],
    left: {
      metadata: { name: "web", annotations: { pool: "p" } },
      status: { conditions: [condition("X", "True")] },
    },
  },
  {
    name: "does not remove what somebody has changed since",
    writes: [
      ["a", body("p")],
      ["", body("q")],
      ["a", body(undefined)],
    ],
    left: { metadata: { name: "web", annotations: { pool: "q" } }, status: { conditions: [] } },
  },
];

describe("server-side apply of the fake", () => {
  for (const { name, writes, left } of stories) it(name, () => assert.deepEqual(afterAll(writes), left));
});
