// npm run image -- [--engine docker|podman|buildah] [--tag TAG] [--repository PREFIX] [--output FOLDER] [--build-arg NAME=IMAGE]
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HELP = `npm run image -- [options]: builds the images of the controller and the speaker.

  --engine NAME        docker, podman or buildah; by default the first of them that works
  --tag TAG            by default the version in package.json
  --repository PREFIX  what the images' names begin with; docker.io/herald by default
  --build-arg NAME=IMAGE  another base than the pinned one: BUILD_IMAGE or RUN_IMAGE; may be given twice
  --output FOLDER      also write each image there as an OCI archive, controller.tar and speaker.tar
`;

const ENGINES = ["docker", "podman", "buildah"] as const;
type Engine = (typeof ENGINES)[number];

const PROGRAMS = ["controller", "speaker"] as const;
const root = fileURLToPath(new URL("..", import.meta.url));

interface Order {
  readonly engine: Engine;
  /** With its tag. */
  readonly image: string;
  readonly dockerfile: string;
  /** `NAME=VALUE`, for the Dockerfile's ARGs. */
  readonly buildArgs: readonly string[];
  /** Where to write an OCI archive. */
  readonly archive: string | undefined;
}

/** A sentence for the person who asked; no stack. */
class Refusal extends Error {}

async function main(args: readonly string[]): Promise<void> {
  const { values } = parse(args);
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  const engine = chooseEngine(values.engine);
  const tag = values.tag ?? version();
  if (values.output !== undefined) mkdirSync(values.output, { recursive: true });
  for (const program of PROGRAMS) {
    const archive = values.output === undefined ? undefined : resolve(values.output, `${program}.tar`);
    const image = `${values.repository}/${program}:${tag}`;
    await build({
      engine,
      image,
      archive,
      buildArgs: values["build-arg"],
      dockerfile: `docker/${program}.Dockerfile`,
    });
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        engine: { type: "string" },
        tag: { type: "string" },
        repository: { type: "string", default: "docker.io/herald" },
        output: { type: "string" },
        "build-arg": { type: "string", multiple: true, default: [] },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    if (error instanceof TypeError) throw new Refusal(`${error.message}\n\n${HELP}`);
    throw error;
  }
}

function chooseEngine(asked: string | undefined): Engine {
  const wanted = ENGINES.filter((engine) => asked === undefined || engine === asked);
  if (wanted.length === 0) throw new Refusal(`--engine ${asked}: want one of ${ENGINES.join(", ")}`);
  const troubles = wanted.map((engine) => [engine, trouble(engine)] as const);
  const found = troubles.find(([, why]) => why === undefined)?.[0];
  if (found !== undefined) return found;
  const reasons = troubles.map(([engine, why]) => `  ${engine}: ${why}`).join("\n");
  throw new Refusal(
    `nothing here can build images:\n${reasons}\nInstall one of them (Debian: apt-get install buildah).`,
  );
}

/** Why an engine is of no use here; undefined when it works. */
function trouble(engine: Engine): string | undefined {
  const { error, status, stderr } = spawnSync(engine, ["info"], { encoding: "utf8", timeout: 20_000 });
  if (error !== undefined)
    return "code" in error && error.code === "ENOENT" ? "not installed" : error.message;
  return status === 0 ? undefined : (stderr.trim().split("\n").at(-1) ?? "does not work");
}

async function build({ engine, image, dockerfile, buildArgs, archive }: Order): Promise<void> {
  process.stderr.write(`\n${engine}: building ${image}\n`);
  const started = performance.now();
  const args = ["build", "--file", dockerfile, "--tag", image, ...secrets()];
  for (const arg of buildArgs) args.push("--build-arg", arg);
  if (engine === "buildah") args.push("--layers"); // the others keep them anyway
  await run(engine, [...args, "."]);
  if (archive !== undefined) await save(engine, image, archive);
  const seconds = ((performance.now() - started) / 1000).toFixed(0);
  process.stderr.write(
    `${image}: built in ${seconds} s${archive === undefined ? "" : `, saved to ${archive}`}\n`,
  );
}

/** What this user's package manager needs to reach its registry; seen by build steps, kept in no image. */
function secrets(): readonly string[] {
  const files = { npmrc: join(homedir(), ".npmrc"), ca: process.env["NODE_EXTRA_CA_CERTS"] ?? "" };
  return Object.entries(files).flatMap(([id, path]) =>
    path !== "" && existsSync(path) ? ["--secret", `id=${id},src=${path}`] : [],
  );
}

async function save(engine: Engine, image: string, archive: string): Promise<void> {
  const how: Readonly<Record<Engine, readonly string[]>> = {
    docker: ["save", "--output", archive, image], // an OCI layout since Docker 25
    podman: ["save", "--format", "oci-archive", "--output", archive, image],
    buildah: ["push", image, `oci-archive:${archive}:${image}`],
  };
  await run(engine, how[engine]);
}

async function run(program: string, args: readonly string[]): Promise<void> {
  const child = spawn(program, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, DOCKER_BUILDKIT: "1" },
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
  if (code === 0) return;
  throw new Refusal(
    `${program} ${args.join(" ")}: ${signal ?? `exit code ${code}`}\n` +
      "If a base image could not be pulled, name another with --build-arg; docker/*.Dockerfile say what they need of it.",
  );
}

function version(): string {
  return (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  process.stderr.write(`herald: ${error.message}\n`);
  process.exitCode = 1;
}
