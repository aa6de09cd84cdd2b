import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CommandError, command } from "../../cluster/command.ts";
import { until } from "../../cluster/until.ts";
import { Daemon, type Router, type RouterSetup, type SeenRoute } from "./router.ts";

type ShownTable = Readonly<Record<string, readonly ShownPath[]>>;

interface ShownPath {
  readonly attrs: readonly ShownAttribute[];
}

/** One path attribute; which fields there are depends on its code. */
interface ShownAttribute {
  readonly type: number;
  readonly as_paths?: readonly { readonly asns: readonly number[] }[];
  readonly nexthop?: string;
  readonly metric?: number;
  readonly communities?: readonly number[];
  readonly value?: unknown;
}

/** Where the command asks, unless told otherwise; its own default is every address. */
const API = "127.0.0.1:50051";
const ESTABLISHED = 6;
/** Codes of attributes that share the name `value`. */
const [LOCAL_PREF, EXTENDED, LARGE] = [5, 16, 32];
const LINK_BANDWIDTH = 4;

/** GoBGP, of the distribution. */
export class GoBgp implements Router {
  readonly name = "GoBGP";
  readonly #namespace: string;
  readonly #folder = mkdtempSync(join(tmpdir(), "herald-gobgp-"));
  #daemon: Daemon | undefined;
  constructor(namespace: string) {
    this.#namespace = namespace;
  }

  async start(setup: RouterSetup): Promise<void> {
    const config = join(this.#folder, "gobgpd.toml");
    writeFileSync(config, configOf(setup));
    const argv = ["gobgpd", "--api-hosts", API, "-f", config];
    this.#daemon = new Daemon(this.#namespace, argv);
    const ask = (): Promise<string> => this.#show("neighbor").catch(sayOf);
    await until("GoBGP answers", ask, (answer) => answer.includes(`"${setup.neighbour}"`));
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
    const table = JSON.parse(await this.#show("global", "rib", "-a", `ipv${family}`)) as ShownTable;
    return Object.entries(table)
      .flatMap(([prefix, paths]) => paths.map(({ attrs }) => routeOf(prefix, attrs)))
      .sort((a, b) => a.prefix.localeCompare(b.prefix));
  }

  /** With its log: how many NOTIFICATIONs came it shows, but not what they say. */
  async neighbour(): Promise<string> {
    return `${await this.#show("neighbor")}\n${this.#daemon?.said}`;
  }

  async isUp(): Promise<boolean> {
    return (await this.#show("neighbor")).includes(`"session_state":${ESTABLISHED}`);
  }

  /** It has none. */
  async bfd(): Promise<undefined> {}

  #show(...words: string[]): Promise<string> {
    return command(["ip", "netns", "exec", this.#namespace, "gobgp", "-j", ...words]);
  }
}

function sayOf(error: unknown): string {
  if (!(error instanceof CommandError)) throw error;
  return error.message;
}

function configOf(setup: RouterSetup): string {
  const { local, neighbour, asn, peerAsn, families, password, ttlSecurity, multihop } = setup;
  return `[global.config]
as = ${asn}
router-id = "192.0.2.1"
[[neighbors]]
[neighbors.config]
neighbor-address = "${neighbour}"
peer-as = ${peerAsn}
${password === undefined ? "" : `auth-password = "${password}"`}
[neighbors.transport.config]
local-address = "${local}"
passive-mode = true
[neighbors.graceful-restart.config]
enabled = true
notification-enabled = true
restart-time = 120
${ttlSecurity ? `[neighbors.ttl-security.config]\nenabled = true\nttl-min = ${multihop ? 254 : 255}` : ""}
${multihop && !ttlSecurity ? "[neighbors.ebgp-multihop.config]\nenabled = true\nmultihop-ttl = 64" : ""}
${families.map(familyOf).join("\n")}
`;
}

function familyOf(family: 4 | 6): string {
  return `[[neighbors.afi-safis]]
[neighbors.afi-safis.config]
afi-safi-name = "ipv${family}-unicast"
[neighbors.afi-safis.mp-graceful-restart.config]
enabled = true`;
}

function routeOf(prefix: string, attributes: readonly ShownAttribute[]): SeenRoute {
  const all = Object.assign({}, ...attributes) as ShownAttribute;
  const value = <T>(code: number): T | undefined =>
    attributes.find(({ type }) => type === code)?.value as T | undefined;
  const localPref = value<number>(LOCAL_PREF);
  const large = value<readonly Record<string, number>[]>(LARGE)?.map((each) => Object.values(each).join(":"));
  const extended = value<readonly Record<string, number>[]>(EXTENDED) ?? [];
  const bandwidth = extended.find(({ subtype }) => subtype === LINK_BANDWIDTH)?.["bandwidth"];
  return {
    prefix,
    nextHop: all.nexthop ?? "",
    path: (all.as_paths ?? []).flatMap(({ asns }) => asns).join(" "),
    ...(localPref === undefined ? {} : { localPref }),
    ...(all.communities === undefined ? {} : { communities: all.communities.map(inWords) }),
    ...(large === undefined ? {} : { large }),
    ...(all.metric === undefined ? {} : { med: all.metric }),
    ...(bandwidth === undefined ? {} : { bandwidth }),
  };
}

/** 32 bits as two numbers. */
function inWords(community: number): string {
  return `${community >>> 16}:${community & 0xffff}`;
}
