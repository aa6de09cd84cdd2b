// Records what real routers say, for the tests of packages/bgp: as root, on Linux, with the routers of packages.ts.
//   node e2e/interop/bgp/record/record.ts [ROUTER…]      all of them, or FRR, BIRD, GoBGP, ExaBGP
// Writes packages/bgp/src/testdata/recorded/ROUTER-SESSION.hex, of which packages/bgp/src/recorded.test.ts says what it
// means: the same each time, but for GoBGP, which has its routes in another order now and then.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { HEADER_OCTETS } from "@herald/bgp/header";
import { MESSAGE_TYPE } from "@herald/bgp/iana";
import { encodeMessage } from "@herald/bgp/message";
import { decodeUpdate, isEndOfRib, type Update, type UpdateContext } from "@herald/bgp/update";
import { parseHex } from "@herald/lab/hex";
import { CommandError, command } from "../../../cluster/command.ts";
import { until } from "../../../cluster/until.ts";
import { installRouters } from "../packages.ts";
import { Segment } from "../segment.ts";
import { BIRD } from "./bird.ts";
import { EXABGP } from "./exabgp.ts";
import { FRR } from "./frr.ts";
import { GOBGP } from "./gobgp.ts";
import { type RecordedRouter, ROUTER } from "./recorded-router.ts";
import { SESSIONS, type Session, type Step } from "./sessions.ts";

const FOLDER = join(import.meta.dirname, "../../../../packages/bgp/src/testdata/recorded");
/** Of the router; it stands in next hops. */
const LINK_LOCAL = "fe80::1";

/** A router that runs, and the way to it. */
interface Lab {
  readonly router: RecordedRouter;
  readonly session: Session;
  readonly segment: Segment;
  readonly folder: string;
  /** Runs a command in its namespace. */
  readonly inside: (argv: readonly string[]) => Promise<string>;
}

async function main(): Promise<void> {
  const wanted = process.argv.slice(2);
  await installRouters();
  mkdirSync(FOLDER, { recursive: true });
  for (const router of [FRR, BIRD, GOBGP, EXABGP]) {
    if (wanted.length > 0 && !wanted.includes(router.name)) continue;
    const version = (await command(["dpkg-query", "-f", `\${Version}`, "-W", router.package])).trim();
    for (const session of SESSIONS) {
      const heard = await record(router, session);
      const lines = [
        `# ${router.name} ${version} (Debian) ${session.about}.`,
        "# Written by e2e/interop/bgp/record/record.ts, message by message as they came.",
        ...heard.flatMap((message) => ["", `# ${nameOf(message)}`, ...linesOf(message)]),
      ];
      writeFileSync(
        join(FOLDER, `${router.name.toLowerCase()}-${session.name}.hex`),
        `${lines.join("\n")}\n`,
      );
      process.stdout.write(`${router.name} ${session.name}: ${heard.map(nameOf).join(", ")}\n`);
    }
  }
}

async function record(router: RecordedRouter, session: Session): Promise<readonly string[]> {
  const segment = await Segment.create("record");
  const folder = mkdtempSync(join(tmpdir(), "herald-record-"));
  const inside = (argv: readonly string[]): Promise<string> =>
    command(["ip", "netns", "exec", segment.router, ...argv]);
  try {
    await inside(["ip", "-6", "address", "flush", "dev", "r0", "scope", "link"]); // another one each time
    await inside(["ip", "address", "add", `${LINK_LOCAL}/64`, "dev", "r0", "nodad"]);
    for (const [name, text] of Object.entries(router.files(session.setup, folder))) {
      writeFileSync(join(folder, name), text);
    }
    await command(["chmod", "-R", "a+rX", folder]);
    // Its name goes into the OPEN of some.
    const named = ["unshare", "--uts", "sh", "-c", 'hostname router; exec "$@"', "router"];
    for (const argv of router.daemons(folder, segment.router)) await inside([...named, ...argv]);
    for (const argv of router.prepare(folder, segment.router)) {
      await until(`${argv.join(" ")} succeeds`, () => inside(argv).then(() => true, failed), Boolean);
    }
    return await listen({ router, session, segment, folder, inside });
  } finally {
    await segment.delete();
    rmSync(folder, { recursive: true });
    rmSync(join("/var/run/frr", segment.router), { recursive: true, force: true });
  }
}

/** Hears the router out. */
async function listen(lab: Lab): Promise<readonly string[]> {
  const { session, segment } = lab;
  const heard: string[] = [];
  const open = Buffer.from(encodeMessage(session.open)).toString("hex");
  const program = [process.execPath, join(import.meta.dirname, "raw-peer.ts"), ROUTER, open];
  const peer = spawn("ip", ["netns", "exec", segment.node, ...program], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  createInterface({ input: peer.stdout }).on("line", (line) => heard.push(line));
  const ended = once(peer, "exit");
  for (const step of session.steps) await take(step, lab, heard);
  if (session.steps.at(-1) === "table") peer.stdin.end();
  await ended;
  return heard;
}

async function take(step: Step, lab: Lab, heard: readonly string[]): Promise<void> {
  const { router, session, segment, folder, inside } = lab;
  const isOld = session.open.capabilities.length === 1;
  const context: UpdateContext = {
    asnOctets: isOld ? 2 : 4,
    external: true,
    pathIds: session.setup.addPath ? [4, 6] : [],
  };
  const saw = (what: string, wanted: Partial<Tally>): Promise<unknown> =>
    until(
      what,
      async () => tally(heard, context),
      (seen) => isAtLeast(seen, wanted),
    );
  switch (step) {
    case "table":
      await saw("the table", isOld ? { announced: 2 } : { announced: 3, ends: 2 });
      break;
    case "refresh":
      if (router.refresh === undefined) break;
      await inside(router.refresh(folder, segment.router));
      await saw("requests", { requests: 2 });
      break;
    case "withdraw":
      for (const argv of router.withdraw(folder, segment.router)) await inside(argv);
      await saw("withdrawals", { withdrawn: 3 });
      break;
    case "leave":
      await inside(router.leave(folder, segment.router));
  }
}

interface Tally {
  readonly announced: number;
  readonly withdrawn: number;
  readonly ends: number;
  readonly requests: number;
}

function tally(heard: readonly string[], context: UpdateContext): Tally {
  const updates = heard
    .filter((message) => typeOf(message) === MESSAGE_TYPE.update)
    .map((message) => decodeUpdate(parseHex(message).subarray(HEADER_OCTETS), context));
  const sum = (count: (update: Update) => number): number =>
    updates.reduce((total, { update }) => total + count(update), 0);
  return {
    announced: sum(({ announced, reach }) => announced.count + (reach?.nlri.count ?? 0)),
    withdrawn: sum(({ withdrawn, unreach }) => withdrawn.count + (unreach?.count ?? 0)),
    ends: updates.filter((update) => isEndOfRib(update) !== undefined).length,
    requests: heard.filter((message) => typeOf(message) === MESSAGE_TYPE.routeRefresh).length,
  };
}

function isAtLeast(seen: Tally, wanted: Partial<Tally>): boolean {
  return (Object.keys(wanted) as (keyof Tally)[]).every((key) => seen[key] >= (wanted[key] ?? 0));
}

/** It is not there yet, or not ready. */
function failed(error: unknown): false {
  if (!(error instanceof CommandError)) throw error;
  return false;
}

function typeOf(message: string): number {
  return parseHex(message)[HEADER_OCTETS - 1] ?? 0;
}

function nameOf(message: string): string {
  const type = typeOf(message);
  return Object.entries(MESSAGE_TYPE).find(([, code]) => code === type)?.[0] ?? `${type}`;
}

/** The header, then 32 octets in a line. */
function linesOf(message: string): readonly string[] {
  const digits = 2 * HEADER_OCTETS;
  return [message.slice(0, digits), ...(message.slice(digits).match(/.{1,64}/g) ?? [])];
}

await main();
