// node bgp-load.ts COUNT ROUTER: the BGP side of a speaker with so many Services, on real sockets. Every line on standard
// input is a command (LoadCommand as JSON), and is answered when it is done with, as a line of JSON (LoadCost).
import { createInterface } from "node:readline";
import { systemClock } from "@herald/daemon/clock";
import { bgpSockets } from "@herald/speaker/io/bgp-sockets";
import { BgpSide } from "./bgp-side.ts";

export type LoadCommand =
  | { readonly type: "cost" }
  | { readonly type: "serve-all" }
  | { readonly type: "serve"; readonly at: number; readonly ready: boolean };

export interface LoadCost {
  readonly updates: number;
}

const [, , count = "", router = ""] = process.argv;
const side = new BgpSide(Number(count), systemClock, bgpSockets);
side.begin([router]);
for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as LoadCommand;
  if (command.type === "serve-all") side.serveAll();
  else if (command.type === "serve") side.serve(command.at, command.ready);
  const cost: LoadCost = { updates: command.type === "cost" ? await side.updatesSent() : Number.NaN };
  process.stdout.write(`${JSON.stringify(cost)}\n`);
}
process.exit(0);
