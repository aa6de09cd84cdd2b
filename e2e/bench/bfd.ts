import { loadavg } from "node:os";
import { Bird } from "../interop/bgp/bird.ts";
import { Frr } from "../interop/bgp/frr.ts";
import type { OurBgpReport } from "../interop/bgp/our-bgp.ts";
import { OurSpeaker } from "../interop/bgp/our-speaker.ts";
import { installRouters } from "../interop/bgp/packages.ts";
import { until } from "../interop/bgp/router.ts";
import { NODE, ROUTER, Segment } from "../interop/bgp/segment.ts";
import { whyNoPair } from "../real/veth-pair.ts";
import type { Row } from "./row.ts";

const [OURS, THEIRS] = [64_500, 64_512];
const BUSY_MS = 1_000;

/** Of each row; an hour is 3600. */
const SOAK_S = Number(process.env["HERALD_BFD_SOAK_S"] ?? 60);

interface Soak {
  readonly router: "FRR" | "BIRD";
  readonly intervalMs: number;
  /** Whether the thread may go before others. */
  readonly isAhead: boolean;
}

const SOAKS: readonly Soak[] = [50, 10].flatMap((intervalMs) =>
  (["BIRD", "FRR"] as const).flatMap((router) =>
    [true, false].map((isAhead): Soak => ({ router, intervalMs, isAhead })),
  ),
);

/** BFD with real routers while the main thread does nothing but parse JSON: how often a session is lost. */
export async function benchBfd(say: (line: string) => void): Promise<Row[]> {
  const reason = await whyNoPair();
  if (reason !== undefined) {
    return [{ name: "BFD", value: Number.NaN, unit: "", note: `not measured: ${reason}` }];
  }
  await installRouters();
  const rows: Row[] = [];
  for (const soak of SOAKS) {
    say(`${soak.router}, 3 × ${soak.intervalMs} ms, ${soak.isAhead ? "" : "without SYS_NICE, "}${SOAK_S} s`);
    const measured = await measure(soak);
    for (const { value, unit, note } of measured) say(`  ${value.toFixed(1)} ${unit} ${note}`);
    rows.push(...measured);
  }
  return rows;
}

async function measure(soak: Soak): Promise<readonly Row[]> {
  const segment = await Segment.create(`soak-${soak.router.toLowerCase()}`);
  const router = soak.router === "FRR" ? new Frr(segment.router) : new Bird(segment.router);
  const speaker = new OurSpeaker(segment.node, { mayRaise: soak.isAhead });
  try {
    await router.start({
      local: ROUTER.ipv4,
      neighbour: NODE.ipv4,
      asn: THEIRS,
      peerAsn: OURS,
      families: [4],
      bfdMs: soak.intervalMs,
    });
    await speaker.begin(configMap(soak.intervalMs));
    await until(
      "BFD is up",
      () => router.bfd(),
      (bfd) => bfd?.isUp === true,
    );
    return await watch(soak, speaker);
  } finally {
    await speaker.stop();
    await router.delete();
    await segment.delete();
  }
}

async function watch({ router, intervalMs, isAhead }: Soak, speaker: OurSpeaker): Promise<readonly Row[]> {
  const end = performance.now() + 1_000 * SOAK_S;
  const loads: number[] = [];
  let latest = 0;
  let report = await speaker.ask({ type: "report" });
  const before = downs(report);
  while (performance.now() < end) {
    report = await speaker.ask({ type: "busy", ms: BUSY_MS });
    latest = Math.max(latest, report.metrics["herald_speaker_bfd_lateness_seconds"] ?? 0);
    loads.push(loadavg()[0] ?? 0);
  }
  const name = `BFD with ${router}, 3 × ${intervalMs} ms${isAhead ? "" : ", without SYS_NICE"}`;
  const load = `${Math.min(...loads).toFixed(0)} to ${Math.max(...loads).toFixed(0)}`;
  return [
    {
      name: `${name}: sessions lost`,
      value: downs(report) - before,
      unit: "",
      note: `in ${SOAK_S} s, main thread busy all the time, load ${load}`,
    },
    {
      name: `${name}: thread late at worst`,
      value: 1_000 * latest,
      unit: "ms",
      note: "of a timer that was due",
    },
  ];
}

function downs(report: OurBgpReport): number {
  return report.metrics[`metallb_bfd_session_down_events{peer="${ROUTER.ipv4}",vrf="default"}`] ?? 0;
}

function configMap(intervalMs: number): string {
  return `peers:
- {peer-address: "${ROUTER.ipv4}", peer-asn: ${THEIRS}, my-asn: ${OURS}, bfd-profile: fast}
bfd-profiles:
- {name: fast, receive-interval: ${intervalMs}, transmit-interval: ${intervalMs}}
`;
}
