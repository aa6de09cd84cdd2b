import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { command } from "../../cluster/command.ts";
import { until } from "../../cluster/until.ts";
import { Daemon, type Router, type RouterSetup, type SeenRoute } from "./router.ts";

/** What it tells its helpers, a line of JSON each; what is not here does not matter to us. */
interface Told {
  readonly type: string;
  readonly neighbor?: {
    /** Of a `state`: connected, up, down. */
    readonly state?: string;
    readonly message?: { readonly update?: ToldUpdate };
  };
}

interface ToldUpdate {
  readonly attribute?: ToldAttributes;
  /** By family, then by next hop. */
  readonly announce?: Readonly<
    Record<string, Readonly<Record<string, readonly { readonly nlri: string }[]>>>
  >;
  readonly withdraw?: Readonly<Record<string, readonly { readonly nlri: string }[]>>;
}

interface ToldAttributes {
  readonly "as-path"?: readonly number[];
  readonly "local-preference"?: number;
  readonly med?: number;
  readonly community?: readonly (readonly number[])[];
  readonly "large-community"?: readonly (readonly number[])[];
  readonly "extended-community"?: readonly { readonly value: number }[];
}

/**
 * ExaBGP, of the distribution. It has no table and no show commands: what it hears it tells a helper, line by line,
 * and from that the table is made here.
 */
export class ExaBgp implements Router {
  readonly name = "ExaBGP";
  readonly #namespace: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "herald-exabgp-"));
  #daemon: Daemon | undefined;
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async start(setup: RouterSetup): Promise<void> {
    const config = join(this.#folder, "exabgp.conf");
    writeFileSync(config, configOf(setup, this.#helper()));
    rmSync(this.#told, { force: true });
    const env = ["exabgp.daemon.user=root", "exabgp.api.cli=false", "exabgp.log.short=true"];
    const argv = ["env", ...env, "/usr/bin/python3", "-m", "exabgp", config];
    this.#daemon = new Daemon(this.#namespace, argv);
    const sockets = ["ip", "netns", "exec", this.#namespace, "ss", "-Hltn", "sport = :179"];
    await until(
      "ExaBGP listens",
      () => command(sockets),
      (answer) => answer !== "",
    );
  }

  async kill(): Promise<void> {
    await this.#daemon?.kill();
  }

  async delete(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  freeze(): void {
    this.#daemon?.freeze();
  }

  async routes(family: 4 | 6): Promise<readonly SeenRoute[]> {
    const table = new Map<string, SeenRoute>();
    for (const { type, neighbor } of this.#lines()) {
      if (type === "state" && neighbor?.state === "down") table.clear();
      const update = neighbor?.message?.update;
      if (update !== undefined) apply(update, `ipv${family} unicast`, table);
    }
    return [...table.values()].sort((a, b) => a.prefix.localeCompare(b.prefix));
  }

  /** All that it told, and its log. */
  async neighbour(): Promise<string> {
    return `${this.#text()}\n${this.#daemon?.said}`;
  }

  async isUp(): Promise<boolean> {
    const last = this.#lines().findLast(({ type }) => type === "state");
    return last?.neighbor?.state === "up";
  }

  /** It has none. */
  async bfd(): Promise<undefined> {}

  get #told(): string {
    return join(this.#folder, "told");
  }

  #text(): string {
    return existsSync(this.#told) ? readFileSync(this.#told, "utf8") : "";
  }

  /** The last line may not be whole yet. */
  #lines(): readonly Told[] {
    const lines = this.#text().split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Told);
  }

  /** Who writes down what it tells. */
  #helper(): string {
    const path = join(this.#folder, "helper");
    // Why not exec: a helper whose output is closed counts as dead.
    writeFileSync(path, `#!/bin/sh\ncat >> ${this.#told}\nexit\n`);
    chmodSync(path, 0o755);
    return path;
  }
}

function configOf(setup: RouterSetup, helper: string): string {
  const { local, neighbour, asn, peerAsn, families, password } = setup;
  return `process helper { run ${helper}; encoder json; }
neighbor ${neighbour} {
  router-id 192.0.2.1;
  local-address ${local};
  local-as ${asn};
  peer-as ${peerAsn};
  passive true;
  listen 179;
  ${password === undefined ? "" : `md5-password "${password}";`}
  capability { route-refresh enable; graceful-restart 120; }
  family { ${families.map((family) => `ipv${family} unicast;`).join(" ")} }
  api { processes [ helper ]; neighbor-changes; receive { parsed; update; notification; } }
}
`;
}

function apply(update: ToldUpdate, family: string, table: Map<string, SeenRoute>): void {
  const { attribute = {}, announce, withdraw } = update;
  for (const { nlri } of withdraw?.[family] ?? []) table.delete(nlri);
  for (const [nextHop, all] of Object.entries(announce?.[family] ?? {})) {
    if (nextHop.startsWith("fe80:")) continue; // the other one of the two that a route of IPv6 has
    for (const { nlri } of all) table.set(nlri, routeOf(nlri, nextHop, attribute));
  }
}

function routeOf(prefix: string, nextHop: string, attributes: ToldAttributes): SeenRoute {
  const { "as-path": path = [], "local-preference": localPref, med, community } = attributes;
  const { "large-community": large, "extended-community": extended = [] } = attributes;
  const bandwidth = extended.map(({ value }) => bandwidthOf(value)).find((each) => each !== undefined);
  return {
    prefix,
    nextHop,
    path: path.join(" "),
    ...(localPref === undefined ? {} : { localPref }),
    ...(community === undefined ? {} : { communities: community.map((each) => each.join(":")) }),
    ...(large === undefined ? {} : { large: large.map((each) => each.join(":")) }),
    ...(med === undefined ? {} : { med }),
    ...(bandwidth === undefined ? {} : { bandwidth }),
  };
}

/**
 * ExaBGP has no word for a transitive link bandwidth, only its eight octets as one number: type 0, sub-type 4, the AS,
 * and the bits of a float.
 */
function bandwidthOf(value: number): number | undefined {
  if (Math.floor(value / 2 ** 48) !== 0x0004) return undefined;
  return new Float32Array(new Uint32Array([value % 2 ** 32]).buffer)[0];
}
