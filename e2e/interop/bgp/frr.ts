import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError, command } from "../../cluster/command.ts";
import { until } from "../../cluster/until.ts";
import { ahead } from "./ahead.ts";
import { Daemon, type Router, type RouterSetup, type SeenBfd, type SeenRoute } from "./router.ts";

interface ShownTable {
  readonly routes?: Readonly<Record<string, unknown>>;
}

interface ShownPath {
  readonly aspath: { readonly string: string };
  readonly community?: { readonly string: string };
  readonly largeCommunity?: { readonly string: string };
  readonly extendedCommunity?: { readonly string: string };
  readonly locPrf?: number;
  readonly metric?: number;
  readonly nexthops: readonly { readonly ip: string; readonly scope?: string }[];
}

interface ShownBfd {
  readonly status: string;
  readonly "receive-interval": number;
  readonly "remote-transmit-interval": number;
  readonly "remote-detect-multiplier": number;
}

interface ShownEchoes {
  readonly "echo-packet-input"?: number;
}

/** FRR, of the distribution: bgpd, bfdd if it is asked for, and zebra beneath them. */
export class Frr implements Router {
  readonly name = "FRR";
  readonly #namespace: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "herald-frr-"));
  #zebra: Daemon | undefined;
  #bgpd: Daemon | undefined;
  #bfdd: Daemon | undefined;
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async start(setup: RouterSetup): Promise<void> {
    const config = join(this.#folder, "bgpd.conf");
    writeFileSync(config, configOf(setup));
    await this.#startZebra();
    if (setup.bfdMs !== undefined) await this.#startBfd(setup.bfdMs);
    this.#bgpd = await this.#daemon("bgpd", config);
    const ask = (): Promise<string> => this.#show("show bgp summary json").catch(sayOf);
    await until("bgpd answers", ask, (answer) => answer.includes("routerId"));
  }

  /** With a configuration as it stands, taken in by its own shell, as when the machine starts. */
  async startAs(config: string): Promise<void> {
    const path = join(this.#folder, "frr.conf");
    writeFileSync(path, config);
    await this.#startZebra();
    this.#bfdd = await this.#daemon("bfdd", "/dev/null", "--bfdctl", join(this.#run, "bfdd.sock"));
    this.#bgpd = await this.#daemon("bgpd", "/dev/null");
    for (const daemon of ["bfdd", "bgpd"]) {
      const ask = (): Promise<string> => this.#vtysh("-d", daemon, "-c", "show version").catch(sayOf);
      await until(`${daemon} answers`, ask, (answer) => answer.includes("FRRouting"));
    }
    await this.#vtysh("-f", path);
  }

  async kill(): Promise<void> {
    await this.#bfdd?.kill();
    await this.#bgpd?.kill();
  }

  async delete(): Promise<void> {
    await this.kill();
    await this.#zebra?.kill();
    rmSync(this.#run, { recursive: true, force: true });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  freeze(): void {
    this.#bfdd?.freeze();
    this.#bgpd?.freeze();
  }

  async routes(family: 4 | 6): Promise<readonly SeenRoute[]> {
    const table = JSON.parse(await this.#show(`show bgp ipv${family} unicast json`)) as ShownTable;
    const prefixes = Object.keys(table.routes ?? {}).sort((a, b) => a.localeCompare(b));
    const routes: SeenRoute[] = [];
    for (const prefix of prefixes) {
      const shown = await this.#show(`show bgp ipv${family} unicast ${prefix} json`);
      const { paths } = JSON.parse(shown) as { paths?: readonly ShownPath[] };
      for (const path of paths ?? []) routes.push(routeOf(prefix, path));
    }
    return routes;
  }

  /** With its log: of a connection that never became a session bgpd shows nothing. */
  async neighbour(): Promise<string> {
    return `${await this.#show("show bgp neighbors json")}\n${this.#bgpd?.said}`;
  }

  async isUp(): Promise<boolean> {
    return (await this.#show("show bgp neighbors json")).includes('"bgpState":"Established"');
  }

  async bfd(): Promise<SeenBfd | undefined> {
    return (await this.allBfd())[0];
  }

  /** With each neighbour. */
  async allBfd(): Promise<readonly SeenBfd[]> {
    const all = JSON.parse(await this.#show("show bfd peers json")) as readonly ShownBfd[];
    const counters = JSON.parse(await this.#show("show bfd peers counters json")) as readonly object[];
    return all.map((shown, at) => ({
      isUp: shown.status === "up",
      detectionMs:
        shown["remote-detect-multiplier"] *
        Math.max(shown["receive-interval"], shown["remote-transmit-interval"]),
      since: Object.entries(counters[at] ?? {})
        .filter(([name]) => name.startsWith("session-"))
        .join(" "),
    }));
  }

  /** Its operator shuts BFD down, and says so to us. */
  async shutBfd(): Promise<void> {
    await this.#show("configure", "bfd", "profile fast", "shutdown");
  }

  /** Sends echo packets from now on, with this many ms between them. */
  async beginEcho(intervalMs: number): Promise<void> {
    await this.#show("configure", "bfd", "profile fast", "echo-mode", `echo transmit-interval ${intervalMs}`);
  }

  /** How many of them have come back. */
  async echoes(): Promise<number> {
    const [counters] = JSON.parse(await this.#show("show bfd peers counters json")) as readonly ShownEchoes[];
    return counters?.["echo-packet-input"] ?? 0;
  }

  /** Unless it runs; and away with what killed ones left. */
  async #startZebra(): Promise<void> {
    chmodSync(this.#folder, 0o755);
    mkdirSync(this.#run, { recursive: true });
    await command(["chown", "frr:frr", this.#run]);
    if (this.#zebra === undefined) {
      this.#zebra = await this.#daemon("zebra", "/dev/null");
      const socket = join(this.#run, "zserv.api");
      await until("zebra listens", async () => existsSync(socket), Boolean);
    }
    for (const name of ["bgpd", "bfdd"]) {
      for (const left of ["vty", "pid"]) rmSync(join(this.#run, `${name}.${left}`), { force: true });
    }
  }

  async #startBfd(intervalMs: number): Promise<void> {
    const config = join(this.#folder, "bfdd.conf");
    const gaps = ["receive", "transmit"].map((way) => `  ${way}-interval ${intervalMs}`);
    writeFileSync(config, ["bfd", " profile fast", "  detect-multiplier 3", ...gaps, ""].join("\n"));
    this.#bfdd = await this.#daemon("bfdd", config, "--bfdctl", join(this.#run, "bfdd.sock"));
    const ask = (): Promise<string> => this.#show("show bfd peers json").catch(sayOf);
    await until("bfdd answers", ask, (answer) => answer.startsWith("["));
  }

  get #run(): string {
    return join("/var/run/frr", this.#namespace);
  }

  async #daemon(name: string, config: string, ...more: readonly string[]): Promise<Daemon> {
    const argv = [`/usr/lib/frr/${name}`, "-N", this.#namespace, "-f", config, "--log", "stdout"];
    return new Daemon(this.#namespace, await ahead([...argv, ...more]));
  }

  #show(...lines: readonly string[]): Promise<string> {
    return this.#vtysh(...lines.flatMap((line) => ["-c", line]));
  }

  #vtysh(...argv: readonly string[]): Promise<string> {
    return command(["vtysh", "-N", this.#namespace, ...argv]);
  }
}

function sayOf(error: unknown): string {
  if (!(error instanceof CommandError)) throw error;
  return error.message;
}

function configOf(setup: RouterSetup): string {
  const { neighbour, asn, families, password, ttlSecurity, multihop, bfdMs } = setup;
  const of = (words: string): string => ` neighbor ${neighbour} ${words}`;
  return [
    `router bgp ${asn}`,
    " bgp router-id 192.0.2.1",
    " bgp log-neighbor-changes",
    " no bgp ebgp-requires-policy",
    " no bgp default ipv4-unicast",
    " no bgp network import-check",
    ...placeOf(setup).map(of),
    ...(setup.calls ? [of("timers connect 1")] : []),
    ...(setup.incapable ? [of("dont-capability-negotiate")] : []),
    ...(password === undefined ? [] : [of(`password ${password}`)]),
    ...(ttlSecurity ? [of(`ttl-security hops ${multihop ? 2 : 1}`)] : []),
    ...(setup.role === undefined ? [] : [of(`local-role ${setup.role}`)]),
    ...(multihop && !ttlSecurity ? [of("ebgp-multihop")] : []),
    ...(bfdMs === undefined ? [] : [of("bfd"), of("bfd profile fast")]),
    ...families.flatMap((family) => [
      ` address-family ipv${family} unicast`,
      ` ${of("activate")}`,
      " exit-address-family",
    ]),
    "",
  ].join("\n");
}

function placeOf({ local, neighbour, link, peerAsn, calls }: RouterSetup): readonly string[] {
  const waits = calls ? [] : ["passive"];
  if (link === undefined) return [`remote-as ${peerAsn}`, ...waits, `update-source ${local}`];
  if (link === neighbour) return [`interface remote-as ${peerAsn}`];
  return [`remote-as ${peerAsn}`, `interface ${link}`, "passive", "capability extended-nexthop"];
}

function routeOf(prefix: string, path: ShownPath): SeenRoute {
  const words = (list: { string: string } | undefined): readonly string[] =>
    list === undefined || list.string === "" ? [] : list.string.split(" ").map(inNumbers);
  const [communities, large] = [words(path.community), words(path.largeCommunity)];
  const [, bandwidth] = /^LB:\d+:(\d+) /.exec(path.extendedCommunity?.string ?? "") ?? [];
  return {
    prefix,
    nextHop: path.nexthops.find(({ scope }) => scope !== "link-local")?.ip ?? "",
    path: path.aspath.string === "Local" ? "" : path.aspath.string,
    ...(path.locPrf === undefined ? {} : { localPref: path.locPrf }),
    ...(communities.length === 0 ? {} : { communities }),
    ...(large.length === 0 ? {} : { large }),
    ...(path.metric === undefined ? {} : { med: path.metric }),
    ...(bandwidth === undefined ? {} : { bandwidth: Number(bandwidth) }),
  };
}

/** FRR writes the well-known one by name. */
function inNumbers(community: string): string {
  return /^(graceful-shutdown|gshut)$/i.test(community) ? "65535:0" : community;
}
