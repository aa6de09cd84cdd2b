import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";

// In processes of their own: what goes wrong in an addon ends the process.
const run = (script: string): { readonly status: number | null; readonly stdout: string } => {
  const { status, stdout } = spawnSync(
    process.execPath,
    ["--max-semi-space-size=1", "--eval", `const { Cap } = require("cap"); ${script}`],
    { cwd: import.meta.dirname, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] },
  );
  return { status, stdout };
};

describe("the packet library", () => {
  it("lets captures be collected by a garbage collection that compiled code asked for", () => {
    // Why not gc(): that is a call with a context, and the collector has none when an allocation runs out of room.
    const script = `
      for (let round = 0; round < 5; round += 1) {
        for (let i = 0; i < 100; i += 1) new Cap();
        for (let i = 0; i < 2e6; i += 1) globalThis.kept = { i, inside: [i] };
      }
      console.log("alive");`;
    assert.deepEqual(run(script), { status: 0, stdout: "alive\n" });
  });

  it("says in libpcap's words why a capture cannot begin, after open has returned", () => {
    const script = `
      const cap = new Cap();
      cap.on("error", (error) => console.log(error.message, cap.close()));
      cap.open("no-such-link", "arp", 65536, Buffer.alloc(96), 96, false);
      console.log("returned");`;
    const { status, stdout } = run(script);
    const [first, second] = stdout.split("\n");
    assert.equal(status, 0);
    assert.equal(first, "returned");
    assert.match(second ?? "", /(No such device|Operation not permitted).* false$/);
  });

  it("says nothing of a capture that was closed before it began", () => {
    const script = `
      const cap = new Cap();
      for (const event of ["open", "packet", "error"]) cap.on(event, () => console.log(event));
      cap.open("lo", "arp", 65536, Buffer.alloc(96), 96, false);
      console.log(cap.close(), cap.close());`;
    assert.deepEqual(run(script), { status: 0, stdout: "true false\n" });
  });
});
