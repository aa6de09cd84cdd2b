import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe } from "node:test";
import { fileURLToPath } from "node:url";
import { clusterTests } from "./cluster-tests.ts";

const { it } = clusterTests({ kubelets: true });
const DEMO = fileURLToPath(new URL("../demo.ts", import.meta.url));

describe("the demo", () => {
  it("shows what it promises, stays up with a live view, and ends on Ctrl-C without leftovers", async () => {
    const demo = spawn(process.execPath, [DEMO], { stdio: ["ignore", "pipe", "inherit"] });
    let output = "";
    for await (const chunk of demo.stdout) {
      output += `${chunk}`;
      if (/EVENTS\n/.test(output) && !demo.killed) demo.kill("SIGINT");
    }
    if (demo.exitCode === null) await once(demo, "exit");
    assert.equal(demo.exitCode, 0, output);
    const shown = [
      /helm install herald/,
      /STATUS: deployed|Herald .* is installed/,
      /web +LoadBalancer .*192\.168\.1\.100/,
      /chosen +LoadBalancer .*192\.168\.1\.150/,
      /"pod":"echo-.*"client":"192\.168\.1\.50"/,
      /line 3: address-pools\[0\]\.protocol/,
      /Every Service has the address it had/,
      /went from node-\d to node-\d/,
      /datagrams 0 were lost/,
      /ANSWERED FOR BY/,
      /Taking the cluster down/,
    ];
    assert.deepEqual(shown.filter((line) => !line.test(output)).map(String), [], output);
  });
});
