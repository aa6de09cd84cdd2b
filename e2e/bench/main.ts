// What `npm run bench` prints: what things cost on this machine.
//   node e2e/bench/main.ts [NAME...]      NAME: one of BENCHES; all unless named
import { cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { benchAllocator } from "./allocator.ts";
import { benchAnswers } from "./answers.ts";
import { benchArrivals } from "./arrivals.ts";
import { benchBfd } from "./bfd.ts";
import { benchBgp } from "./bgp.ts";
import { benchBgpCluster } from "./bgp-cluster.ts";
import { benchController } from "./controller.ts";
import { benchFailover } from "./failover.ts";
import { benchGossipCodec } from "./gossip-codec.ts";
import { benchLayer2 } from "./layer2.ts";
import { benchNodes } from "./nodes.ts";
import { benchPrograms } from "./programs.ts";
import type { Row } from "./row.ts";
import { benchServices } from "./services.ts";

const say = (line: string): void => void process.stderr.write(`  ${line}\n`);

const BENCHES: Readonly<
  Record<string, { readonly about: string; readonly run: () => Promise<readonly Row[]> }>
> = {
  allocator: { about: "giving out addresses", run: benchAllocator },
  layer2: { about: "frames and elections, without I/O", run: benchLayer2 },
  arrivals: { about: "a thousand speakers that start, seen by one", run: benchArrivals },
  gossip: { about: "gossip to bytes and back, without I/O", run: benchGossipCodec },
  answers: { about: "ARP and NDP on a real interface", run: benchAnswers },
  bfd: { about: "BFD with real routers beside a busy main thread", run: () => benchBfd(say) },
  bgp: { about: "addresses told to a router, and what FRR takes for the same", run: () => benchBgp(say) },
  "bgp-cluster": {
    about: "from an endpoint in a real API server to a route in a router's kernel",
    run: () => benchBgpCluster(say),
  },
  controller: { about: "the controller, from source", run: benchController },
  services: { about: "1,000 and 10,000 Services on a real API server", run: () => benchServices(say) },
  nodes: { about: "what three nodes say to each other, and what it costs them", run: () => benchNodes(say) },
  programs: { about: "both programs, as pods of their images", run: () => benchPrograms(say) },
  failover: { about: "crashes and stops, as a client sees them", run: () => benchFailover(say) },
};

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.filter((name) => !(name in BENCHES));
if (unknown.length > 0) {
  process.stderr.write(`no benchmark ${unknown.join(", ")}; there are ${Object.keys(BENCHES).join(", ")}\n`);
  process.exit(2);
}

const [load = 0] = loadavg();
process.stdout.write(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, load ${load.toFixed(1)} at the start\n`,
);
for (const [name, { about, run }] of Object.entries(BENCHES)) {
  if (positionals.length > 0 && !positionals.includes(name)) continue;
  process.stderr.write(`\n${name}: ${about} …\n`);
  print(await run());
}

function print(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, value, unit, note } of rows) {
    process.stdout.write(`${name.padEnd(width)}  ${round(value).padStart(10)} ${unit.padEnd(8)} ${note}\n`);
  }
}

/** Three digits that mean something. */
function round(value: number): string {
  if (Number.isNaN(value)) return "–";
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
