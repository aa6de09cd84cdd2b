#!/usr/bin/env node
// Makes any Linux machine with some Node and npm able to run this repository, then runs a command in it:
//   node scripts/bootstrap.mjs COMMAND [ARGUMENT...]
// Plain JavaScript and old built-ins only: this is the one file that runs on whatever Node a machine has.
// Everything it installs goes to .tools and node_modules, both ignored by git.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const tools = join(root, ".tools");
const nodeHome = join(tools, "node_modules", `node-linux-${process.arch}`);
const nodeGyp = join(tools, "node_modules", "pnpm", "dist", "node-gyp-bin");

/** Headers and compilers that the packet library is built with, and the Debian package that brings each. */
const BUILD_NEEDS = [
  { file: "/usr/include/pcap/pcap.h", debian: "libpcap-dev" },
  { program: "g++", debian: "g++" },
  { program: "make", debian: "make" },
  { program: "python3", debian: "python3" },
];

function main(command) {
  if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch)) {
    fail(`this repository runs on Linux, x64 or arm64; this is ${process.platform} ${process.arch}`);
  }
  if (command.length === 0) fail("usage: node scripts/bootstrap.mjs COMMAND [ARGUMENT...]");
  installToolchain();
  const environment = {
    ...process.env,
    PATH: `${join(nodeHome, "bin")}:${join(tools, "node_modules", ".bin")}:${nodeGyp}:${join(root, "node_modules", ".bin")}:${process.env.PATH}`,
    npm_config_nodedir: nodeHome, // the headers; node-gyp would otherwise look for them on the network
  };
  installPackages(environment);
  run(command, environment);
}

function installToolchain() {
  const sources = join(root, "scripts", "toolchain");
  const stamp = join(tools, "stamp");
  const wanted = digest([join(sources, "package.json")]) + process.arch;
  if (read(stamp) === wanted && existsSync(join(nodeHome, "bin", "node"))) return;
  step("Node 24 and pnpm into .tools", () => {
    const fresh = `${tools}.new`;
    rmSync(fresh, { recursive: true, force: true });
    mkdirSync(fresh);
    for (const name of readdirSync(sources)) cpSync(join(sources, name), join(fresh, name));
    execute(
      "npm",
      ["install", "--no-package-lock", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"],
      fresh,
      process.env,
    );
    writeFileSync(join(fresh, "stamp"), wanted);
    rmSync(tools, { recursive: true, force: true });
    renameSync(fresh, tools);
  });
}

function installPackages(environment) {
  const manifests = ["packages", "."].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => join(root, folder, name, "package.json")),
  );
  const inputs = ["pnpm-lock.yaml", "pnpm-workspace.yaml", "package.json"].map((name) => join(root, name));
  const patches = existsSync(join(root, "patches"))
    ? readdirSync(join(root, "patches")).map((name) => join(root, "patches", name))
    : [];
  const wanted = digest([
    ...inputs,
    ...patches,
    ...manifests.filter((file) => !file.includes("node_modules/")),
  ]);
  const stamp = join(root, "node_modules", ".bootstrap");
  if (read(stamp) === wanted) return;
  installBuildNeeds();
  step("packages into node_modules", () => {
    const pnpm = join(tools, "node_modules", ".bin", "pnpm");
    execute(
      pnpm,
      ["install", "--frozen-lockfile", "--reporter=append-only", "--loglevel=warn"],
      root,
      environment,
    );
    writeFileSync(stamp, wanted);
  });
}

function installBuildNeeds() {
  const missing = BUILD_NEEDS.filter((need) => (need.file ? !existsSync(need.file) : !onPath(need.program)));
  if (missing.length === 0) return;
  const names = missing.map((need) => need.debian);
  if (process.getuid() !== 0 || !onPath("apt-get")) {
    fail(
      `the packet library is compiled here and needs: ${names.join(", ")} (Debian names); please install them first`,
    );
  }
  step(`Debian packages ${names.join(", ")}`, () => {
    const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    execute("apt-get", ["update", "-qq"], root, environment);
    execute("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...names], root, environment);
  });
}

function step(what, work) {
  const started = Date.now();
  process.stderr.write(`herald: installing ${what} ...\n`);
  work();
  process.stderr.write(`herald: installed ${what} in ${((Date.now() - started) / 1000).toFixed(1)} s\n`);
}

/** Quiet unless it fails: then everything the program said is shown. */
function execute(program, args, cwd, env) {
  const result = spawnSync(program, args, { cwd, env, encoding: "utf8", maxBuffer: 1 << 28 });
  if (result.error) fail(`${program} cannot be started: ${result.error.message}`);
  if (result.status === 0) return;
  process.stderr.write(`${result.stdout}${result.stderr}`);
  fail(`${program} ${args.join(" ")} failed (${result.signal || `exit code ${result.status}`})`);
}

function run([program, ...args], env) {
  const child = spawn(program, args, { cwd: process.cwd(), env, stdio: "inherit" });
  // A terminal sends Ctrl-C to the whole group: the child decides when to end, we wait for it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on("error", (error) => fail(`${program} cannot be started: ${error.message}`));
  child.on("exit", (code, signal) => process.exit(code === null ? 128 + constants.signals[signal] : code));
}

function digest(files) {
  const hash = createHash("sha256");
  for (const file of files.filter((name) => existsSync(name)).sort())
    hash.update(file.slice(root.length)).update(readFileSync(file));
  return hash.digest("hex");
}

function read(file) {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

function onPath(program) {
  return (process.env.PATH || "")
    .split(":")
    .some((folder) => folder !== "" && existsSync(join(folder, program)));
}

function fail(sentence) {
  process.stderr.write(`herald: ${sentence}\n`);
  process.exit(1);
}

main(process.argv.slice(2));
