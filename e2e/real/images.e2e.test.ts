import assert from "node:assert/strict";
import { existsSync, globSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { after, describe } from "node:test";
import { command } from "../cluster/command.ts";
import { cacheFolder } from "../cluster/folders.ts";
import { Buildah } from "../cluster/image/buildah.ts";
import { buildImages, type ImageName } from "../cluster/images.ts";
import { clusterTests } from "./cluster-tests.ts";

const NAMES = ["controller", "speaker"] as const satisfies readonly ImageName[];
const { it, before } = clusterTests({ kubelets: true });

interface Unpacked {
  readonly container: string;
  /** Where its root file system is. */
  readonly root: string;
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
  };
}

describe("images", () => {
  const images = new Map<string, Unpacked>();
  let buildah: Buildah;

  before(async () => {
    const archives = await buildImages({ onProgress: (line) => console.error(line) });
    buildah = await Buildah.open(join(cacheFolder(), "images", "storage"));
    for (const name of NAMES) {
      const archive = `oci-archive:${archives[name]}`;
      const container = (await buildah.run(["from", "--quiet", archive], { timeoutMs: 300_000 })).trim();
      const root = (await buildah.run(["mount", container])).trim();
      const { OCIv1 } = JSON.parse(await buildah.run(["inspect", container])) as {
        OCIv1: { config: Unpacked["config"] };
      };
      images.set(name, { container, root, config: OCIv1.config });
    }
  });

  after(async () => {
    for (const { container } of images.values()) await buildah.run(["rm", container]);
  });

  function image(name: string): Unpacked {
    const found = images.get(name);
    assert.ok(found);
    return found;
  }

  /** Runs a command as the kubelet would: read-only root, no network but loopback, these capabilities of root's. */
  function run(name: string, capabilities: string, argv: readonly string[]): Promise<string> {
    const { root, config } = image(name);
    const [uid = "0", gid = "0"] = config.User.split(":");
    const prepare =
      'ip link set lo up; mount --bind "$0" "$0"; mount -o remount,ro,bind "$0"; exec chroot "$@"';
    const user = [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--no-new-privs"];
    const limits = [`--bounding-set=${capabilities}`, `--inh-caps=${capabilities}`];
    return command([
      ...["unshare", "--mount", "--net", "--fork", "--kill-child", "sh", "-c", prepare, root, root],
      ...["setpriv", ...user, ...limits, "--", "env", "-i", ...config.Env, ...argv],
    ]);
  }

  for (const name of NAMES) {
    it(`holds nothing of how ${name} was built`, () => {
      const { root } = image(name);
      const tools = ["gcc", "g++", "cc", "make", "python3", "npm", "npx", "pnpm", "git", "tcpdump"];
      const folders = ["bin", "usr/bin", "usr/sbin", "usr/local/bin"].map((folder) => join(root, folder));
      assert.deepEqual(
        tools.filter((tool) => folders.some((folder) => existsSync(join(folder, tool)))),
        [],
      );
      const sources = globSync(["**/*.ts", "**/*.cc", "**/*.gyp"], { cwd: join(root, name) });
      const emptied = ["var/lib/apt/lists", "var/cache/apt", "run/secrets"].flatMap((folder) =>
        existsSync(join(root, folder)) ? readdirSync(join(root, folder)) : [],
      );
      assert.deepEqual([...sources, ...emptied], []);
      assert.deepEqual(
        ["src", "store", "root/.npmrc"].filter((path) => existsSync(join(root, path))),
        [],
      );
    });

    it(`starts ${name} on a read-only root with its compile cache`, async () => {
      const { Entrypoint } = image(name).config;
      const argv = [
        "NODE_DEBUG_NATIVE=COMPILE_CACHE",
        "sh",
        "-c",
        'exec "$@" 2>&1',
        "sh",
        ...Entrypoint,
        "--help",
      ];
      const said = await run(name, "-all", argv);
      assert.match(said, new RegExp(`cache for ESM file:///${name}/${name}\\.js was accepted`));
      assert.match(said, /--log-level/);
    });
  }

  it("has the command herald beside the controller", async () => {
    assert.match(await run("controller", "-all", ["herald", "convert", "--help"]), /^herald convert: writes/);
  });

  it("lets the speaker open an interface with NET_RAW alone, and call libc", async () => {
    const script = `
      const { default: koffi } = await import("/speaker/node_modules/koffi/index.js");
      const { default: cap } = await import("/speaker/node_modules/cap/lib/Cap.js");
      const capture = new cap.Cap();
      const pid = koffi.load("libc.so.6").func("int getpid()")();
      capture.on("open", (link) => {
        process.stdout.write(link + " " + (pid === process.pid));
        process.exit();
      });
      capture.on("error", (error) => {
        process.stderr.write(error.message);
        process.exit(1);
      });
      capture.open("lo", "arp", 1 << 20, Buffer.alloc(65535));`;
    const node = ["/usr/local/bin/node", "--input-type=module", "--eval", script];
    assert.equal(await run("speaker", "-all,+net_raw", node), "ETHERNET true");
    await assert.rejects(run("speaker", "-all", node), /Operation not permitted/);
  });
});
