import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { commandLineOf, identify, isAlive, listens, networkOf, readProcess } from "./process-table.ts";

describe("the process table", { skip: process.platform !== "linux" && "it reads /proc" }, () => {
  it("knows this process by pid and start time", () => {
    const self = identify(process.pid);
    assert.ok(self !== undefined && isAlive(self));
    assert.equal(readProcess(process.pid)?.parent, process.ppid);
    assert.ok(commandLineOf(process.pid).includes("process-table.test.ts"));
    assert.equal(typeof networkOf(process.pid), "number");
  });

  it("does not take another process with the same pid for it", () => {
    const self = identify(process.pid);
    assert.ok(self !== undefined);
    assert.equal(isAlive({ ...self, startTicks: self.startTicks - 1 }), false);
  });

  it("reads a name with brackets and spaces in it", () => {
    const before = process.title;
    process.title = "a) (b";
    assert.equal(readProcess(process.pid)?.pid, process.pid);
    assert.equal(readProcess(process.pid)?.parent, process.ppid);
    process.title = before;
  });

  it("knows that a process has ended", async () => {
    const child = spawn("sleep", ["1000"]);
    const identity = identify(child.pid ?? 0);
    assert.ok(identity !== undefined && isAlive(identity));
    child.kill();
    await once(child, "exit");
    assert.equal(isAlive(identity), false);
    assert.equal(readProcess(identity.pid), undefined);
  });

  it("sees which TCP ports are listened on", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    assert.equal(listens(process.pid, port), true);
    server.close();
    await once(server, "close");
    assert.equal(listens(process.pid, port), false);
  });
});
