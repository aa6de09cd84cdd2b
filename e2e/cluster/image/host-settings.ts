import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { command } from "../command.ts";

/** How this machine reaches package registries, as files that a build step may read and an image never holds. */
export interface HostSettings {
  /** Arguments of `buildah build`. */
  readonly buildArgs: readonly string[];
  /** Where Debian's packages come from. */
  readonly debianMirror: string;
}

const SUITE = "bookworm";
const AUTHORITIES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"];

export async function hostSettings(folder: string): Promise<HostSettings> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const debianMirror = await mirror();
  const apt = join(folder, "apt.conf");
  const sources = join(folder, "sources.list");
  writeFileSync(apt, await transport(), { mode: 0o600 });
  writeFileSync(sources, `deb ${debianMirror} ${SUITE} main\n`);
  const secrets: readonly (readonly [string, string | undefined])[] = [
    ["apt", apt],
    ["npmrc", [process.env["NPM_CONFIG_USERCONFIG"], join(homedir(), ".npmrc")].find(isFile)],
    ["ca", [process.env["NODE_EXTRA_CA_CERTS"], process.env["SSL_CERT_FILE"], ...AUTHORITIES].find(isFile)],
  ];
  const given = secrets.filter(([, path]) => path !== undefined);
  return {
    debianMirror,
    buildArgs: [
      ...given.flatMap(([id, path]) => ["--secret", `id=${id},src=${path}`]),
      ...["--volume", `${sources}:/etc/apt/sources.list:ro`],
    ],
  };
}

/** The mirror this machine's own apt uses for the suite. @throws when it uses none. */
async function mirror(): Promise<string> {
  const argv = [
    "apt-get",
    "indextargets",
    "Created-By: Packages",
    "--format",
    "$(REPO_URI) $(CODENAME) $(COMPONENT)",
  ];
  const lines = (await command(argv)).split("\n").map((line) => line.split(" "));
  const uri = lines.find(([, codename, component]) => codename === SUITE && component === "main")?.[0];
  if (uri === undefined)
    throw new Error(`building images here needs an apt source for Debian ${SUITE}, main`);
  return uri.replace(/\/$/, "");
}

/** What apt is told here about proxies, certificates and clocks. */
async function transport(): Promise<string> {
  const dump = await command(["apt-config", "dump"]);
  const wanted = /^Acquire::(http|https|Check-|Retries|ForceIP)/;
  return `${dump
    .split("\n")
    .filter((line) => wanted.test(line))
    .join("\n")}\n`;
}

function isFile(path: string | undefined): boolean {
  return path !== undefined && path !== "" && existsSync(path);
}
