import { existsSync, readdirSync } from "node:fs";
import { dirname } from "node:path";
import { stateFolder } from "./folders.ts";
import { ownerOf, sweep } from "./sweep.ts";

// node e2e/cluster/clean.ts [name]: removes what a crashed run left; every cluster nobody runs, when no name is given.
const [chosen] = process.argv.slice(2);
const root = dirname(stateFolder("x"));
const names = chosen === undefined ? (existsSync(root) ? readdirSync(root) : []) : [chosen];
for (const name of names) {
  const owner = ownerOf(name);
  if (owner === undefined) {
    sweep(name);
    console.log(`${name}: clean`);
  } else {
    console.log(`${name}: process ${owner.pid} runs it; stop that first`);
    process.exitCode = 1;
  }
}
