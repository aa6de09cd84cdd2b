import { prefixOf } from "../prefix.ts";
import { RibOut } from "../rib-out.ts";
import { type RouteTable, routeTable } from "../route.ts";
import { Bench, ip, KEEPALIVE, LOCAL, theirOpen } from "./bench.ts";

export interface BenchRow {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly note: string;
}

const TIMES = 15;
const VIEW = {
  asn: 64_512,
  external: true,
  asnOctets: 4,
  local: LOCAL,
  families: [4, 6],
  addPath: [],
  extendedNextHop: false,
  maxOctets: 4_096,
  role: undefined,
  draining: false,
} as const;

/** What it costs to tell a peer so many addresses, without its socket. A second or two. */
export function benchPacking(): readonly BenchRow[] {
  return [1_000, 10_000].flatMap(rowsFor);
}

function rowsFor(count: number): readonly BenchRow[] {
  const all = wanted(count);
  const rows: BenchRow[] = [];
  const add = (name: string, note: string, run: () => () => unknown): void => {
    rows.push({ name: `${name}, ${count} prefixes`, value: median(run), unit: "ms CPU", note });
  };
  const messages = new RibOut().tell(all, VIEW, 0)?.messages ?? [];
  const octets = messages.reduce((sum, { length }) => sum + length, 0);
  add("table of routes", "once for all peers", () => {
    const own = [...all.best()].map(([, route]) => route);
    return () => routeTable(own);
  });
  add("first announcement", `${messages.length} UPDATEs, ${octets} octets`, () => {
    const rib = new RibOut();
    return () => rib.tell(all, VIEW, 0);
  });
  add("nothing has changed", "", () => {
    const rib = new RibOut();
    rib.tell(all, VIEW, 0);
    return () => rib.tell(all, VIEW, 0);
  });
  add("one is withdrawn", "", () => {
    const rib = new RibOut();
    const table = wanted(count);
    rib.tell(table, VIEW, 0);
    table.set("10.0.0.0/32", []);
    return () => rib.tell(table, VIEW, 0);
  });
  add("before going (RFC 8326)", "all of them anew", () => {
    const rib = new RibOut();
    rib.tell(all, VIEW, 0);
    return () => rib.tell(all, { ...VIEW, draining: true }, 0);
  });
  add("session comes up", "from KEEPALIVE to UPDATEs", () => {
    const bench = new Bench().reach("open-confirm", theirOpen());
    bench.session.handle({ type: "routes", routes: all }, 0);
    return () => bench.session.handle({ type: "bytes", connection: 1, bytes: KEEPALIVE }, 0);
  });
  return rows;
}

/** Four kinds of attributes, as four pools would give them. */
function wanted(count: number): RouteTable {
  const kinds = Array.from({ length: 4 }, (_, at) => ({ communities: [`64512:${at}`] }));
  return routeTable(
    Array.from({ length: count }, (_, at) => ({
      prefix: prefixOf(ip(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`), 32),
      pathId: 0,
      attributes: kinds[at % 4] ?? {},
    })),
  );
}

function median(prepare: () => () => unknown): number {
  const times = Array.from({ length: TIMES }, () => {
    const run = prepare();
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1_000;
  });
  return times.sort((a, b) => a - b)[TIMES >> 1] as number;
}
