// node docker/warm.ts: starts each bundle once, as the image will, so that Node leaves its compile cache beside it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { createServer, get } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

interface Warmed {
  /** Folder of the bundle, at the path it has in the image. */
  readonly folder: string;
  readonly program: string;
  /** As the image's USER says: Node keeps a cache for each. */
  readonly uid: number;
  readonly args: readonly string[];
}

const WARMED: readonly Warmed[] = [
  { folder: "/controller", program: "controller.js", uid: 65534, args: [] },
  { folder: "/speaker", program: "speaker.js", uid: 0, args: ["--exclude-interfaces=."] },
];

/** As in the images' ENTRYPOINT: another set of V8's flags is another cache. */
const FLAGS = ["--max-semi-space-size=1"];
const START_MS = 15_000;

/** An address nobody answers at, and an account: the programs start, list nothing and stop. */
const CLUSTER = {
  KUBERNETES_SERVICE_HOST: "127.0.0.1",
  KUBERNETES_SERVICE_PORT: "1",
  METALLB_NAMESPACE: "metallb-system",
  METALLB_NODE_NAME: "warm",
  METALLB_POD_NAME: "warm",
};
const ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount";

async function warm({ folder, program, uid, args }: Warmed): Promise<void> {
  const cache = join(folder, "cache");
  mkdirSync(cache);
  chownSync(cache, uid, uid);
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [...FLAGS, join(folder, program), "--port", String(port), "--host", "127.0.0.1", ...args],
    { uid, gid: uid, env: { ...CLUSTER, NODE_COMPILE_CACHE: cache }, stdio: "inherit" },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await started(child, port);
  child.kill("SIGTERM"); // the cache is written on the way out
  await ended;
  const written = open(cache);
  if (written === 0) throw new Error(`${program} left no compile cache: did it start?`);
  process.stdout.write(`${program}: ${written} files in its compile cache\n`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

async function started(child: ChildProcess, port: number): Promise<void> {
  const due = performance.now() + START_MS;
  while (child.exitCode === null && performance.now() < due) {
    if (await answers(port)) return;
    await sleep(100);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (response) => {
      response.resume();
      response.once("end", () => resolve(true));
    });
    request.once("error", () => resolve(false));
  });
}

/** Node writes them for its user alone, but in the image they are root's. @returns how many files. */
function open(folder: string): number {
  chmodSync(folder, 0o755);
  const entries = readdirSync(folder, { withFileTypes: true });
  let files = 0;
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) files += open(path);
    else {
      chmodSync(path, 0o644);
      files += 1;
    }
  }
  return files;
}

mkdirSync(ACCOUNT, { recursive: true });
for (const name of ["token", "ca.crt", "namespace"]) writeFileSync(join(ACCOUNT, name), "");
for (const one of WARMED) await warm(one);
