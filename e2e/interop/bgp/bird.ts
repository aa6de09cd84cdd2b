import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError, command } from "../../cluster/command.ts";
import { until } from "../../cluster/until.ts";
import { ahead } from "./ahead.ts";
import { Daemon, type Router, type RouterSetup, type SeenBfd, type SeenRoute } from "./router.ts";

/** BIRD 2, of the distribution. */
export class Bird implements Router {
  readonly name = "BIRD";
  readonly #namespace: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "herald-bird-"));
  #daemon: Daemon | undefined;
  #neighbour = "";
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async start(setup: RouterSetup): Promise<void> {
    this.#neighbour = setup.neighbour;
    const config = join(this.#folder, "bird.conf");
    writeFileSync(config, configOf(setup));
    const argv = await ahead(["bird", "-f", "-c", config, "-s", this.#socket]);
    this.#daemon = new Daemon(this.#namespace, argv);
    const ask = (): Promise<string> => this.#show("status").catch(sayOf);
    await until("BIRD answers", ask, (answer) => answer.includes("Daemon is up"));
  }

  async kill(): Promise<void> {
    await this.#daemon?.kill();
    rmSync(this.#socket, { force: true });
  }

  async delete(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  freeze(): void {
    this.#daemon?.freeze();
  }

  async routes(family: 4 | 6): Promise<readonly SeenRoute[]> {
    const text = await this.#show("route", "table", `master${family}`, "protocol", "node", "all");
    const blocks = text.split(/^(?=\S+\s+unicast \[)/m).filter((block) => block.includes("unicast ["));
    return blocks.map(routeOf).sort((a, b) => a.prefix.localeCompare(b.prefix));
  }

  neighbour(): Promise<string> {
    return this.#show("protocols", "all", "node");
  }

  async isUp(): Promise<boolean> {
    return (await this.neighbour()).includes("Established");
  }

  async bfd(neighbour = this.#neighbour): Promise<SeenBfd | undefined> {
    const line = (await this.#show("bfd", "sessions"))
      .split("\n")
      .find((each) => each.startsWith(`${neighbour} `));
    const [, , state = "", since = "", , timeout = ""] = line?.trim().split(/\s+/) ?? [];
    if (line === undefined) return undefined;
    return { isUp: state === "Up", detectionMs: Math.round(Number(timeout) * 1_000), since };
  }

  get #socket(): string {
    return join(this.#folder, "bird.ctl");
  }

  #show(...words: string[]): Promise<string> {
    return command(["birdc", "-r", "-s", this.#socket, "show", ...words]);
  }
}

function sayOf(error: unknown): string {
  if (!(error instanceof CommandError)) throw error;
  return error.message;
}

function configOf(setup: RouterSetup): string {
  const { neighbour, families, bfdMs } = setup;
  const timers = `{ interval ${bfdMs} ms; multiplier 3; }`;
  const other = setup.watches === undefined ? "" : ` neighbor ${setup.watches};`;
  return `router id 192.0.2.1;
protocol device {}
protocol direct { ipv4; ipv6; }
${families.map((family) => `protocol kernel { learn; ipv${family} { export where source = RTS_BGP; }; }`).join("\n")}
${bfdMs === undefined ? "" : `protocol bfd { interface "*" ${timers}; multihop ${timers};${other} }`}
${sessionOf("node", neighbour, setup)}
${setup.besides === undefined ? "" : sessionOf("beside", setup.besides, setup)}
`;
}

function sessionOf(name: string, neighbour: string, setup: RouterSetup): string {
  const { local, link, asn, peerAsn, families, password, ttlSecurity, bfdMs } = setup;
  const farther = link === undefined ? "" : " extended next hop on;";
  return `protocol bgp ${name} {
  local ${local} as ${asn};
  neighbor ${neighbour} as ${peerAsn};
  ${distanceOf(setup)};
  ${link === undefined ? "" : `interface "${link}";`}
  ${password === undefined ? "" : `password "${password}";`}
  ${ttlSecurity ? "ttl security on;" : ""}
  bfd ${bfdMs === undefined ? "off" : "graceful"};
  connect retry time 1; connect delay time 1; error wait time 1,2;
  ${setup.calls ? "" : "passive on;"}
  ${setup.incapable ? "capabilities off;" : ""}
  ${setup.role === undefined ? "" : `local role ${setup.role};`}
  graceful restart on;
  ${families.map((family) => `ipv${family} { import all; export none;${farther} };`).join("\n  ")}
}`;
}

function distanceOf({ multihop, ttlSecurity }: RouterSetup): string {
  if (!multihop) return "direct";
  return ttlSecurity ? "multihop 2" : "multihop";
}

function routeOf(block: string): SeenRoute {
  const value = (name: string): string | undefined =>
    new RegExp(`^\\s*BGP\\.${name}: ?(.*)$`, "m").exec(block)?.[1]?.trim();
  const lists = (text: string | undefined): readonly string[] =>
    [...(text ?? "").matchAll(/\(([^)]*)\)/g)].map(([, list = ""]) => list.split(/,\s*/).join(":"));
  const [communities, large] = [lists(value("community")), lists(value("large_community"))];
  const localPref = value("local_pref");
  const med = value("med");
  // BIRD does not know it: sub-type 4, the AS, and the bits of a float.
  const [, bits] = /\(unknown 0x4, \d+, (\d+)\)/.exec(value("ext_community") ?? "") ?? [];
  const float = new Float32Array(new Uint32Array([Number(bits ?? 0)]).buffer)[0] ?? 0;
  return {
    prefix: block.slice(0, block.search(/\s/)),
    // Of a link-local address alone BIRD says that there is no other.
    nextHop:
      value("next_hop")
        ?.split(" ")
        .find((hop) => hop !== "::") ?? "",
    path: value("as_path") ?? "",
    ...(localPref === undefined ? {} : { localPref: Number(localPref) }),
    ...(communities.length === 0 ? {} : { communities }),
    ...(large.length === 0 ? {} : { large }),
    ...(med === undefined ? {} : { med: Number(med) }),
    ...(bits === undefined ? {} : { bandwidth: float }),
  };
}
